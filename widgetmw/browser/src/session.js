// The session of this page: the signed-in user and their tokens, from the page, the endpoint or another tab.
import { time } from "./clock.js";
import { countRequest, setPage, uncountRequest } from "./endpoint.js";
import { forgetUser, hasCookie, rememberUser, remembersUser, readStored } from "./identity.js";
import { requestAtOnce, awaitsResponse, check, postpone, renewalTime, schedule, settle } from "./schedule.js";
import { shared } from "./shared.js";
import { broadcast } from "./tabs.js";
import { toToken } from "./token.js";
import { isSameUser, userHash } from "./user_hash.js";
import { callHook, connectVendor, embedVendors, logoutVendors } from "./vendors.js";

/** @typedef {import("../widgetmw").WidgetToken} WidgetToken */

/** @type {string | undefined} */
let user;
// Whether a user is signed in, so that tokens are renewed.
export let isSignedIn = false;
// Counts responses (also those received by other tabs) and sign-outs. A response to a request from an earlier
// generation is discarded.
export let generation = 0;

export const discardResponses = () => {
  generation++;
};

/** @param {string} name */
const notify = (name) => {
  for (const listener of [...(shared.listeners[name] ?? [])]) {
    try {
      listener();
    } catch (error) {
      reportError(error);
    }
  }
};

/**
 * @param {string} type
 * @param {object} [detail]
 */
const dispatch = (type, detail) => dispatchEvent(new CustomEvent("widgetmw:" + type, { detail }));

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
  const left = token.expires_at ? Number(expires_in) - age : Infinity;
  shared.vendors[name].renewAt = (left < Infinity ? renewalTime(left, Number(refresh_in) - age) : left) || 0;
  const hasMoved = left < Infinity && Math.abs(Number(old?.expiresAt) - Date.now() - left * 1000) > 3000;
  if (!(left > 0) || (old?.token === token.token && !hasMoved)) return false;
  shared.tokens[name] = toToken(token, Number(token.expires_at) - left);
  return true;
};

/**
 * Stores the tokens of a signed-in user, from a page or the endpoint, and notifies vendors and listeners.
 *
 * @param {import("./types").TokenResponse} response
 * @param {number} age in seconds
 * @param {boolean} [inPage] whether the page carried the tokens, so that the vendors' `init` has seen them
 */
export const accept = (response, age, inPage) => {
  const newUser = response.user ?? user ?? "";
  const before = readStored(shared.key);
  const isKnown = isSameUser(before, newUser);
  if (user ? user !== newUser : newUser && before && !isKnown) {
    // Another user: vendors must treat the tokens as new ones.
    inPage = false;
    endSession(user ? userHash(user) : before, user ? shared.tokens : {}, isKnown ? "late" : "here");
  }
  user = newUser;
  isSignedIn = true;
  generation++;
  rememberUser(newUser);
  const fresh = [];
  for (const name in shared.vendors) {
    const entry = shared.vendors[name];
    const token = response.tokens[name];
    entry.vendor.forVisitor = true;
    if (token?.token && (storeToken(name, token, age) || (!entry.isNotified && shared.tokens[name]))) fresh.push(name);
    // Retry a vendor that failed on the server, without renewing the other vendors' tokens early.
    if (!token) entry.renewAt = Object.keys(response.tokens).length && time() + 20000;
  }
  schedule();
  for (const name of fresh) {
    // A listener may have signed the user out.
    if (!shared.tokens[name]) break;
    shared.vendors[name].isNotified = true;
    callHook(name, "update", { source: inPage ? "page" : "endpoint" });
    if (inPage) continue;
    const { token, expiresAt } = shared.tokens[name];
    notify(name);
    dispatch("token", { provider: name, token, expiresAt });
  }
  embedVendors();
  settle();
};

