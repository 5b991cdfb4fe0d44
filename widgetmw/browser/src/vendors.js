// Connects the vendors' scripts and calls the hooks that their `connect` functions return.
import { pause } from "./clock.js";
import { ownGlobal } from "./dom.js";
import {
  hasUnknownLogouts,
  isLogoutPending,
  pendingLogouts,
  updateMark,
  storePendingLogouts,
  writeStored,
} from "./browser_state.js";
import { loadScript, waitFor } from "./load_script.js";
import { shared } from "./shared.js";
import { warn } from "./warn.js";

/**
 * Calls a vendor's hook. An error is reported and affects no other vendor.
 *
 * @template {keyof import("../widgetmw").VendorHooks} Name
 * @param {string} vendor
 * @param {Name} hook
 * @param {Parameters<Required<import("../widgetmw").VendorHooks>[Name]>} values
 * @returns {Promise<true | void> | true | void} whether the hook succeeded; a promise if it returned one, never rejected
 */
export const callHook = (vendor, hook, ...values) => {
  try {
    /** @type {any} */
    const hooks = shared.vendors[vendor].hooks;
    const result = hooks?.[hook]?.(...values);
    // `resolve`, since what a third-party hook returns may only look like a promise.
    if (!result?.then) return true;
    return Promise.resolve(result).then(
      () => true,
      (error) => warn(vendor, error)
    );
  } catch (error) {
    warn(vendor, error);
  }
};

/**
 * The `connect` functions of the built-in vendors.
 *
 * @type {Record<string, import("../widgetmw").VendorScript["connect"]>}
 */
let connectFunctions;

/** @param {typeof connectFunctions} byVendor */
export const setConnectFunctions = (byVendor) => {
  connectFunctions = byVendor;
};

/** @param {string} name */
export const connectVendor = (name) => {
  const entry = shared.vendors[name];
  const script = ownGlobal("widgetmw_scripts")?.[name];
  if (entry.hooks || !(connectFunctions[name] || script)) return;
  // Set first: if `connect` throws, it is not called again.
  entry.hooks = {};
  const snippets = ((window.widgetmw_snippets ??= {})[name] ??= {});
  try {
    // Not `if (entry.error)`: a script can throw any value, even `undefined`.
    if ("error" in entry) throw entry.error;
    // Read here, since a third-party script's getter may throw.
    const connect = connectFunctions[name] ?? script?.connect;
    entry.hooks = connect?.(Object.assign(entry.vendor, { snippets, waitFor, loadScript }), entry.state) ?? {};
  } catch (error) {
    warn(name, error);
  }
};

/**
 * Uses a third-party vendor's script that ran after the start, for example with a document that was swapped in.
 *
 * @param {string} name
 */
export const onScript = (name) => {
  const entry = shared.vendors[name];
  if (!entry || entry.hooks) return;
  try {
    entry.state = ownGlobal("widgetmw_scripts")?.[name]?.init?.(entry.vendor);
  } catch (error) {
    entry.error = error;
  }
  connectVendor(name);
  if (entry.isNotified) callHook(name, "update", { source: "page" });
  embedVendors();
};

/**
 * Uses an operator's snippet whose script ran after the start.
 *
 * @param {string} vendor
 * @param {string} name
 */
export const onSnippet = (vendor, name) => {
  if (shared.vendors[vendor]) callHook(vendor, "snippet", name);
};

/**
 * Calls the vendors' `logout` hooks. A clean-up may have to wait for the vendor's widget; if this page has no widget, a
 * later page runs it. So the tab that signed out first has stored which clean-ups are pending.
 *
 * @param {string[]} names
 * @param {Record<string, import("../widgetmw").WidgetToken>} tokens the ended session's tokens
 * @param {import("../widgetmw").SignOut["origin"]} origin
 * @param {string[]} [pending] the vendors whose clean-up the tab that signed out has handed over to this one
 */
export const logoutVendors = (names, tokens, origin, pending = []) => {
  let remaining = names.length;
  const markDone = (/** @type {string} */ name) => {
    if (!--remaining && hasUnknownLogouts()) writeStored("");
    // What another tab has already done may still look pending here.
    storePendingLogouts(
      pendingLogouts().filter((other) => other !== name && (origin === "here" || pending.includes(other)))
    );
    updateMark();
  };
  for (const name of names) {
    const takesOver = origin === "elsewhere" && pending.includes(name);
    const isOurs = origin === "here" || takesOver;
    // What the other tab has stored may arrive here after its message, so at first its word counts.
    let isHandedOver = takesOver;
    const isDue = () => isHandedOver || !isOurs || isLogoutPending(name);
    /** @type {any} */
    const cleanedUp = callHook(name, "logout", { token: tokens[name], origin: isOurs ? "here" : origin, isDue });
    isHandedOver = false;
    // One that failed is tried again by a later page.
    const onResult = async (/** @type {boolean} */ isDone) => {
      if (takesOver) await pause(250);
      if (isDone) markDone(name);
    };
    if (isOurs) cleanedUp?.then ? cleanedUp.then(onResult) : onResult(cleanedUp);
  }
};

// Runs the clean-ups of earlier pages. Those of vendors that this page does not have are left to a later page. None is
// stored again: another tab may be finishing it now.
export const resumePendingLogouts = () =>
  logoutVendors(pendingLogouts().filter((name) => shared.vendors[name]), {}, "here");

export const embedVendors = () => {
  for (const name in shared.vendors) {
    const entry = shared.vendors[name];
    if (!entry.embeds || !entry.hooks) continue;
    entry.embeds = false;
    callHook(name, "embed");
  }
};
