// Front Chat. `FrontChat` has no queue, and takes `init` once per page load, unless it is shut down in between. The page
// may call `init` before or after us, so we wrap `FrontChat` to see it.
// https://dev.frontapp.com/docs/chat-sdk-reference

const BUNDLE = "https://chat-assets.frontapp.com/v1/chat.bundle.js";

/**
 * @param {import("../browser/widgetmw").Vendor<"front">} vendor
 * @returns {import("../browser/widgetmw").VendorHooks}
 */
const connect = (vendor) => {
  /** @type {object} */
  let options = { chatId: vendor.config.chatId, useDefaultLauncher: true };
  /** @type {string | undefined} */
  let identified;
  // While a clean-up is pending, the widget may resume the chat of the user who has left: nobody else is identified.
  let isCleaningUp = false;
  let isShutDown = false;
  const identity = () => {
    const { token: userHash, userId, email, name } = vendor.token ?? {};
    if (!userHash || isCleaningUp) return;
    identified = userHash;
    return { userId, userHash, ...(email && { email }), ...(name && { name }) };
  };
  const call = (/** @type {string} */ command, /** @type {unknown} */ value) => window.FrontChat?.(command, value);

  // A widget that is there by now has been started: their snippet calls `init` right after the bundle. If it has not
  // been, `init` gets the identity again.
  let isStarted = !!window.FrontChat;
  /** @type {Promise<void>} */
  const started = new Promise((resolve) => {
    const wrap = (/** @type {NonNullable<typeof window.FrontChat>} */ original) => {
      window.FrontChat = new Proxy(original, {
        apply(target, self, [command, given, ...more]) {
          if (command !== "init") return Reflect.apply(target, self, [command, given, ...more]);
          options = given ?? options;
          isStarted = true;
          isShutDown = false;
          try {
            return Reflect.apply(target, self, [command, { ...options, ...identity() }, ...more]);
          } finally {
            resolve();
          }
        },
      });
    };
    if (window.FrontChat) {
      wrap(window.FrontChat);
      resolve();
    } else vendor.waitFor(() => window.FrontChat).then(wrap);
  });
  /** @type {Promise<void>} */
  let cleanUp = started;

  return {
    update: () =>
      // This may be the next user's clean-up by the time the widget is started.
      started.then(() => cleanUp).then(() => {
        if (!vendor.token || vendor.token.token === identified) return;
        if (isShutDown) call("init", options);
        else call("identity", identity());
      }),
    logout({ origin, isDue }) {
      const wasIdentified = identified;
      identified = undefined;
      if (origin !== "here" && !isStarted) return;
      if (origin === "late") {
        // Hides the chat (documented), whose session may be somebody else's by now; `init` resumes that one.
        isShutDown ||= !!wasIdentified;
        if (wasIdentified) call("shutdown", { clearSession: false });
        return;
      }
      const end = () => {
        isShutDown = true;
        call("shutdown", { clearSession: true });
        // The page of somebody else: an anonymous visitor keeps the widget.
        if (!wasIdentified && !vendor.token) call("init", options);
      };
      // At once if the widget is there: in this page it is due even if another tab has cleaned up what they share.
      if (isStarted) return end();
      isCleaningUp = true;
      return (cleanUp = started.then(() => {
        isCleaningUp = false;
        if (isDue()) end();
      }));
    },
    async embed() {
      const own = Document.prototype.querySelector.call(document, `script[src="${BUNDLE}"]`);
      if (own || window.FrontChat) return; // the page starts the widget
      await vendor.loadScript(BUNDLE);
      call("init", options);
    },
  };
};

export default { connect };
