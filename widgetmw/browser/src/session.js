// The session of this page: the signed-in user and their tokens, from the page, the endpoint or another tab.
import { time } from "./clock.js";
import { documentPrototype, selectAll } from "./dom.js";
import {
  changedAt,
  forgetUser,
  hasUnknownLogouts,
  pendingLogouts,
  readStored,
  recordChange,
  recordServerTime,
  rememberUser,
  remembersUser,
  serverTime,
  storePendingLogouts,
} from "./browser_state.js";
import { countRequest, setPage, uncountRequest } from "./endpoint.js";
import {
  awaitsResponse,
  backOff,
  renewalTime,
  requestAtOnce,
  requestIfDue,
  requestSoon,
  schedule,
  settle,
  clearContentCheck,
} from "./schedule.js";
import { shared } from "./shared.js";
import { broadcast } from "./tabs.js";
import { toToken } from "./token.js";
import { isSameUser, userHash } from "./user_hash.js";
import { callHook, connectVendor, embedVendors, logoutVendors } from "./vendors.js";
import { report } from "./warn.js";

/** @typedef {import("../widgetmw").WidgetToken} WidgetToken */

/** @type {string | undefined} */
let user;
// When the server last said who is signed in, or that nobody is, in milliseconds of its clock. An older page is not used.
let lastIdentifiedAt = 0;
// While a session is ended: a listener or a vendor may sign out again.
let isEnding = false;
// Whether this page has ended a session and has had no user since.
let hasEnded = false;
// The hash of the user whom another tab has signed out. The storage may still show it for a moment.
/** @type {string | null | undefined} */
let endedHash;
// Whether a user is signed in, so that tokens are renewed.
export let isSignedIn = false;
// The code of an error that may go away. The others say why this user, or this page, has no token of a vendor.
const FAILED = "token_unavailable";
// This many milliseconds after a sign-out, somebody else may already be chatting in this browser.
const LATE_AFTER = 5000;
// Counts responses (also those received by other tabs) and sign-outs. A response to a request from an earlier
// generation is discarded.
export let generation = 0;

export const discardResponses = () => {
  generation++;
};

/** @param {number | undefined} seconds */
const milliseconds = (seconds) => /** @type {number} */ (seconds) * 1000;

/** @param {string} name */
const notify = (name) => {
  for (const listener of [...(shared.listeners[name] ?? [])]) {
    try {
      listener();
    } catch (error) {
      report(error);
    }
  }
};

/** @type {(type: string, detail?: object) => boolean} */
const dispatch = (type, detail) =>
  documentPrototype.dispatchEvent.call(window, new CustomEvent("widgetmw:" + type, { detail }));

/**
 * Stores a token and schedules its renewal.
 *
 * @param {string} name
 * @param {import("./types").EndpointToken} received
 * @param {number} age how many seconds ago `expires_in` and `refresh_in` were counted
 * @returns {boolean} whether the token is a new one
 */
const storeToken = (name, { expires_in, refresh_in, ...token }, age) => {
  const old = shared.tokens[name];
  const left = token.expires_at ? expires_in - age : Infinity;
  // Where a token does not expire, only an occasional request tells whether the user is still signed in.
  shared.vendors[name].renewAt = left === Infinity ? time() + 3600000 : renewalTime(left, refresh_in - age) || 0;
  const hasMoved = left < Infinity && Math.abs(/** @type {number} */ (old?.expiresAt) - Date.now() - left * 1000) > 3000;
  if (!(left > 0) || (old?.token === token.token && !hasMoved)) return false;
  shared.tokens[name] = toToken(token, (token.expires_at - left) * 1000 - Date.now());
  return true;
};

/**
 * Whether another tab has signed our user out. It has then cleaned up the shared storage, which may already belong to
 * the next user. The recorded time of a sign-out is an estimate, and may be slightly earlier than the page. An empty
 * storage alone does not prove a sign-out: the page may have cleared it.
 */
const wasSignedOutElsewhere = () =>
  user && !isSameUser(readStored(), user) && (readStored() || changedAt() + 1000 > lastIdentifiedAt);

/**
 * Whether a response is older than what we know. The clocks of several servers may differ a little; but an older
 * response for another user is never used.
 *
 * @param {import("./types").TokenResponse} response
 */
export const isStale = ({ now, user: other }) =>
  milliseconds(now) < Math.max(lastIdentifiedAt, changedAt()) - (user && other && other !== user ? 0 : 2000);

/**
 * Stores the tokens of a signed-in user, from a page or the endpoint, and notifies vendors and listeners.
 *
 * @param {import("./types").TokenResponse} response
 * @param {number} age in seconds
 * @param {boolean} [inPage] whether the vendors' `init` has already seen the tokens, in the page that was loaded
 * @returns {boolean} whether the user is still signed in: a listener may have signed them out
 */
