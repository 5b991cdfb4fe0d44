// What the browser remembers from page to page, without a name: a cookie for the server, which says that somebody is
// signed in, and a salted hash of the user in the storage, to notice when the next page belongs to another user.
import { shared } from "./shared.js";
import { isSameUser, userHash } from "./user_hash.js";

/**
 * Reads an entry of the storage, after it has set or (`null`) removed it. `null`: there is no such entry;
 * `undefined`: the storage is switched off, or throws.
 *
 * @param {string} name
 * @param {string | null} [value]
 */
export const stored = (name, value) => {
  try {
    if (value) localStorage[name] = value;
    else if (value === null) delete localStorage[name];
    return localStorage.getItem(name);
  } catch {}
};

/**
 * Says whether the cookie is there, after it has set it to `value`.
 *
 * @param {string | number} [value]
 */
export const hasCookie = (value) => {
  try {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    if (value) document.cookie = "widgetmw=" + value + "; Path=/; SameSite=Lax" + secure;
    return document.cookie.split("; ").includes("widgetmw=1");
  } catch {}
};

// Another app on this host, mounted elsewhere, shares the cookie: it may be there for that one.
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
