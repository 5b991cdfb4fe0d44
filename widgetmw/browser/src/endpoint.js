// One request to the token endpoint, and when it may be made.
import { time } from "./clock.js";
import { broadcast } from "./tabs.js";

/**
 * What the server put into the page last.
 *
 * @type {import("./types").PageData}
 */
let page;
/** @type {AbortController | undefined} */
let pending;
// The times of the last requests of all tabs, except renewals that went well.
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

export const lastRequestAt = () => requestTimes.at(-1);

/**
 * From when on a request may go, if there may be at most `limit` in any minute.
 *
 * @param {number} limit
 */
export const rateLimit = (limit) => /** @type {number} */ (requestTimes.at(-limit)) + 60000 || 0;

export const abortRequest = () => pending?.abort();

/**
 * @typedef {{ status?: number, body?: import("./types").TokenResponse, age: number }} EndpointResponse
 *   `age` is how long the request took, in seconds; no `status`: there was no response
 */

/** @returns {Promise<EndpointResponse>} */
export const requestTokens = async () => {
  const start = time();
  countRequest();
  broadcast({ type: "request" });
  const control = (pending = new AbortController());
  setTimeout(() => control.abort(), 10000);
  try {
    // A <base> of the page would send a mere path to another host.
    const response = await fetch(location.origin + page.url, {
      cache: "no-store",
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: control.signal,
    });
    const { status } = response;
    const body = status === 200 ? await response.json() : undefined;
    return { status, body, age: (time() - start) / 1000 };
  } catch {
    return { age: 0 };
  }
};

/**
 * The server does not know a policy in a <meta>. In doubt it counts as a refusal: a report of a violation helps nobody.
 *
 * @param {HTMLMetaElement} meta
 */
const allowsRequest = ({ content }) => {
  const [directive] = content.match(/connect-src[^;]*/i) ?? content.match(/default-src[^;]*/i) ?? ["*"];
  const { protocol, origin, host } = location;
  return directive.toLowerCase().split(/\s+/).some((source) => ["*", "'self'", protocol, origin, host].includes(source));
};

// A page that is the same for every visitor cannot know who frames it: in another site's frame it must not ask.
export const mayRequest = () =>
  page.connect !== false &&
  !(page.ask && top !== self && !frameElement) &&
  [.../** @type {NodeListOf<HTMLMetaElement>} */ (
    document.querySelectorAll("meta[http-equiv='content-security-policy' i]")
  )].every(allowsRequest);
