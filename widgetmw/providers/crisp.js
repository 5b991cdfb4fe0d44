// Crisp. `$crisp` is an array until their script has loaded, which plays the calls in it; only after that it has `is`.
// https://docs.crisp.chat, "Identity Verification", "Session Continuity"

/**
 * @param {import("../browser/widgetmw").Vendor<"crisp">} vendor
 * @returns {import("../browser/widgetmw").VendorHooks}
 */
const connect = (vendor) => {
  /**
   * A queue that we have created. The page's own snippet, if it comes later, replaces it.
   *
   * @type {CrispQueue | undefined}
   */
  let ours;
  // An element with the id `$crisp` makes a global, too.
  const find = () => (({}).hasOwnProperty.call(window, "$crisp") ? window.$crisp : undefined);
  const queue = () => find() ?? (window.$crisp = ours = /** @type {unknown[][]} */ ([]));
  // Whether the widget still has a user who has left, whom this page noticed too late to end the session, which may be
  // somebody else's by now. Nobody else is identified in it.
  let isLeftOver = false;
  let isIdentified = false;
  // The next user is identified after the clean-up, which would remove their email as well.
  let cleanUp = Promise.resolve();
  const identify = () => {
    const { email, token, name } = vendor.token ?? {};
    if (!token || isLeftOver) return;
    isIdentified = true;
    const calls = queue();
    calls.push(["set", "user:email", [email, token]]);
    if (name) calls.push(["set", "user:nickname", [name]]);
    if (calls === ours) vendor.waitFor(() => calls === ours && window.$crisp !== calls).then(identify);
  };

  return {
    update: () => cleanUp.then(identify),
    logout({ origin, isDue }) {
      // A page may set it, and whoever has it is that user to Crisp.
      delete window.CRISP_TOKEN_ID;
      const calls = find();
      const wasIdentified = isIdentified;
      isIdentified = false;
      // Not played yet: the next visitor's widget would start with the email of the user who has left.
      if (Array.isArray(calls)) {
        for (let index = calls.length; index--; ) if (/^user:/.test(calls[index]?.[1])) calls.splice(index, 1);
      }
      if (origin === "late") {
        isLeftOver ||= wasIdentified && !!calls?.is;
        return;
      }
      const reset = () => {
        isLeftOver = false;
        find()?.push(["do", "session:reset"]);
      };
      // Each page with the widget shows the conversation, whether or not another one has reset the session already.
      if (calls?.is) return reset();
      if (origin === "elsewhere") return;
      return (cleanUp = vendor.waitFor(() => find()?.is).then(() => {
        if (isDue()) reset();
      }));
    },
    embed() {
      queue();
      ours = undefined;
      window.CRISP_WEBSITE_ID ??= vendor.config.websiteId;
      return vendor.loadScript("https://client.crisp.chat/l.js");
    },
  };
};

export default { connect };
