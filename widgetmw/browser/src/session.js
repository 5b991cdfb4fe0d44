// Who is signed in here, and with which tokens.
import { time } from "./clock.js";
import { countRequest, setPage, uncountRequest } from "./endpoint.js";
import { forgetUser, hasCookie, rememberUser, remembersUser, stored } from "./identity.js";
import { askAtOnce, awaitsResponse, check, postpone, renewalTime, schedule, settle } from "./schedule.js";
import { shared } from "./shared.js";
import { broadcast } from "./tabs.js";
import { toToken } from "./token.js";
import { isSameUser, userHash } from "./user_hash.js";
import { callHook, connectVendor, embedVendors, logoutVendors } from "./vendors.js";

/** @typedef {import("../widgetmw").WidgetToken} WidgetToken */

/** @type {string | undefined} */
let user;
// Somebody is signed in: tokens are renewed.
export let isSignedIn = false;
// Counts responses, also those that other tabs hand on, and sign-outs: what was asked for before one is dropped.
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
 * Takes a token whose `expires_in` and `refresh_in` count from `age` seconds ago.
 *
 * @param {string} name
 * @param {import("./types").EndpointToken} received
 * @param {number} age
 * @returns {boolean} whether it is a new one
 */
const receive = (name, { expires_in, refresh_in, ...token }, age) => {
  const old = shared.tokens[name];
  const left = token.expires_at ? Number(expires_in) - age : Infinity;
  shared.vendors[name].renewAt = (left < Infinity ? renewalTime(left, Number(refresh_in) - age) : left) || 0;
  const hasMoved = left < Infinity && Math.abs(Number(old?.expiresAt) - Date.now() - left * 1000) > 3000;
  if (!(left > 0) || (old?.token === token.token && !hasMoved)) return false;
  shared.tokens[name] = toToken(token, Number(token.expires_at) - left);
  return true;
};

/**
 * Takes the tokens of a signed-in user, from a page or the endpoint.
 *
 * @param {import("./types").TokenResponse} response
 * @param {number} age in seconds
 * @param {boolean} [inPage] whether the page carried them, so that the vendors' `init` has seen them
 */
export const accept = (response, age, inPage) => {
  const newUser = response.user ?? user ?? "";
  const before = stored(shared.key);
  const isKnown = isSameUser(before, newUser);
  if (user ? user !== newUser : newUser && before && !isKnown) {
    // Another user. Nothing in a new page belongs to the one before.
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
    if (token?.token && (receive(name, token, age) || (!entry.isNotified && shared.tokens[name]))) fresh.push(name);
    // A vendor that failed on the server is asked for again, and hurries no other.
    if (!token) entry.renewAt = Object.keys(response.tokens).length && time() + 20000;
  }
  schedule();
  for (const name of fresh) {
    // A listener may have signed out.
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
 * Ends an identity.
 *
 * @param {string | null | undefined} hash by which other tabs see whether it is theirs
 * @param {Record<string, WidgetToken>} tokens its tokens
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
  // The tokens stand in them.
  for (const element of document.querySelectorAll("script[data-widgetmw]")) element.remove();
  Object.keys(ended).forEach(notify);
  dispatch("signedout");
};

export const signOut = () => {
  generation++;
  settle("signed out");
  if (!isSignedIn && !remembersUser()) return;
  endSession(user ? userHash(user) : stored(shared.key), shared.tokens, "here");
  forgetUser();
};

/**
 * A user was signed out elsewhere: is it ours? Without a hash (no storage there) it is.
 *
 * @param {string | null} [hash]
 */
const onRemoteSignOut = (hash) => {
  generation++;
  if (!isSignedIn || (hash && !isSameUser(hash, user))) return;
  settle("signed out");
  const current = stored(shared.key);
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
 * Notices that the browser no longer remembers our user: signed out while no channel was open. If the cookie is still
 * there, it was the page that cleared the storage.
 *
 * @param {string | null | undefined} hash as it is stored now
 */
export const checkStoredUser = (hash) => {
  if (user && (hash || (hash === null && !hasCookie())) && !isSameUser(hash, user)) onRemoteSignOut();
};

let newest = 0;
/**
 * Takes what the server put into a page: the first time, and whenever a document is swapped in under the runtime.
 *
 * @param {import("./types").PageData} data
 * @param {boolean} [inPage] whether the bootstrap has handed its tokens to the vendors
 */
export const take = (data, inPage) => {
  // A router may show a stale copy of a page, while it fetches it or on the way back.
  if (Number(data.now) < newest - 10) return;
  newest = data.now ?? newest;
  setPage(data);
  /** @type {import("./types").TokenResponse["tokens"]} */
  const tokens = {};
  // A page may have given all objects further properties.
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
  if (data.ask) askAtOnce();
  else embedVendors();
  check();
};
