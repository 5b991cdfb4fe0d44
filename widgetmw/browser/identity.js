// Whose browser this is, remembered from page to page without a name: a cookie that says "somebody", for the server,
// and a salted hash of the server's opaque mark, to see that the next page is another person's.
const cookie = "widgetmw=";
const key = "widgetmw:" + inbox[0].url;
// Storage may be switched off, or throw: then `undefined`, while `null` is a storage without the key.
const stored = (name, value) => {
  try {
    if (value) localStorage.setItem(name, value);
    else if (value === null) localStorage.removeItem(name);
    return localStorage.getItem(name);
  } catch {}
};
const setCookie = (rest) => {
  try {
    document.cookie = cookie + rest + "; Path=/; SameSite=Lax" + (location.protocol === "https:" ? "; Secure" : "");
  } catch {}
};
const hasCookie = () => {
  try {
    return document.cookie.split("; ").includes(cookie + 1);
  } catch {}
};
const markOf = (user) => {
  const salt = Math.random().toString(36).slice(2);
  return salt + "." + mix(salt + user);
};
const remembers = () => hasCookie() || !!stored(key);
const remember = (user) => {
  if (!hasCookie()) setCookie(1);
  if (user && !matches(stored(key), user)) stored(key, markOf(user));
};
const forget = () => {
  setCookie("; Max-Age=0");
  stored(key, null);
};
