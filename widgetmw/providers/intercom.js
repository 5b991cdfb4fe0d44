// Intercom reads `intercomSettings` when it boots, and takes further settings with Intercom("boot") and ("update").
// It refuses an update of a user without the token, so the page's own settings and calls get it, too. What is signed is
// not repeated beside the token, as in intercom-rails.
import { removeCookies } from "../browser/src/remove_cookies.js";

/** @typedef {Record<string, any>} Settings */
/**
 * @typedef {object} State what `init` and `connect` share
 * @property {(settings: Settings, isUpdate?: boolean) => Settings} complete adds our keys to settings and returns them
 * @property {number[]} updates when the page or we have called "update"
 * @property {unknown} isLate whether Intercom may have read settings without the token
 * @property {boolean} showsPreviousUser whether Intercom still has the previous user, after a `late` sign-out
 */
/** @typedef {import("../browser/widgetmw").VendorScript<"intercom", State>} Script */

/** @type {Script["init"]} */
const init = (vendor) => {
  /** @type {number[]} */
  const updates = [];
  /** @type {State["complete"]} */
  const complete = (settings, isUpdate) => {
    const token = !state.showsPreviousUser && vendor.token?.token;
    if (token) {
      const claims = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
      for (const name in { ...claims, user_hash: 0 }) delete settings[name];
      settings.intercom_user_jwt = token;
    }
    if (vendor.forVisitor && !isUpdate) for (const name in vendor.config) settings[name] ??= vendor.config[name];
    return settings;
  };
  /** @type {(name: "Intercom" | "intercomSettings", get: (value: any) => any) => void} */
  const trap = (name, get) => {
    let value = window[name];
    try {
      const set = (/** @type {any} */ own) => (value = own);
      Object.defineProperty(window, name, { configurable: true, enumerable: true, get: () => (value = get(value)), set });
    } catch {
      // An earlier script has declared the name with `var`.
      window[name] = get(value);
    }
  };
  /** @type {State} */
  const state = { complete, updates, isLate: window.Intercom, showsPreviousUser: false };
  // A copy, since the page may use its object for other purposes.
  /** @type {Settings | undefined} */
  let copy;
  trap("intercomSettings", (own) => (own || vendor.forVisitor ? complete((copy = own === copy ? own ?? {} : { ...own })) : own));
  /** @type {unknown} */
  let proxy;
  /** @type {ProxyHandler<Function>} */
  const handler = {
    apply(target, self, call) {
      const isUpdate = call[0] === "update";
      if (isUpdate) updates.push(Date.now());
      if (call[0] === "shutdown") state.showsPreviousUser = false;
      if (isUpdate ? vendor.token : call[0] === "boot") call[1] = complete({ ...call[1] }, isUpdate);
      return Reflect.apply(target, self, call);
    },
  };
  trap("Intercom", (own) => (typeof own != "function" || own === proxy ? own : (proxy = new Proxy(own, handler))));
  return state;
};

/** @type {Script["connect"]} */
const connect = (vendor, state) => {
  const { complete, updates, isLate } = state;
  // Intercom drops what exceeds 20 updates in half an hour (documented), so a renewal waits.
  /** @type {number | undefined} */
  let timer;
  const update = () => {
    clearTimeout(timer);
    const wait = updates[updates.length - 20] + 1.8e6 - Date.now();
    if (wait > 0) timer = setTimeout(update, wait);
    else if (vendor.token && !state.showsPreviousUser) window.Intercom?.("update", complete({}, true));
  };
  // What does not depend on the user (documented). Any other name may be that of an attribute of the page's own.
  const launcher = /^(hide_default_launcher|custom_launcher_selector|(horizontal|vertical)_padding|(action|background)_color)$/;
  const kept = (/** @type {string} */ name) =>
    launcher.test(name) || /^(app_id|api_base|alignment|z_index|session_duration)$/.test(name);
  /** @param {Settings | undefined} settings */
  const anonymous = (settings = {}) => {
    for (const name in (settings = { ...vendor.config, ...settings })) if (!kept(name)) delete settings[name];
    return settings;
  };
  const isLoaded = () => window.Intercom && (window.Intercom.booted || !window.Intercom.q);
  return {
    update({ source }) {
      // The page's own, if it has replaced our accessor, or had declared the name before with `var`.
      const settings = window.intercomSettings;
      const isMissing = settings && settings.intercom_user_jwt !== vendor.token?.token;
      if (isMissing) complete(settings);
      if (source !== "page" || isLate || isMissing) update();
    },
    logout({ token, origin, isDue }) {
      if (token) {
        window.intercomSettings = anonymous(window.intercomSettings);
        for (const call of window.Intercom?.q ?? []) if (/^(boot|update)$/.test(call[0])) call[1] = anonymous(call[1]);
      }
      if (origin === "late") {
        if (!token || !isLoaded()) return;
        state.showsPreviousUser = true;
        window.Intercom?.("hide"); // its launcher stays
        return;
      }
      // The vendor documents that it may be deleted where its script is not loaded. Otherwise `shutdown` does so.
      if (origin === "here" && !isLoaded()) removeCookies("intercom-session-" + vendor.config.app_id);
      const end = () => {
        if (!isDue()) return;
        state.showsPreviousUser = false;
        window.Intercom?.("shutdown");
        window.Intercom?.("boot", window.intercomSettings ?? anonymous());
      };
      if (isLoaded()) return end();
      if (origin === "here") return vendor.waitFor(isLoaded).then(end);
    },
    embed() {
      // The page's own snippet does not load Intercom if it finds the function, so there is none without the loader.
      if (window.Intercom) return;
      const stub = function () {
        stub.c(arguments);
      };
      stub.q = /** @type {IArguments[]} */ ([]);
      stub.c = (/** @type {IArguments} */ call) => stub.q.push(call);
      window.Intercom = stub;
      return vendor.loadScript("https://widget.intercom.io/widget/" + vendor.config.app_id).catch((error) => {
        window.Intercom = undefined;
        throw error;
      });
    },
  };
};

export default { init, connect };
