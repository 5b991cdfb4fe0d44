// What the browser remembers between pages; nothing of it identifies the user. A cookie tells the server that a user
// is signed in. A salted hash of the user in `localStorage` shows when the next page belongs to another user.
import { shared } from "./shared.js";
import { isSameUser, userHash } from "./user_hash.js";

/**
 * Reads an entry of `localStorage`, after writing or removing it.
 *
 * @param {string} name
 * @param {string | null} [value] the new value; `null` removes the entry
 * @returns {string | null | undefined} `null` if there is no such entry, `undefined` if the storage is not available
 */
export const stored = (name, value) => {
  try {
    if (value) localStorage[name] = value;
    else if (value === null) delete localStorage[name];
    return localStorage.getItem(name);
  } catch {}
};

/**
 * Whether the cookie is set, after setting it to `value`.
 *
 * @param {string | number} [value] may include attributes
 */
export const hasCookie = (value) => {
  try {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    if (value) document.cookie = "widgetmw=" + value + "; Path=/; SameSite=Lax" + secure;
    return document.cookie.split("; ").includes("widgetmw=1");
  } catch {}
};

// Another app on this host, under another path, shares the cookie, which may have been set for that app.
const isUsedByAnotherApp = () => {
  try {
    return Object.keys(localStorage).some((name) => name !== shared.key && name.match(/^widgetmw:.*token$/));
  } catch {}
};

export const remembersUser = () => stored(shared.key) || (hasCookie() && !isUsedByAnotherApp());

/** @param {string} user */
export const rememberUser = (user) => {
  hasCookie(1);
  if (!isSameUser(stored(shared.key), user)) stored(shared.key, userHash(user));
};

export const forgetUser = () => {
  if (!isUsedByAnotherApp()) hasCookie("; Max-Age=0");
  stored(shared.key, null);
};
