// Calls the hooks that each vendor's `connect` returned.
import { stored } from "./identity.js";
import { loadScript } from "./load_script.js";
import { shared } from "./shared.js";
import { warn } from "./warn.js";

/**
 * Calls a hook. A vendor's failure is reported and stays its own.
 *
 * @template {keyof import("../widgetmw").VendorHooks} Name
 * @param {string} vendor
 * @param {Name} hook
 * @param {Parameters<Required<import("../widgetmw").VendorHooks>[Name]>} values
 * @returns {Promise<void> | undefined} what the hook returned, if it takes its time; never rejected
 */
export const callHook = (vendor, hook, ...values) => {
  try {
    /** @type {any} */
    const hooks = shared.vendors[vendor].hooks;
    return hooks?.[hook]?.(...values)?.then?.(null, (/** @type {unknown} */ error) => warn(vendor, error));
  } catch (error) {
    warn(vendor, error);
  }
};

/** @type {Record<string, import("../widgetmw").VendorScript["connect"]>} */
let connects;

/** @param {typeof connects} byVendor */
export const setConnects = (byVendor) => {
  connects = byVendor;
};

/** @param {string} name */
export const connectVendor = (name) => {
  const entry = shared.vendors[name];
  const connect = connects[name];
  if (!connect || entry.hooks) return;
  // Also where it throws: it is not tried again.
  entry.hooks = {};
  const snippets = ((window.widgetmw_snippets ??= {})[name] ??= {});
  try {
    if (entry.error) throw entry.error;
    entry.hooks = connect(Object.assign(entry.vendor, { snippets, loadScript }), entry.state) ?? {};
  } catch (error) {
    warn(name, error);
  }
};

/**
 * A vendor's script came after the start: with a document that was swapped in, for instance.
 *
 * @param {string} name
 */
export const onScript = (name) => {
  const entry = shared.vendors[name];
  if (!entry || connects[name]) return;
  const script = window.widgetmw_scripts?.[name];
  connects[name] = script?.connect;
  try {
    entry.state = script?.init?.(entry.vendor);
  } catch (error) {
    entry.error = error;
  }
  connectVendor(name);
  if (shared.tokens[name]) callHook(name, "update", { source: "page" });
  embedVendors();
};

/**
 * An operator's function came after the start.
 *
 * @param {string} vendor
 * @param {string} name
 */
export const onSnippet = (vendor, name) => {
  if (shared.vendors[vendor]) callHook(vendor, "snippet", name);
};

// A vendor's clean-up may have to wait for its widget; if the widget never comes in this page, a later page has to do
// it. One tab cleans what the tabs share, and leaves that to a later page; those that follow it clean their own page.
const pending = new Set();
const storageKey = () => shared.key + ":owed";

/**
 * @param {string[]} names
 * @param {Record<string, import("../widgetmw").WidgetToken>} tokens those that the vendors had
 * @param {import("../widgetmw").SignOut["origin"]} origin
 */
export const logoutVendors = (names, tokens, origin) => {
  for (const name of names) {
    const cleanedUp = callHook(name, "logout", { token: tokens[name], origin });
    if (!cleanedUp || origin !== "here") continue;
    pending.add(name);
    cleanedUp.then(() => pending.delete(name));
  }
};

export const storePendingLogouts = () => {
  if (pending.size) stored(storageKey(), [...pending].join());
  pending.clear();
};

export const resumePendingLogouts = () => {
  const names = stored(storageKey())?.split(",") ?? [];
  stored(storageKey(), null);
  // Those of vendors that this page does not have are left to a later one.
  for (const name of names) shared.vendors[name] ? logoutVendors([name], {}, "here") : pending.add(name);
};

export const embedVendors = () => {
  for (const name in shared.vendors) {
    const entry = shared.vendors[name];
    if (!entry.embeds || entry.hasEmbedded || !entry.hooks) continue;
    entry.hasEmbedded = true;
    callHook(name, "embed");
  }
};
