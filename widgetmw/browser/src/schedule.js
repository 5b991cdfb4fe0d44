// When to ask for the next tokens. All times are those of `time()`.
import { pause, time } from "./clock.js";
import {
  abortRequest,
  lastRequestAt,
  mayRequest,
  rateLimit,
  requestTokens,
  uncountRequest,
} from "./endpoint.js";
import { remembersUser } from "./identity.js";
import { accept, discardResponses, generation, isSignedIn, signOut } from "./session.js";
import { shared } from "./shared.js";
import { broadcast, withLock } from "./tabs.js";
import { embedVendors } from "./vendors.js";

// When to renew, and how long that was from the last response.
let renewAt = Infinity;
let period = Infinity;
// The callers of `refresh`, and from when on they may be served.
/** @type {((error?: string) => void)[]} */
let waiters = [];
let requestedAt = Infinity;
// Failures in a row; and until when no further request goes because of them.
let failures = 0;
let notBefore = 0;
// The page asked for tokens and has no response yet.
let awaitsTokens = false;
let isRequesting = false;
// The page is in the back/forward cache, or on its way out.
let inBfcache = false;
let lastInputAt = 0;
let lastRenewalWasGood = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * Serves the callers of `refresh`.
 *
 * @param {string} [error]
 */
export const settle = (error) => {
  requestedAt = Infinity;
  for (const waiter of waiters.splice(0)) waiter(error);
};

/**
 * @param {string} name
 * @returns {Promise<import("../widgetmw").WidgetToken>}
 */
export const refresh = (name) => {
  const isFirst = !waiters.length;
  /** @type {Promise<import("../widgetmw").WidgetToken>} */
  const promise = new Promise((resolve, reject) =>
    waiters.push((error) => {
      if (shared.tokens[name] && !error) resolve(shared.tokens[name]);
      else reject(Error("widgetmw: " + (error || "no token for " + name)));
    })
  );
  // Callers who do not care need not catch.
  promise.catch(() => {});
  // A response to a request from before a sign-in does not serve them.
  if (!isSignedIn && isFirst) discardResponses();
  requestedAt = Math.min(requestedAt, time());
  check();
  return promise;
};

/** @param {string} name */
export const getToken = async (name) =>
  shared.tokens[name] && Number(shared.vendors[name].renewAt) > time() ? shared.tokens[name] : refresh(name);

// A tab that nobody looks at, or has used for a quarter of an hour, must not keep the site's session alive.
const isHidden = () => document.visibilityState === "hidden";
const isActive = () => !isHidden() && time() - lastInputAt < 900000;

/**
 * When to renew a token. The server makes a new one `wait` seconds from now, and the old one is valid for `left`: not
 * all browsers at once, and not before the server's last whole second is over.
 *
 * @param {number} left
 * @param {number} wait
 */
export const renewalTime = (left, wait) => {
  const margin = left - wait;
  return left > 0 ? time() + 1000 * (wait + Math.min(1, margin / 2) + Math.random() * margin * 0.3) : 0;
};

/** @param {number} count */
export const postpone = (count) => {
  failures = count;
  notBefore = time() + Math.min(300, 2 ** count) * 1000 * (0.5 + Math.random());
};

// After a response. One that leaves a token due is no success.
export const schedule = () => {
  renewAt = Infinity;
  for (const name in shared.vendors) renewAt = Math.min(renewAt, shared.vendors[name].renewAt ?? Infinity);
  period = renewAt - time();
  awaitsTokens = false;
  if (period > 0) {
    failures = 0;
    notBefore = time() + 1000;
  } else postpone(failures + 1);
};

// Tokens that live for a few seconds are renewed as often as they need it, since good renewals do not count;
// a page that calls `refresh` in a loop leaves room for them.
const nextRequestAt = () => {
  const wanted = Math.max(requestedAt, rateLimit(Math.max(1, 7 - 60000 / Math.max(period, 1))));
  return (isSignedIn || awaitsTokens) && isActive()
    ? Math.min(wanted, Math.max(renewAt, notBefore, rateLimit(7)))
    : wanted;
};

