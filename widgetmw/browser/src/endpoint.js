// Sends requests to the token endpoint, counts them, and decides whether one is allowed.
import { time } from "./clock.js";
import { selectAll } from "./dom.js";
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
// When the last requests of all tabs were sent. Successful renewals do not count.
/** @type {number[]} */
let requestTimes = [];

/** @param {import("./types").PageData} data */
export const setPage = (data) => {
  page = data;
};

export const countRequest = () => {
  requestTimes = [...requestTimes.slice(-9), time()];
};

export const uncountRequest = () => {
  requestTimes.pop();
};

export const lastRequestAt = () => requestTimes[requestTimes.length - 1];

/**
 * Returns the earliest time for the next request, if at most `limit` requests a minute are allowed.
 *
 * @param {number} limit
 */
export const allowedAt = (limit) => requestTimes[requestTimes.length - Math.trunc(limit)] + 60000 || 0;

export const abortRequest = () => pending?.abort();

// Not relative to the document: its <base> may be another host. In a `srcdoc` frame only `self.origin` names a host, but
// elsewhere the page may have replaced it, with `var origin`.
const ownOrigin = () => (location.origin === "null" ? self.origin : location.origin);
const endpoint = () => new URL(page.url, ownOrigin());

/**
 * @typedef {{ status?: number, body?: import("./types").TokenResponse, age: number }} EndpointResponse
 *   `age` is how long the request took, in seconds; without `status` there was no response
 */

/**
 * @param {string} method
 * @returns {Promise<EndpointResponse>}
 */
const send = async (method) => {
  const start = time();
  const control = (pending = new AbortController());
  const timeout = setTimeout(() => control.abort(), 10000);
  try {
    const response = await fetch(endpoint(), {
      method,
      cache: "no-store",
      credentials: "include",
      headers: { ...(await shared.headers?.()), Accept: "application/json" },
      redirect: "manual",
      signal: control.signal,
    });
    const { status } = response;
    const body = status === 200 ? await response.json() : undefined;
    return { status, body, age: (time() - start) / 1000 };
  } catch {
    return { age: 0 };
  } finally {
    clearTimeout(timeout);
  }
};

/**
 * @param {(body: import("./types").TokenResponse) => boolean} isStale whether a response is older than what is known
 * @returns {Promise<EndpointResponse>}
 */
export const requestTokens = async (isStale) => {
  countRequest();
  broadcast({ type: "request" });
  const response = await send("GET");
  // A service worker may have answered from its cache, which it cannot do for a POST.
  return response.body && isStale(response.body) ? send("POST") : response;
};

/**
 * Whether the CSP in a <meta> element allows the request. The server cannot know that CSP. If unsure, we make no
 * request, so that we never cause a violation report. Browsers enforce only children of the head.
 *
 * @param {HTMLMetaElement} meta
 */
const cspAllowsRequest = ({ content }) => {
  const [directive] = content.match(/connect-src[^;]*/i) ?? content.match(/default-src[^;]*/i) ?? ["*"];
  const { protocol, origin, host } = endpoint();
  const allowed = ["*", origin === ownOrigin() && "'self'", protocol, origin, host];
  return directive.toLowerCase().split(/\s+/).some((source) => allowed.includes(source));
};

// With fetch delivery every visitor gets the same page, so the server cannot tell whether another site frames it. In
// a frame we make no request if the page around it is of another origin: `frameElement` is null then. A sandboxed page has
// the origin "null", and sends no cookies.
export const mayRequest = () =>
  page.connect !== false &&
  self.origin !== "null" &&
  !(page.ask && top !== self && !frameElement) &&
  [...selectAll("head > meta[http-equiv='content-security-policy' i]")].every(cspAllowsRequest);