/**
 * Ends the session of a user.
 *
 * @param {string | null | undefined} hash the user's salted hash, by which other tabs recognize their user
 * @param {Record<string, WidgetToken>} tokens the user's tokens
 * @param {import("../widgetmw").SignOut["origin"]} origin
 */
const endSession = (hash, tokens, origin) => {
  const ended = { ...tokens };
  generation++;
  isSignedIn = false;
  user = undefined;
  for (const name in ended) delete shared.tokens[name];
  for (const name in shared.vendors) {
    shared.vendors[name].renewAt = Infinity;
    shared.vendors[name].isNotified = false;
  }
  schedule();
  if (origin === "here") broadcast({ type: "signout", user: hash });
  logoutVendors(Object.keys(shared.vendors), ended, origin);
  // These elements contain the tokens.
  for (const element of document.querySelectorAll("script[data-widgetmw]")) element.remove();
  Object.keys(ended).forEach(notify);
  dispatch("signedout");
};

export const signOut = () => {
  generation++;
  settle("signed out");
  if (!isSignedIn && !remembersUser()) return;
  endSession(user ? userHash(user) : readStored(shared.key), shared.tokens, "here");
  forgetUser();
};

/**
 * A user was signed out in another tab: ends the session if it is the user of this page.
 *
 * @param {string | null} [hash] the user's salted hash; without one (that tab had no storage) we assume our user
 */
const onRemoteSignOut = (hash) => {
  generation++;
  if (!isSignedIn || (hash && !isSameUser(hash, user))) return;
  settle("signed out");
  const current = readStored(shared.key);
  endSession(hash, shared.tokens, current && !isSameUser(current, user) ? "late" : "elsewhere");
};

/** @param {import("./types").TabMessage} message */
export const onBroadcast = (message) => {
  switch (message.type) {
    case "request":
      return countRequest();
    case "failure":
      return postpone(message.failures);
    case "signout":
      return onRemoteSignOut(message.user);
    case "tokens":
      if (message.uncounted) uncountRequest();
      if (isSignedIn || awaitsResponse()) accept(message.response, (Date.now() - message.sentAt) / 1000);
  }
};

/**
 * Ends the session if the browser no longer remembers our user, who was signed out while no channel was open. If the
 * cookie is still set, it was the page that cleared the storage.
 *
 * @param {string | null | undefined} hash the salted hash that is stored now
 */
export const checkStoredUser = (hash) => {
  if (user && (hash || (hash === null && !hasCookie())) && !isSameUser(hash, user)) onRemoteSignOut();
};

let newest = 0;
/**
 * Processes the data that the server put into a page: at the start, and whenever a router swaps in a document.
 *
 * @param {import("./types").PageData} data
 * @param {boolean} [inPage] whether the bootstrap has passed its tokens to the vendors
 */
export const takePageData = (data, inPage) => {
  // A router may show a stale copy of a page while it fetches the page, or when the user goes back.
  if (Number(data.now) < newest - 10) return;
  newest = data.now ?? newest;
  setPage(data);
  /** @type {import("./types").TokenResponse["tokens"]} */
  const tokens = {};
  // Not `for in`: the page may have extended `Object.prototype`.
  for (const name of Object.keys(data.vendors)) {
    const { token } = data.vendors[name];
    if (!shared.vendors[name]) shared.addVendor(name, data);
    shared.vendors[name].embeds ??= !!data.embed?.includes(name);
    connectVendor(name);
    if (!token) continue;
    const { expiresAt } = inPage ? shared.tokens[name] : toToken(token, Number(data.now));
    const left = (Number(expiresAt) - Date.now()) / 1000;
    const refreshIn = left - Number(token.expires_at) + Number(token.refresh_at);
    tokens[name] = { ...token, expires_in: left, refresh_in: refreshIn };
  }
  if (data.user === null) signOut();
  else if (Object.keys(tokens).length) accept({ user: data.user, tokens }, 0, inPage);
  if (data.ask) requestAtOnce();
  else embedVendors();
  check();
};
