// The code inside the page, before any script of the page. It stores the data that the server sent, defines
// `window.widgetmw`, and calls each vendor's `init`, which sets the globals that the vendor's widget reads.
import { toToken } from "./token.js";
import { isSameUser } from "./user_hash.js";

/**
 * Returns the function that the page calls with its data.
 *
 * @param {Record<string, import("../widgetmw").VendorScript["init"]>} inits the vendors' `init` functions, by vendor
 * @returns {(data: import("./types").PageData) => unknown}
 */
export default (inits) => (data) => {
  // Turbo or a similar router has swapped in a document: the first page's runtime keeps running, with the new data.
  const existing = window.widgetmw?._;
  if (existing) return existing.take(data);

  /** @type {import("./types").Shared["tokens"]} */
  const tokens = /** @type {any} */ ({ __proto__: null });
  /** @type {import("./types").Shared["listeners"]} */
  const listeners = /** @type {any} */ ({ __proto__: null });
  /** @type {import("./types").Shared["vendors"]} */
  const vendors = /** @type {any} */ ({ __proto__: null });
  // The bootstrap and the runtime share this object. The runtime replaces `take` and `call`.
  const shared = /** @type {import("./types").Shared} */ ({
    key: "widgetmw:" + data.url,
    tokens,
    listeners,
    vendors,
    queue: [data],
    addVendor(name, { user, embed, vendors: added }) {
      const entry = (vendors[name] = /** @type {import("./types").VendorEntry} */ ({
        vendor: {
          name,
          config: added[name].config,
          forVisitor: user !== null || !!embed?.includes(name),
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
    call: (...values) => runtime.then(() => shared.call(...values)),
  });
  const runtime = new Promise((resolve) => (shared.ready = resolve));
  addEventListener(
    "load",
    () => shared.isRunning || shared.ready((shared.call = () => Promise.reject(Error("widgetmw: no runtime"))))
  );

  // A page restored from the browser's history may be out of date, or belong to another user.
  const navigations = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  if (data.user !== null && navigations[0]?.type === "back_forward") {
    data.ask = true;
    let stored;
    try {
      stored = localStorage[shared.key];
    } catch {}
    if (!isSameUser(stored, data.user)) {
      delete data.user;
      for (const name in data.vendors) delete data.vendors[name].token;
    }
  }
  for (const name in data.vendors) {
    const { token } = data.vendors[name];
    if (token) tokens[name] = toToken(token, /** @type {number} */ (data.now));
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
    })
  );
};
