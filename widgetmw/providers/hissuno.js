// Hissuno has no script, only a React component. A global holds the component's props, a new object for each token.

/**
 * Returns what a token says. The server writes it in ASCII, with escapes for all other characters.
 *
 * @param {string} token
 */
const claims = (token) => JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));

/** @typedef {import("../browser/widgetmw").VendorScript<"hissuno", () => void>} Script */

/** @type {Script["init"]} */
const init = (vendor) => {
  const setProps = () => {
    const widgetToken = vendor.token?.token;
    const { userId, userMetadata } = widgetToken ? claims(widgetToken) : {};
    const identity = widgetToken && { widgetToken, userId, userMetadata };
    window.HISSUNO_WIDGET_CONFIG = /** @type {any} */ ({ ...vendor.config, ...identity });
  };
  if (vendor.forVisitor) setProps();
  return setProps;
};

/** @type {Script["connect"]} */
const connect = (vendor, setProps) => ({
  update({ source }) {
    if (source !== "page") setProps();
  },
  // Removes the user's stored conversations, or all if the user is unknown. The keys are those in the vendor's source.
  logout({ token, origin }) {
    window.HISSUNO_WIDGET_CONFIG = undefined;
    if (origin !== "here") return;
    const sessions = "hissuno_sessions_" + vendor.config.projectId + "_";
    const chats = "hissuno_chat_" + vendor.config.projectId + "_";
    /** @param {import("../browser/widgetmw").WidgetToken | undefined} owner */
    const sessionsOf = (owner) => owner && sessions + claims(owner.token).userId;
    const ended = sessionsOf(token);
    const next = sessionsOf(vendor.token);
    for (const key of Object.keys(localStorage)) {
      const isTheirs = ended ? key === ended : key.startsWith(sessions) && key !== next;
      if (isTheirs || key.startsWith(chats)) localStorage.removeItem(key);
    }
  },
});

export default { init, connect };
