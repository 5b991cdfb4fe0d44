// The code inside the page, before any script of the page. It stores the data that the server sent, defines
// `window.widgetmw`, and calls each vendor's `init`, which sets the globals that the vendor's widget reads.
import { toToken } from "./token.js";

/**
 * Returns the function that the page calls with its data.
 *
 * @param {Record<string, import("../widgetmw").VendorScript["init"]>} inits the vendors' `init` functions, by vendor
 * @returns {(data: import("./types").PageData) => unknown}
 */
export default (inits) => (data) => {
  // Turbo or a similar router has swapped in a document: the first page's runtime keeps running, with the new data.
  // Like `ownGlobal`, but shorter.
  const existing = ({}).hasOwnProperty.call(window, "widgetmw") && window.widgetmw?._;
  // Data of another app beside this one is not for this one's user: a page of it may be fetched and inserted, too.
  if (existing) return existing.key === data.key && existing.take(data);

  /** @type {import("./types").Shared["tokens"]} */
  const tokens = /** @type {any} */ ({ __proto__: null });
  /** @type {import("./types").Shared["listeners"]} */
  const listeners = /** @type {any} */ ({ __proto__: null });
  /** @type {import("./types").Shared["vendors"]} */
  const vendors = /** @type {any} */ ({ __proto__: null });
  // The bootstrap and the runtime share this object. The runtime replaces `take` and `call`.
  const shared = /** @type {import("./types").Shared} */ ({
    key: data.key,
    ownNavigation: window.navigation,
    ownFetch: window.fetch,
    tokens,
    listeners,
    vendors,
    queue: [data],
    addVendor(name, data) {
      const entry = (vendors[name] = /** @type {import("./types").VendorEntry} */ ({
        vendor: {
          name,
          config: data.vendors[name].config,
          forVisitor: data.user !== null || data.embed?.includes(name),
          get token() {
            return tokens[name];
          },
          getToken: () => shared.call("getToken", name),
        },
      }));
      try {
        entry.state = inits[name]?.(entry.vendor);
      } catch (error) {
        entry.error = error;
      }
    },
    take: (next) => shared.queue.push(next),
    // The runtime may be blocked, or the page never be parsed to its end. A prerendered page waits for its activation.
    call: (...values) =>
      new Promise((resolve, reject) => {
        runtime.then(() => resolve(shared.call(...values)));
        setTimeout(reject, document.prerendering === true ? 1e9 : 5e3, Error("widgetmw: no runtime"));
      }),
  });
  const runtime = new Promise((resolve) => (shared.ready = resolve));

  // A copy of a page, from the browser's history or a service worker, may be out of date or belong to another user. It
  // is older than the last change of user, or arrives much later than it was sent. Where the site has cleared what we
  // know of the time, which is then missing or `NaN`, every page from a service worker may be a copy.
  const now = /** @type {number} */ (data.now) * 1000;
  data.offset = now - Date.now();
  /** @type {any} */
  let isOutdated = /** @type {any} */ (performance.getEntriesByType?.("navigation")[0])?.type == "back_forward";
  try {
    // `false` if the page may not ask who is signed in: then its token is all there is.
    const worker = data.connect ?? navigator.serviceWorker?.controller;
    /** @type {any[]} */
    const [changedAt, offset] = (localStorage[data.key + ":time"] || "").split(" ");
    isOutdated ||= now < changedAt || (worker ? !(offset - data.offset < 2e3) : offset - data.offset > 1e4);
  } catch {}
  if (data.user) data.ask = isOutdated;
  // Not `for in`: the page may have extended `Object.prototype`.
  for (const [name, added] of Object.entries(data.vendors)) {
    if (added.token && !isOutdated) tokens[name] = toToken(added.token, data.offset);
    shared.addVendor(name, data);
  }
  // Our own type treats the tokens of all vendors alike; the public declarations distinguish them.
  window.widgetmw = /** @type {any} */ (
    /** @type {import("./types").Api} */ ({
      _: shared,
      get: (name) => tokens[name],
      subscribe(name, listener) {
        const entry = () => listener();
        (listeners[name] ??= new Set()).add(entry);
        return () => listeners[name].delete(entry);
      },
      refresh: (name) => shared.call("refresh", name),
      getToken: (name) => shared.call("getToken", name),
      signOut: () => shared.call("signOut"),
      setRequestHeaders(headers) {
        shared.headers = headers;
      },
    })
  );
};