export const check = () => {
  clearTimeout(timer);
  timer = undefined;
  if (isRequesting || inBfcache) return;
  const wait = nextRequestAt() - time();
  if (wait <= 0) ask();
  // In steps, since a timer may oversleep with the machine.
  else if (wait < Infinity) timer = setTimeout(check, Math.min(wait, 60000));
};

/**
 * Somebody is here: by any input, or (`isWoken`) since the tab was shown.
 *
 * @param {boolean} [isWoken]
 */
export const markActive = (isWoken) => {
  if (isHidden()) return;
  isWoken ||= !isActive();
  lastInputAt = time();
  // A user who needs the chat now does not wait for a long back-off; the rate limit still holds.
  const isRecent = time() - /** @type {number} */ (lastRequestAt()) < 5000;
  const hasExpired = () => Object.values(shared.tokens).some(({ expiresAt }) => expiresAt && expiresAt < Date.now());
  if (isWoken || (failures && !isRecent && hasExpired())) notBefore = 0;
  if (isWoken || !timer || renewAt <= time()) check();
};

// The page carries no tokens: it asks at once, and the vendors' loaders wait for the response, but not for long.
export const askAtOnce = () => {
  awaitsTokens = true;
  renewAt = 0;
  requestedAt = time();
  setTimeout(embedVendors, 2000);
};

export const awaitsResponse = () => awaitsTokens || isRequesting;

/**
 * @param {import("./endpoint.js").EndpointResponse} response
 * @param {boolean} isConfirmation it confirms a 401, or does not
 */
const conclude = ({ status, body, age }, isConfirmation) => {
  if (body?.tokens) {
    const isPlanned = renewAt <= time() && !isConfirmation;
    accept(body, age);
    // A renewal that went well is not counted, nor one after it that came a moment too early.
    const isGood = period > 1000;
    const uncounted = isPlanned && (isGood || (lastRenewalWasGood && period > 0));
    if (uncounted) uncountRequest();
    lastRenewalWasGood = isGood;
    broadcast({ type: "tokens", response: body, sentAt: Date.now() - age * 1000, uncounted });
  } else if (status === 401) {
    awaitsTokens = false;
    signOut();
  } else {
    postpone(failures + 1);
    broadcast({ type: "failure", failures });
    settle("no answer");
  }
  embedVendors();
};

const ask = async () => {
  if (!mayRequest()) {
    renewAt = Infinity;
    return settle("not permitted");
  }
  isRequesting = true;
  const before = generation;
  const isObsolete = () => inBfcache || generation !== before;
  await withLock(async () => {
    // What another tab has learnt while we waited for our turn may be reason to wait longer.
    if (isObsolete() || nextRequestAt() > time()) return;
    let response = await requestTokens();
    // One 401 may be a hiccup of the site's session; two end what this browser remembers.
    const isDoubtful = response.status === 401 && !!(isSignedIn || remembersUser());
    if (isDoubtful) {
      await pause(3000 + Math.random() * 1000);
      if (isObsolete()) return;
      response = await requestTokens();
    }
    if (!isObsolete()) conclude(response, isDoubtful);
  });
  isRequesting = false;
  check();
};

// The network is back. That is no sign of somebody being here: an idle tab stays idle.
export const onOnline = () => {
  notBefore = 0;
  check();
};

// No request and no timer, so that the page may go into the back/forward cache.
export const suspend = () => {
  inBfcache = true;
  clearTimeout(timer);
  abortRequest();
};

export const resume = () => {
  inBfcache = false;
  // It may have been there for long: ask whether it is still so.
  if (isSignedIn || awaitsTokens || waiters.length || remembersUser()) requestedAt = time();
  markActive(true);
};

export const startSchedule = () => {
  lastInputAt = time();
};
