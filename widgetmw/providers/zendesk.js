// Zendesk's widget (Messaging) asks for a token when a user is logged in, and again when it needs a newer one, so it
// gets a function. `zE` is defined once Zendesk's snippet has run. The methods are documented under "Authentication".
import { selectAll } from "../browser/src/dom.js";

/** @type {import("../browser/widgetmw").VendorScript<"zendesk">["connect"]} */
const connect = (vendor) => {
  // An element with the id `zE` is no function.
  const find = () => typeof window.zE == "function" && window.zE;
  // Their snippet finds its element by the id (documented). A page that removes the widget may leave its element.
  const ID = "ze-snippet";
  const snippet = () => [...selectAll("#" + ID)].pop();
  // The session that the widget knows of or waits for.
  /** @type {object | undefined} */
  let current;
  // Whether the widget still has the previous user, after a `late` sign-out. Until the next one, nobody is identified.
  let showsPreviousUser = false;
  let retriedAt = 0;
  /** @type {(session: object) => Promise<void>} */
  const login = (session) =>
    new Promise((resolve, reject) => {
      if (session !== current) return resolve();
      /**
       * @param {(token: string) => void} callback may be called late (documented)
       * @param {number} delay before the next attempt, in milliseconds
       */
      const giveToken = (callback, delay) =>
        vendor
          .getToken()
          .then(
            ({ token }) => session === current && callback(token),
            () => session === current && setTimeout(giveToken, delay, callback, Math.min(2 * delay, 3e5))
          )
          .catch(reject);
      /** @param {ZendeskError | null} [error] `null` after a success (documented) */
      const onResult = (error) => {
        if (!error) return resolve();
        if (session !== current || Date.now() < retriedAt + 6e4) return reject(Error(error.reason ?? error.type));
        retriedAt = Date.now();
        /** @type {import("../browser/widgetmw").WidgetmwApi} */ (window.widgetmw)
          .refresh(vendor.name)
          .then(() => login(session))
          .then(resolve, reject);
      };
      window.zE?.("messenger", "loginUser", (/** @type {any} */ callback) => giveToken(callback, 2e4), onResult);
    });
  return {
    update() {
      if (current || showsPreviousUser) return;
      const session = (current = {});
      // A page may remove the widget, and add it again: that one has not been told how to get a token.
      /** @returns {Promise<void>} */
      const follow = () => {
        const known = snippet();
        const isAnother = () => session === current && snippet() && snippet() !== known && find();
        vendor.waitFor(isAnother).then(follow).catch(() => {});
        return login(session);
      };
      return vendor.waitFor(find).then(follow);
    },
    logout({ origin, isDue }) {
      const wasGiven = current;
      current = undefined;
      if (origin === "late") {
        if (!wasGiven || !find()) return;
        showsPreviousUser = true;
        window.zE?.("messenger", "hide");
        return;
      }
      const end = () => {
        if (!isDue()) return;
        if (showsPreviousUser) window.zE?.("messenger", "show");
        showsPreviousUser = false;
        window.zE?.("messenger", "logoutUser");
      };
      if (find()) return end();
      if (origin === "here") return vendor.waitFor(find).then(end);
    },
    embed() {
      if (snippet()) return; // there can be only one
      const url = "https://static.zdassets.com/ekr/snippet.js?key=" + encodeURIComponent(vendor.config.key);
      return vendor.loadScript(url, { id: ID });
    },
  };
};

export default { connect };
