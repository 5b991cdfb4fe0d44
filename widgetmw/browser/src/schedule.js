// Decides when to request the next tokens, requests them, and processes the response. All times are those of `time()`.
import { pause, time } from "./clock.js";
import {
  abortRequest,
  hasRecentRequest,
  mayRequest,
  allowedIn,
  requestTokens,
  uncountRequest,
} from "./endpoint.js";
import { remembersUser } from "./browser_state.js";
import { accept, discardResponses, generation, isSignedIn, signOut } from "./session.js";
import { shared } from "./shared.js";
import { broadcast, withLock } from "./tabs.js";
import { embedVendors } from "./vendors.js";

// Of all tabs together; successful renewals do not count. One that confirms a 401 may come on top.
const MAX_REQUESTS_PER_MINUTE = 7;

// When to renew the tokens.
let renewAt = Infinity;
// The time from the last response to `renewAt`.
let period = Infinity;
// The pending calls of `refresh`.
/** @type {((error?: string) => void)[]} */
let waiters = [];
// When a request was last wanted at once: by those calls, or because the page has no tokens or was restored.
let wantedAt = Infinity;
// When to check who is signed in, since the page's content has changed. A response to an earlier request does not count.
let contentCheckAt = Infinity;
// The number of failures in a row, and the time before which we do not retry.
let failures = 0;
let notBefore = 0;
// The page needs tokens and has had no response yet.
let awaitsTokens = false;
let isRequesting = false;
// The page is in the back/forward cache, or being unloaded.
let isSuspended = false;
let lastInputAt = 0;
let lastRenewalWasGood = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * Settles the pending calls of `refresh`: none wants a request any more.
 *
 * @param {string} [error] rejects them
 */
export const settle = (error) => {
  wantedAt = Infinity;
  for (const waiter of waiters.splice(0)) waiter(error);
};

// Drops the check, since a response to a later request has arrived, or a new page's data.
export const clearContentCheck = () => {
  contentCheckAt = Infinity;
};

/**
 * Requests tokens to check who is signed in, after a moment, since the content may not be complete yet. The response to a
 * request that was sent before does not count as the check.
 *
 * @param {number} [wait] at least so many milliseconds
 */
export const requestSoon = (wait = 0) => {
  contentCheckAt = Math.min(time() + Math.max(500, wait), Math.max(contentCheckAt, time()));
  requestIfDue();
};

/**
 * Whether a token has expired. The endpoint may be unable to renew it, alone or with all others.
 *
 * @param {import("../widgetmw").WidgetToken} token
 */
const hasExpired = ({ expiresAt }) => expiresAt && expiresAt <= Date.now();

/** @type {(name: string) => Promise<import("../widgetmw").WidgetToken>} */
export const refresh = (name) => {
  const isFirst = !waiters.length;
  /** @type {Promise<import("../widgetmw").WidgetToken>} */
  const promise = new Promise((resolve, reject) =>
    waiters.push((error) => {
      const token = shared.tokens[name];
      if (token && !error && !hasExpired(token)) resolve(token);
      else reject(Error("widgetmw: " + (error || "no token for " + name)));
    })
  );
  // A caller who ignores the result need not handle the rejection.
  promise.catch(() => {});
  // The user may just have signed in. A response to an earlier request would not know about that.
  if (!isSignedIn && isFirst) discardResponses();
  wantedAt = time();
  requestIfDue();
  return promise;
};

/**
 * Not an async function: its promise would be another one, whose rejection the caller has to handle.
 *
 * @param {string} name
 */
export const getToken = (name) => {
  const token = shared.tokens[name];
  return token && /** @type {number} */ (shared.vendors[name].renewAt) > time() && !hasExpired(token)
    ? Promise.resolve(token)
    : refresh(name);
};

// A tab that is hidden, or has had no input for 15 minutes, must not keep the site's session alive.
const isHidden = () => document.visibilityState === "hidden";
const isActive = () => !isHidden() && time() - lastInputAt < 900000;

/**
 * Returns when to renew a token: at a random moment in the first 30 % of the time between `refresh_at` and
 * `expires_at`, so that not all browsers do so at once, plus up to a second, since the server counts whole seconds.
 * Returns `false` for an expired token.
 *
 * @param {number} left for how many seconds the token is valid
 * @param {number} wait in how many seconds the server mints a new one
 */
export const renewalTime = (left, wait) => {
  const margin = left - wait;
  return left > 0 && time() + 1000 * (wait + Math.min(1, margin / 2) + Math.random() * margin * 0.3);
};

/** @param {number} failuresInARow */
export const backOff = (failuresInARow) => {
  failures = failuresInARow;
  // 2, 4, 8 ... seconds, at most five minutes, times 0.5 to 1.5
  notBefore = time() + Math.min(300, 2 ** failures) * (500 + Math.random() * 1000);
};

// Schedules the next renewal after a response. A response after which a token is still due counts as a failure.
export const schedule = () => {
  renewAt = Infinity;
  for (const name in shared.vendors) renewAt = Math.min(renewAt, shared.vendors[name].renewAt ?? Infinity);
  period = renewAt - time();
  awaitsTokens = false;
  if (period > 0) {
    failures = 0;
    notBefore = time() + 1000;
  } else backOff(failures + 1);
};

