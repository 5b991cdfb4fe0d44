// The runtime: what renews tokens, hands them to the vendors, and signs out. One for all pages of an app.
import { checkStoredUser, onBroadcast, signOut, take } from "./session.js";
import { getToken, markActive, onOnline, refresh, resume, startSchedule, suspend } from "./schedule.js";
import { stored } from "./identity.js";
import { setShared, shared } from "./shared.js";
import { closeChannel, hasChannel, openChannel } from "./tabs.js";
import { connectVendor, onScript, onSnippet, resumePendingLogouts, setConnects, storePendingLogouts } from "./vendors.js";

/**
 * @param {string} types
 * @param {(event: Event) => void} listener
 */
const listen = (types, listener) => {
  for (const type of types.split(" ")) addEventListener(type, listener, true);
};

// Starts when the page is parsed, and not before it is really shown (browsers prerender ahead of a click).
const start = () => {
  const isLoading = document.readyState === "loading";
  const later = document.prerendering === true ? "prerenderingchange" : isLoading && "DOMContentLoaded";
  if (later) return document.addEventListener(later, start);
  startSchedule();
  openChannel(onBroadcast);
  for (const name in shared.vendors) connectVendor(name);
  resumePendingLogouts();
  shared.queue.splice(0).forEach((data, index) => take(data, !index));
  /** @type {import("./types").RuntimeCalls} */
  const calls = { refresh, getToken, signOut: async () => signOut() };
  Object.assign(shared, {
    take: (/** @type {import("./types").PageData} */ data) => take(data),
    call: (/** @type {keyof typeof calls} */ name, /** @type {[any]} */ ...values) => calls[name](...values),
    onScript,
    onSnippet,
  });
  shared.ready();

  listen("pointerdown pointermove keydown wheel", () => markActive());
  // Of the window: an element gets the focus by scripts as well. A click into a frame takes it away.
  listen("focus blur", (event) => event.target === window && markActive());
  listen("visibilitychange", () => markActive(true));
  listen("online", onOnline);
  // Where there is no channel, the storage tells.
  listen("storage", (event) => {
    const { key, newValue } = /** @type {StorageEvent} */ (event);
    if (key === shared.key && !hasChannel()) checkStoredUser(newValue);
  });
  // An open channel would keep the page out of the back/forward cache.
  listen("pagehide", () => {
    storePendingLogouts();
    suspend();
    closeChannel();
  });
  listen("pageshow", (event) => {
    if (!(/** @type {PageTransitionEvent} */ (event).persisted)) return;
    openChannel();
    checkStoredUser(stored(shared.key));
    resume();
  });
};

/**
 * @param {((data: import("./types").PageData) => unknown) | 0} bootstrap the function that pages call with their data;
 *   0 where it has run in the same script
 * @param {Record<string, import("../widgetmw").VendorScript["connect"]>} connects by vendor
 */
export default (bootstrap, connects) => {
  // Where no inline script may run, the data stands in a JSON element, and we call the bootstrap ourselves.
  // Only the element ahead of our own script, or put into the head later: any other could be anybody's markup.
  /** @param {Node | null | undefined} node */
  const read = (node) => {
    const element = /** @type {HTMLScriptElement | null | undefined} */ (node);
    if (!bootstrap || element?.type !== "application/json" || element.dataset.widgetmw !== "") return false;
    bootstrap(JSON.parse(element.text));
    return true;
  };
  const isExternal = read(document.currentScript?.previousSibling);
  const existing = window.widgetmw?._;
  // Evaluated twice (a swapped document): one runtime lives on.
  if (!existing || existing.isRunning) return;
  existing.isRunning = true;
  setShared(existing);
  setConnects(connects);
  start();
  if (!isExternal) return;
  new MutationObserver((records) => records.forEach((record) => record.addedNodes.forEach(read))).observe(
    document.head,
    { childList: true }
  );
};
