// Crisp. `$crisp` is an array until their script has loaded, which plays the calls in it; only after that it has `is`.
// https://docs.crisp.chat, "Identity Verification", "Session Continuity"
import { removeCookies } from "../browser/src/remove_cookies.js";

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
  const queue = () => {
    if (window.$crisp) return window.$crisp;
    const calls = (window.$crisp = ours = /** @type {unknown[][]} */ ([]));
    vendor.waitFor(() => calls === ours && window.$crisp !== calls).then(() => {
      identified = undefined;
      return update();
    });
    return calls;
  };
  /** @type {string | undefined} */
  let identified;
  // Whether the widget shows the conversation of a user who has left, and must not be reset.
  let isHidden = false;
  // The next user is identified after the clean-up, which would remove their email as well.
  let cleanUp = Promise.resolve();
  const update = () =>
    cleanUp.then(() => {
      const { email, token, name } = vendor.token ?? {};
      if (!token || token === identified || isHidden) return;
      identified = token;
      const calls = queue();
      calls.push(["set", "user:email", [email, token]]);
      if (name) calls.push(["set", "user:nickname", [name]]);
    });

  return {
    update,
    logout({ origin, isDue }) {
      const wasIdentified = identified;
      identified = undefined;
      if (origin === "here") removeCookies("crisp-client/session/" + vendor.config.websiteId);
      // A page may set it, and whoever has it is that user to Crisp.
      delete window.CRISP_TOKEN_ID;
      const calls = window.$crisp;
      // Not played yet: the next visitor's widget would start with the email of the user who has left.
      if (Array.isArray(calls)) {
        for (let index = calls.length; index--; ) if (/^user:/.test(calls[index]?.[1])) calls.splice(index, 1);
      }
      if (origin === "late") {
        // The session may be somebody else's by now. The next page shows the widget again.
        isHidden = !!(wasIdentified && calls?.is);
        if (isHidden) calls?.push(["do", "chat:hide"]);
        return;
      }
      const reset = () => {
        window.$crisp?.push(["do", "session:reset"]);
        if (isHidden) window.$crisp?.push(["do", "chat:show"]);
        isHidden = false;
      };
      // Each page with the widget shows the conversation, whether or not another one has reset the session already.
      if (calls?.is) return reset();
      if (origin === "elsewhere") return;
      return (cleanUp = vendor.waitFor(() => window.$crisp?.is).then(() => {
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