// Successful renewals do not count for the rate limit, so tokens with a lifetime of a few seconds are renewed as often
// as they need. A page that calls `refresh` in a loop has a lower limit, which leaves room for those renewals.
const nextRequestIn = () => {
  const limit = MAX_REQUESTS_PER_MINUTE - 60000 / Math.max(period, 10000);
  const active = isActive();
  // A page may change its content although nobody looks at it: the check waits until the tab is active.
  const checkAt = active ? Math.max(contentCheckAt, failures && notBefore) : Infinity;
  const now = time();
  const unplannedIn = Math.max(Math.min(checkAt, wantedAt) - now, allowedIn(limit));
  return active && (isSignedIn || awaitsTokens)
    ? Math.min(unplannedIn, Math.max(renewAt - now, notBefore - now, allowedIn(MAX_REQUESTS_PER_MINUTE)))
    : unplannedIn;
};

export const requestIfDue = () => {
  timer = /** @type {undefined} */ (clearTimeout(timer));
  if (isRequesting || isSuspended) return;
  const wait = nextRequestIn();
  if (wait <= 0) request();
  // At most a minute at a time: a timer stands still while the machine sleeps. At least a millisecond, which is what
  // timers count in.
  else if (wait < Infinity) timer = setTimeout(requestIfDue, 1 + Math.min(wait, 60000));
};

/**
 * Records that the user is active.
 *
 * @param {boolean} [isWoken] whether the tab was hidden or idle before
 */
export const markActive = (isWoken) => {
  if (isHidden()) return;
  isWoken ||= !isActive();
  lastInputAt = time();
  // A user who needs the chat now does not wait for a long back-off. The rate limit still applies.
  const isNeeded = () => !hasRecentRequest() && Object.values(shared.tokens).some(hasExpired);
  if (isWoken || (failures && isNeeded())) notBefore = 0;
  if (isWoken || !timer || renewAt <= time()) requestIfDue();
};

// The page carries no tokens: it requests them at once. The vendors' loaders wait for the response, but two seconds at
// most.
export const requestAtOnce = () => {
  awaitsTokens = true;
  renewAt = 0;
  wantedAt = time();
  setTimeout(embedVendors, 2000);
};

export const awaitsResponse = () => awaitsTokens || isRequesting;

/**
 * @param {import("./endpoint.js").EndpointResponse} response
 * @param {unknown} isConfirmation whether the request was to confirm a 401
 */
const processResponse = ({ status, body, age }, isConfirmation) => {
  if (body?.tokens) {
    const isPlanned = renewAt <= time() && !isConfirmation;
    const isSignedInStill = accept(body, age);
    // A successful renewal does not count. Nor does the next one, if it came just before the server had a new token.
    const isGood = period > 1000;
    const uncounted = isPlanned && (isGood || (lastRenewalWasGood && period > 0));
    if (uncounted) uncountRequest();
    lastRenewalWasGood = isGood;
    if (isSignedInStill) broadcast({ type: "tokens", response: body, sentAt: Date.now() - age * 1000, uncounted });
  } else if (status === 401) {
    awaitsTokens = false;
    signOut(isConfirmation);
  } else {
    backOff(failures + 1);
    broadcast({ type: "failure", failures });
    settle("request failed");
  }
  embedVendors();
};

const request = async () => {
  if (!mayRequest()) {
    renewAt = contentCheckAt = Infinity;
    return settle("not permitted");
  }
  isRequesting = true;
  const before = generation;
  // The page may forget it meanwhile: a script that runs after a sign-out may delete cookies and storage.
  const hadUser = isSignedIn || remembersUser();
  const isObsolete = () => generation !== before || isSuspended;
  try {
    await withLock(async () => {
      // While we waited for the lock, another tab may have received a response.
      if (isObsolete() || nextRequestIn() > 0) return;
      let start = time();
      let response = await requestTokens();
      // A single 401 may be a temporary failure of the site's session. Only a second one signs out.
      const needsConfirmation = response.status === 401 && hadUser;
      if (needsConfirmation) {
        await pause(3000 + Math.random() * 1000);
        if (isObsolete()) return;
        start = time();
        // The server then expires the vendors' cookies. A query, since a header would need a CORS preflight.
        response = await requestTokens("?signout");
      }
      // A user may have signed in since the request was sent: then another one is wanted.
      if (isObsolete() || (waiters[0] && response.status === 401 && wantedAt > start)) return;
      if (contentCheckAt <= start && response.status) clearContentCheck();
      processResponse(response, needsConfirmation);
    });
  } finally {
    isRequesting = false;
  }
  requestIfDue();
};

// The network is back. That does not mean that the user is active: an idle tab stays idle.
export const onOnline = () => {
  notBefore = 0;
  requestIfDue();
};

// Stops requests, so that the page can go into the back/forward cache.
export const suspend = () => {
  isSuspended = true;
  abortRequest();
};

export const resume = () => {
  isSuspended = false;
  // The page may have been in the cache for long, so check that its user is still signed in.
  if (isSignedIn || awaitsResponse() || waiters[0] || remembersUser()) wantedAt = time();
  markActive(true);
};