export const accept = (response, age, inPage) => {
  const newUser = response.user ?? user ?? "";
  const before = readStored();
  const isKnown = isSameUser(before, newUser);
  if (!inPage) recordServerTime(milliseconds(response.now) + age * 1000 - Date.now(), true);
  if (user ? user !== newUser : newUser && before && before !== endedHash && !isKnown) {
    // Another user: vendors must treat the tokens as new ones.
    inPage = false;
    endSession(isKnown || wasSignedOutElsewhere() ? "late" : "here", milliseconds(response.now));
  }
  user = newUser;
  lastIdentifiedAt = milliseconds(response.now) || lastIdentifiedAt;
  isSignedIn = true;
  hasEnded = false;
  generation++;
  rememberUser(newUser);
  const fresh = [];
  for (const name in shared.vendors) {
    const entry = shared.vendors[name];
    const token = response.tokens[name];
    entry.vendor.forVisitor = true;
    // A vendor whose token is missing has failed, even if an older one is still valid. It gets its own time to retry, so
    // that it does not delay the others.
    const isMissing = !token && (shared.tokens[name] || (response.errors?.[name] ?? FAILED) === FAILED);
    const isNew = token?.token && storeToken(name, token, age);
    // Without a token the vendor's widget may have to ask for it.
    if (isNew || (!entry.isNotified && !isMissing && (!token || shared.tokens[name]))) fresh.push(name);
    // Retry a vendor that failed on the server, without renewing the other vendors' tokens early: after 20, 40, 80 ...
    // seconds, at most 320, times 0.75 to 1. If no vendor has a token, at once: then `schedule` backs off.
    entry.failures = isMissing ? (entry.failures || 0) + 1 : 0;
    if (entry.failures) {
      const delay = 2 ** Math.min(5, entry.failures) * (7500 + Math.random() * 2500);
      entry.renewAt = Object.keys(response.tokens).length && time() + delay;
    }
  }
  schedule();
  const isCurrent = () => user === newUser;
  for (const name of fresh) {
    if (!isCurrent()) break;
    shared.vendors[name].isNotified = true;
    callHook(name, "update", { source: inPage ? "page" : "endpoint" });
    if (inPage || !shared.tokens[name]) continue;
    const { token, expiresAt } = shared.tokens[name];
    notify(name);
    dispatch("token", { provider: name, token, expiresAt });
  }
  // A listener has signed the user out. The pending calls of `refresh` are for the next one.
  if (!isCurrent()) return false;
  embedVendors();
  settle();
  return true;
};

/**
 * Ends the session of a user.
 *
 * @param {import("../widgetmw").SignOut["origin"]} origin `"here"`: this tab cleans up what the tabs share;
 *   `"elsewhere"`: another tab has just done so; `"late"`: another tab has done so a while ago
 * @param {number} [at] time of the sign-out, in milliseconds of the server's clock
 * @param {string[]} [pending] the vendors whose clean-up another tab has handed over
 * @param {Record<string, WidgetToken>} [tokens] the signed-out user's tokens; if nobody was signed in, `shared.tokens`
 *   holds the next user's
 */
const endSession = (origin, at, pending, tokens = isSignedIn ? shared.tokens : {}) => {
  at ||= serverTime() || 0;
  const ended = { ...tokens };
  // Other tabs compare it with that of their own user.
  const hash = readStored() || (user && userHash(user));
  isEnding = hasEnded = true;
  isSignedIn = false;
  user = undefined;
  lastIdentifiedAt = Math.max(lastIdentifiedAt, at);
  for (const name in ended) delete shared.tokens[name];
  for (const entry of Object.values(shared.vendors)) {
    entry.renewAt = Infinity;
    entry.isNotified = false;
  }
  schedule();
  if (origin === "here") {
    recordChange(at);
    storePendingLogouts(pendingLogouts().concat(Object.keys(shared.vendors)));
  }
  logoutVendors(Object.keys(shared.vendors), ended, origin, pending);
  if (origin === "here") {
    // After the pending clean-ups are stored, which tabs without a channel look up now, and before a listener is called,
    // which may sign in the next user.
    forgetUser();
    broadcast({ type: "signout", user: hash, at: Date.now(), pending: pendingLogouts() });
  }
  // Our elements hold the tokens. They are emptied and not removed: other code may be walking over the document.
  for (const element of selectAll("script[data-widgetmw]")) if (element.firstChild) element.firstChild.data = "";
  for (const name in ended) notify(name);
  dispatch("signedout", { origin });
  isEnding = false;
};

