// The entry point of the runtime, which renews tokens, passes them to the vendors, and signs out. It starts the other
// modules and connects them to the page's events. All pages of an app use the same file.
import { checkStoredUser, keepMark, onBroadcast, signOut, takePageData } from "./session.js";
import { watchContent } from "./content.js";
import { listen, ofDocument, ownGlobal } from "./dom.js";
import { clearContentCheck, getToken, markActive, onOnline, refresh, resume, suspend } from "./schedule.js";
import { setShared, shared } from "./shared.js";
import { channel, closeChannel, openChannel } from "./tabs.js";
import {
  connectVendor,
  onScript,
  onSnippet,
  resumePendingLogouts,
  setConnectFunctions,
} from "./vendors.js";

// Waits until the page is parsed. A prerendered page waits until the browser shows it.
const start = () => {
  const later =
    document.prerendering === true ? "prerenderingchange" : document.readyState === "loading" && "DOMContentLoaded";
  if (later) return listen(document, later, start);
  markActive();
  openChannel(onBroadcast);
  for (const name in shared.vendors) connectVendor(name);
  resumePendingLogouts();
  shared.queue.splice(0).forEach((data, index) => takePageData(data, !index));
  /** @type {import("./types").RuntimeCalls} */
  const calls = {
    refresh,
    getToken,
    signOut: async () => {
      // Such a check would bring the user back if the server still has the session.
      clearContentCheck();
      signOut();
    },
  };
  Object.assign(shared, {
    take: takePageData,
    call: (/** @type {keyof typeof calls} */ name, /** @type {[any]} */ ...values) => calls[name](...values),
    onScript,
    onSnippet,
  }).ready();
  watchContent(() => {
    for (const [types, listener] of Object.entries(listeners)) listen(window, types, listener);
  });
};

/**
 * By event types. These functions may be added again: the window keeps each once.
 *
 * @type {Record<string, (event: any) => void>}
 */
const listeners = {
  "pointerdown pointermove keydown wheel": () => markActive(),
  // Only for the window: scripts can move the focus between elements. A click into a frame blurs the window.
  "focus blur": (event) => event.target === window && markActive(),
  visibilitychange: () => markActive(true),
  online: onOnline,
  // Without a channel, changes of the storage show what other tabs do.
  storage: () => channel || checkStoredUser(),
  pagehide() {
    keepMark();
    suspend();
    // An open channel would keep the page out of the back/forward cache.
    closeChannel();
  },
  pageshow(event) {
    if (!event.persisted) return;
    openChannel();
    checkStoredUser();
    resume();
  },
};

/**
 * @param {((data: import("./types").PageData) => unknown) | 0} bootstrap the function that pages call with their data;
 *   0 if it has already run in the same script
 * @param {Record<string, import("../widgetmw").VendorScript["connect"]>} connectFunctions the `connect` functions
 *   of the built-in vendors, by vendor
 */
export default (bootstrap, connectFunctions) => {
  // If the CSP forbids inline scripts, the data is in a JSON element and we call the bootstrap ourselves. We accept
  // only the element directly before our script, or one added to the head later: user content could hold any other. A
  // sign-out has emptied it.
  /** @param {any} element or another node */
  const read = (element) => {
    if (!bootstrap || element?.type !== "application/json" || element.dataset.widgetmw !== "" || !element.text) {
      return false;
    }
    bootstrap(JSON.parse(element.text));
    return true;
  };
  const isExternal = read(ofDocument("currentScript")?.previousSibling);
  const existing = ownGlobal("widgetmw")?._;
  // A swapped-in document evaluates this script again: the first runtime keeps running.
  if (!existing || existing.isRunning) return;
  existing.isRunning = true;
  setShared(existing);
  setConnectFunctions(connectFunctions);
  start();
  if (!isExternal) return;
  new MutationObserver((records) => records.forEach((record) => record.addedNodes.forEach(read))).observe(
    ofDocument("head"),
    { childList: true }
  );
};
