// Crisp. `$crisp` is an array of queued calls until their script has loaded. The script runs the calls, and replaces the
// array by an object with the method `is`.
// https://docs.crisp.chat, "Identity Verification", "Session Continuity"
import { ownGlobal } from "../browser/src/dom.js";
import { removeCookies } from "../browser/src/remove_cookies.js";

/** @type {import("../browser/widgetmw").VendorScript<"crisp">["connect"]} */
const connect = (vendor) => {
  /**
   * A queue that we have created. The page's own snippet, if it comes later, replaces it.
   *
   * @type {CrispQueue | undefined}
   */
  let ours;
  const find = () => ownGlobal("$crisp");
  const queue = () => {
    const present = find();
    if (present) return present;
    const calls = (window.$crisp = ours = /** @type {unknown[][]} */ ([]));
    vendor.waitFor(() => calls === ours && window.$crisp !== calls).then(() => {
      identified = undefined;
      return update();
    });
    return calls;
  };
  /** @type {string | undefined} */
  let identified;
  // Whether the widget still has the previous user, after a `late` sign-out. Until the next one, nobody is identified.
  let showsPreviousUser = false;
  // The next user is identified after the clean-up, which would remove their email as well.
  let cleanUp = Promise.resolve();
  const update = () =>
    cleanUp.then(() => {
      const { email, token, name } = vendor.token ?? {};
      if (!token || token === identified || showsPreviousUser) return;
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
      const calls = find();
      // Still queued: the next visitor's widget would start with the email of the user who has left.
      if (Array.isArray(calls)) {
        for (let index = calls.length; index--; ) if (/^user:/.test(calls[index]?.[1])) calls.splice(index, 1);
      }
      if (origin === "late") {
        const isHere = !!(wasIdentified && calls?.is);
        if (isHere) calls?.push(["do", "chat:hide"]);
        showsPreviousUser ||= isHere;
        return;
      }
      const reset = () => {
        find()?.push(["do", "session:reset"]);
        if (showsPreviousUser) find()?.push(["do", "chat:show"]);
        showsPreviousUser = false;
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