/** @param {unknown} [isConfirmed] whether a user was signed in here before; `false` after a 401 that nobody has confirmed */
export const signOut = (isConfirmed = isSignedIn || remembersUser()) => {
  generation++;
  settle("signed out");
  // A listener may sign out again: that must not cause a loop, also if the storage is full and so keeps the user.
  if (isConfirmed && !isEnding && !(hasEnded && hasUnknownLogouts())) {
    endSession(wasSignedOutElsewhere() ? "late" : "here");
  }
};

/**
 * A user was signed out in another tab: ends the session, unless this page has another user. A page without a user does so,
 * too, since its widgets may show that user's conversation. If it still waits to learn who its user is, it asks again.
 *
 * @param {boolean} isRecent whether that was a moment ago
 * @param {string | null} [hash] the user's salted hash; without one (that tab had no storage) we assume our user
 * @param {string[]} [pending] the vendors that the other tab could not clean up
 */
const onRemoteSignOut = (isRecent, hash, pending = pendingLogouts()) => {
  generation++;
  const asksAgain = !isSignedIn && awaitsResponse();
  if (isSignedIn ? hash && !isSameUser(hash, user) : !asksAgain && !isRecent) return;
  if (isSignedIn) settle("signed out");
  endedHash = hash;
  endSession(isRecent ? "elsewhere" : "late", 0, pending);
  if (asksAgain) requestAtOnce();
  requestIfDue();
};

/** @param {import("./types").TabMessage} message */
export const onBroadcast = (message) => {
  switch (message.type) {
    case "request":
      return countRequest();
    case "failure":
      return backOff(message.failures || 1);
    case "signout":
      // This tab may have been frozen since. Otherwise only a moment has passed, even if the next user is stored already,
      // as after a sign-out by which the other tab has loaded that user's page.
      return onRemoteSignOut(Date.now() - message.at < LATE_AFTER, message.user, message.pending);
    case "tokens":
      if (message.uncounted) uncountRequest();
      // A response may have been on its way while another user signed in. If the page sets request headers, each
      // tab may have another user.
      if (
        message.response?.tokens &&
        (shared.headers ? message.response.user === user : isSignedIn || awaitsResponse()) &&
        !isStale(message.response)
      ) {
        accept(message.response, (Date.now() - message.sentAt) / 1000);
      }
  }
};

// A site may delete all cookies at sign-out, and the storage, too. The mark is set again when the page is left, so that the
// next page cleans up, and the other tabs learn of it. So it is while a clean-up is pending.
export const keepMark = () => {
  if (user ? !wasSignedOutElsewhere() : pendingLogouts()[0]) rememberUser(user);
};

// Ends the session if our user was signed out while no channel was open. Without messages, we do not know how long the
// next user has been there, so the sign-out counts as late if there is one.
export const checkStoredUser = () => {
  if (wasSignedOutElsewhere()) {
    onRemoteSignOut((!readStored() || hasUnknownLogouts()) && serverTime() - changedAt() < LATE_AFTER);
  }
};

/**
 * Processes the data that the server put into a page: at the start, and whenever a router swaps in a document.
 *
 * @param {import("./types").PageData} data
 * @param {boolean} [inPage] whether the bootstrap has passed its tokens to the vendors
 */
export const takePageData = (data, inPage) => {
  // A router may show an old copy of a page, while it fetches the page or when the user goes back.
  const isOld = milliseconds(data.now) < Math.max(lastIdentifiedAt, changedAt());
  if (isOld && !inPage) return requestSoon();
  setPage(data);
  const isCurrent = !(isOld || data.ask);
  const offset = data.offset ?? milliseconds(data.now) - Date.now();
  const now = (Date.now() + offset) / 1000;
  if (!data.ask) recordServerTime(offset);
  /** @type {import("./types").TokenResponse["tokens"]} */
  const tokens = {};
  // Not `for in`: the page may have extended `Object.prototype`.
  for (const name of Object.keys(data.vendors)) {
    const { token } = data.vendors[name];
    if (!shared.vendors[name]) shared.addVendor(name, data);
    shared.vendors[name].embeds ??= data.embed?.includes(name);
    connectVendor(name);
    if (!token || !isCurrent) continue;
    tokens[name] = { ...token, expires_in: token.expires_at - now, refresh_in: token.refresh_at - now };
  }
  if (isCurrent) {
    if (Object.keys({ ...tokens, ...data.errors })[0]) {
      accept(/** @type {import("./types").TokenResponse} */ ({ ...data, tokens }), 0, inPage);
      clearContentCheck();
    }
    embedVendors();
  } else {
    // Another tab has signed the user out while this page was parsed. The bootstrap has used nothing of an older one.
    if (!data.ask) endSession("late", 0, [], shared.tokens);
    requestAtOnce();
  }
  requestIfDue();
};
