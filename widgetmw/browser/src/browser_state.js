// What the browser remembers between pages; nothing of it identifies the user.
//
// - A cookie, the mark, tells the server that a user is or was signed in, so that anonymous pages carry the runtime. It
//   stays until the clean-up after the sign-out is complete.
// - `localStorage` has a salted hash of the user, which shows when a page belongs to another one; two times, which show
//   when a page is older than the last change of user; and the vendors whose clean-up is pending.
import { ofDocument, setCookie } from "./dom.js";
import { shared } from "./shared.js";
import { isSameUser, userHash } from "./user_hash.js";

/**
 * Reads an entry of `localStorage`.
 *
 * @param {string} [suffix] of the entry's name
 * @returns {string | null | undefined} `null` if there is no such entry, `undefined` if the storage is not available
 */
export const readStored = (suffix = "") => {
  try {
    return localStorage.getItem(shared.key + suffix);
  } catch {}
};

/**
 * Writes an entry of `localStorage`.
 *
 * @param {string} suffix of the entry's name
 * @param {string} [value] without it, the entry is removed
 * @returns {boolean} whether that succeeded: the storage may be full, or not available
 */
export const writeStored = (suffix, value) => {
  try {
    if (value) localStorage.setItem(shared.key + suffix, value);
    else localStorage.removeItem(shared.key + suffix);
    return true;
  } catch {
    return false;
  }
};

// Replaces the hash, which is longer, if the storage is too full for the names of the vendors whose clean-up is pending.
const UNKNOWN = "?";

// Whether a user was signed out and we do not know which clean-ups are pending.
export const hasUnknownLogouts = () => readStored() === UNKNOWN;

const hasMark = () => {
  try {
    return ofDocument("cookie").includes(shared.key + "=1");
  } catch {}
};

/** @param {unknown} isNeeded otherwise it is removed */
const setMark = (isNeeded) => {
  try {
    const secure = location.protocol === "http:" ? "" : "; Secure";
    setCookie(shared.key + "=1; Path=/; SameSite=Lax; Max-Age=" + (isNeeded ? 2592000 : 0) + secure);
  } catch {}
};

/** @returns {string[]} the vendors whose clean-up is pending */
export const pendingLogouts = () => readStored(":pending")?.split(",") ?? [];

/** @param {string[]} names may hold one several times */
export const storePendingLogouts = (names) => {
  if (writeStored(":pending", [...new Set(names)].join())) return;
  writeStored(":pending");
  writeStored("", UNKNOWN);
};

/**
 * Whether a clean-up is still to be done, or another tab has done it.
 *
 * @param {string} name of the vendor
 */
export const isLogoutPending = (name) => {
  const names = pendingLogouts();
  if (names[0]) return names.includes(name);
  // Without storage we cannot know; with the mark alone, it was the page that cleared the storage.
  return readStored() === undefined || hasUnknownLogouts() || (!readStored() && !!hasMark());
};

// Whether a user may be signed in. With a pending clean-up the mark alone does not say so.
export const remembersUser = () => readStored() || (hasMark() && !pendingLogouts()[0]);

/** @param {string} [user] without one, only the mark is set */
export const rememberUser = (user) => {
  setMark(true);
  // No hash is better than that of another user, if the storage is full.
  if (user && !isSameUser(readStored(), user) && !writeStored("", userHash(user))) writeStored("");
};

export const forgetUser = () => {
  if (!hasUnknownLogouts()) writeStored("");
  updateMark();
};

// Removes the mark, unless a user is signed in or a clean-up is pending: then it is set again, since the site may have
// deleted it with all its cookies.
export const updateMark = () => setMark(readStored() || pendingLogouts()[0]);

// The times are those of the server's clock, in milliseconds.

/** @returns {number[]} the time of the last change, and the clock's offset; `NaN` or missing if unknown */
const readTimes = () => (readStored(":time") || "").split(" ").map(Number);

// When a user was last signed out or replaced by another one, as any tab has noticed. What is older is not valid.
export const changedAt = () => readTimes()[0] || 0;

// By how much the server's clock was ahead when it was last seen, without storage too.
/** @type {number | undefined} */
let offset;
const knownOffset = () => offset ?? readTimes()[1];
/** @returns {number} the server's time in milliseconds; `NaN` if unknown */
export const serverTime = () => Date.now() + knownOffset();

/**
 * Records by how much the server's clock is ahead.
 *
 * @param {number} seen in milliseconds; `NaN` if unknown
 * @param {boolean} [isExact] otherwise the server's time may have been read a while ago
 */
export const recordServerTime = (seen, isExact) => {
  if (isNaN(seen)) return;
  const [changed, known] = readTimes();
  offset = isExact || !(known > seen) ? seen : known;
  // A change in the future was recorded by a clock that was wrong.
  writeTimes(isExact ? Math.min(changed, serverTime()) : changed);
};

/**
 * @param {number} at when the user was signed out or replaced, in milliseconds of the server's clock, which pages have
 *   to a tenth of a second
 */
export const recordChange = (at) => writeTimes(Math.max(changedAt(), at - 100));

/** @param {number} changed */
const writeTimes = (changed) => writeStored(":time", Math.round(changed) + " " + Math.round(knownOffset()));
