// tawk.to. `Tawk_API` has no queue: its methods exist once the widget has called `onBeforeLoad`, or at the latest
// `onLoad`. The page may set the same callbacks, before or after us.
// https://developer.tawk.to/jsapi/
import { removeCookies } from "../browser/src/remove_cookies.js";

/** @type {import("../browser/widgetmw").VendorScript<"tawk">["connect"]} */
const connect = (vendor) => {
  const isReady = () => window.Tawk_API?.login;
  const ready = new Promise((resolve) => {
    const look = () => isReady() && resolve(undefined);
    vendor.waitFor(isReady).then(resolve);
    vendor.waitFor(() => window.Tawk_API).then((api) => {
      for (const name of ["onBeforeLoad", "onLoad"]) {
        /** @type {() => void} */
        let callback;
        // A new function for each callback: the page may wrap the one that it finds here.
        const set = (/** @type {((...values: unknown[]) => unknown) | undefined} */ own) => {
          callback = function (/** @type {unknown[]} */ ...values) {
            look();
            return own?.apply(api, values);
          };
        };
        set(api[name]);
        Object.defineProperty(api, name, { get: () => callback, set, configurable: true, enumerable: true });
      }
    });
  });

  /**
   * Calls a method that takes a callback with an error. Fulfilled after some seconds if nothing is called back.
   *
   * @param {"login" | "logout"} method
   * @param {any} values
   */
  const call = (method, ...values) =>
    new Promise((resolve, reject) => {
      setTimeout(resolve, 3000);
      window.Tawk_API?.[method]?.(...values, (/** @type {any} */ error) => {
        error ? reject(Error(method + " failed: " + (error.message ?? error))) : resolve(undefined);
      });
    });
  const start = () => {
    isStopped = false;
    window.Tawk_API?.start?.({ showWidget: true });
  };
  // Whether the widget has no connection, since we have embedded or shut it down.
  let isStopped = false;
  // Whether the widget still has the previous user, after a `late` sign-out. Until the next one, nobody is identified.
  let showsPreviousUser = false;
  /** @type {string | undefined} */
  let loggedIn;
  // The next user is logged in after the clean-up.
  /** @type {Promise<any>} */
  let cleanUp = ready;

  return {
    update: () =>
      // This may be the next user's clean-up by the time the widget is ready.
      ready.then(() => cleanUp).then(() => {
        const { token: hash, userId, name, email } = vendor.token ?? {};
        if (!hash || hash === loggedIn || showsPreviousUser) return;
        loggedIn = hash;
        const user = { userId, hash, ...(name && { name }), ...(email && { email }) };
        return call("login", user).finally(() => isStopped && start());
      }),
    logout({ origin, isDue }) {
      const wasLoggedIn = loggedIn;
      loggedIn = undefined;
      if (origin === "here") removeCookies("twk_uuid_" + vendor.config.propertyId, "twk_idm_key", "TawkConnectionTime");
      else if (!isReady()) return;
      if (origin === "late") {
        if (!wasLoggedIn) return;
        showsPreviousUser = true;
        for (const method of /** @type {const} */ (["hideWidget", "shutdown"])) window.Tawk_API?.[method]?.();
        return;
      }
      const end = async () => {
        showsPreviousUser = false;
        await call("logout");
        isStopped = true;
        window.Tawk_API?.shutdown?.();
        // The page of somebody else: an anonymous visitor keeps the widget.
        if (!wasLoggedIn && !vendor.token) start();
      };
      // At once if the widget is there: in this page it is due even if another tab has cleaned up what they share.
      return (cleanUp = isReady() ? end() : ready.then(() => (isDue() ? end() : undefined)));
    },
    embed() {
      if (window.Tawk_LoadStart) return; // the page has the vendor's snippet
      const { propertyId, widgetId } = vendor.config;
      const api = (window.Tawk_API ??= {});
      window.Tawk_LoadStart = new Date();
      // Otherwise an anonymous visitor would come first.
      isStopped = !!vendor.token;
      if (isStopped) api.autoStart = false;
      const attributes = { charset: "UTF-8", crossorigin: "*" };
      return vendor.loadScript(`https://embed.tawk.to/${propertyId}/${widgetId}`, attributes);
    },
  };
};

export default { connect };
