// Sends requests to the token endpoint, counts them, and decides whether one is allowed.
import { time, uptime } from "./clock.js";
import { selectAll } from "./dom.js";
import { isStale } from "./session.js";
import { shared } from "./shared.js";
import { broadcast } from "./tabs.js";

/**
 * The latest data that the server put into a page.
 *
 * @type {import("./types").PageData}
 */
let page;
/** @type {AbortController | undefined} */
let pending;
// When the last requests of all tabs were sent, by `uptime()`. Successful renewals do not count. (When `Date` jumps, so
// does `time()`, and these requests would look too old to count.)
/** @type {number[]} */
let requestTimes = [];

/** @param {import("./types").PageData} data */
export const setPage = (data) => {
  page = data;
};

export const countRequest = () => {
  requestTimes = [...requestTimes.slice(-9), uptime()];
};

export const uncountRequest = () => {
  requestTimes.pop();
};

// In milliseconds; `NaN` if there was none.
const sinceRequest = (number = 1) => uptime() - requestTimes[requestTimes.length - number];

export const hasRecentRequest = () => sinceRequest() < 5000;

/**
 * Returns in how many milliseconds the next request is allowed; 0 or less if it is now.
 *
 * @param {number} limit of requests a minute, rounded down
 */
export const allowedIn = (limit) => 60000 - sinceRequest(limit | 0) || 0;

export const abortRequest = () => pending?.abort();

// Not relative to the document: its <base> may be another host. Not `new URL`: a page may have a global of that name.
const endpoint = () => page.url.replace(/^(?!http)/, location.origin);

/**
 * @typedef {{ status?: number, body?: import("./types").TokenResponse, age: number }} EndpointResponse
 *   `age` is how long the request took, in seconds; without `status` there was no response
 */

/** @type {(isPost: unknown, query?: string) => Promise<EndpointResponse>} */
const send = async (isPost, query = "") => {
  countRequest();
  broadcast({ type: "request" });
  const start = time();
  const { signal } = (pending = new AbortController());
  const timeout = setTimeout(abortRequest, 10000);
  // What returns the page's headers may take longer. Not rejected: where it throws, nobody would handle that.
  const aborted = new Promise((resolve) => (signal.onabort = resolve));
  try {
    const headers = await Promise.race([shared.headers?.(), aborted]);
    // Not called as a method: the browser's function accepts no other object than the window.
    // A service worker may look up its cache by the URL alone, so that of a POST is a new one.
    const response = await (shared.ownFetch ?? fetch)(endpoint() + (isPost ? (query || "?") + "&" + Math.random() : query), {
      method: isPost ? "POST" : "GET",
      cache: "no-store",
      credentials: "include",
      headers: { ...headers, Accept: "application/json" },
      redirect: "manual",
      signal,
    });
    /** @type {any} */
    const body = response.ok && (await response.json());
    return { status: response.status, body, age: (time() - start) / 1000 };
  } catch {
    return { age: 0 };
  } finally {
    clearTimeout(timeout);
  }
};

/** @type {(query?: string) => Promise<EndpointResponse>} */
export const requestTokens = async (query) => {
  // A service worker could answer from its cache, which it cannot do for a POST. So could a careless CDN: that is
  // detected only if its response is older than the last one.
  const response = await send(navigator.serviceWorker?.controller, query);
  return response.body && isStale(response.body) ? send(true) : response;
};

/**
 * Whether the CSP in a <meta> element allows the request. The server cannot know that CSP. If unsure, we make no
 * request, so that we never cause a violation report. Browsers enforce only children of the head.
 *
 * @param {HTMLMetaElement} meta
 */
const cspAllowsRequest = ({ content }) => {
  const [sources] = content.match(/connect-src[^;]*/i) ?? content.match(/default-src[^;]*/i) ?? "*";
  // A source may be a scheme, or have wildcards, no scheme, or the beginning of a path.
  const expression = sources
    .replace(/'self'/i, location.origin)
    .replace(/[^\w\s*:/-]/g, ".")
    .replace(/:?\*+/g, "[^/]*")
    .replace(/\/?\s|\/$/g, "|");
  return RegExp("^([^/]*//)?(" + expression + ")/", "i").test(endpoint() + "/");
};

// A page that has to fetch its tokens makes no request in a frame of another origin, where `frameElement` is null: every
// visitor gets the same page, so the server cannot tell whether another site frames it. A page with a `user`, who may be
// `null`, makes them: the server has made it for one visitor, and for no frame of another site. A sandboxed page has the
// origin "null" and sends no cookies; the URL of a page in `srcdoc` has no origin.
export const mayRequest = () =>
  page.connect !== false &&
  origin !== "null" &&
  location.origin !== "null" &&
  !(page.ask && !("user" in page) && top !== window && !frameElement) &&
  [...selectAll("head>meta[http-equiv=content-security-policy i]")].every(cspAllowsRequest);
