// What the browser remembers between pages; nothing of it identifies the user. A cookie tells the server that a user
// is signed in. A salted hash of the user in `localStorage` shows when the next page belongs to another user.
import { shared } from "./shared.js";
import { isSameUser, userHash } from "./user_hash.js";

/**
 * Reads an entry of `localStorage`.
 *
 * @param {string} name
 * @returns {string | null | undefined} `null` if there is no such entry, `undefined` if the storage is not available
 */
export const readStored = (name) => {
  try {
    return localStorage.getItem(name);
  } catch {}
};

/**
 * Writes an entry of `localStorage`, if the storage is available.
 *
 * @param {string} name
 * @param {string} [value] without it, the entry is removed
 */
export const writeStored = (name, value) => {
  try {
    if (value) localStorage.setItem(name, value);
    else localStorage.removeItem(name);
  } catch {}
};

export const hasCookie = () => {
  try {
    return document.cookie.split("; ").includes("widgetmw=1");
  } catch {}
};

/** @param {string} value may include attributes */
const setCookie = (value) => {
  try {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = "widgetmw=" + value + "; Path=/; SameSite=Lax" + secure;
  } catch {}
};

// Another app on this host, under another path, shares the cookie, which may have been set for that app.
const isUsedByAnotherApp = () => {
  try {
    return Object.keys(localStorage).some((name) => name !== shared.key && name.match(/^widgetmw:.*token$/));
  } catch {}
};

export const remembersUser = () => readStored(shared.key) || (hasCookie() && !isUsedByAnotherApp());

/** @param {string} user */
export const rememberUser = (user) => {
  setCookie("1");
  if (!isSameUser(readStored(shared.key), user)) writeStored(shared.key, userHash(user));
};

export const forgetUser = () => {
  if (!isUsedByAnotherApp()) setCookie("; Max-Age=0");
  writeStored(shared.key);
};
