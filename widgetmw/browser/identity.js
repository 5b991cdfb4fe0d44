// Whose browser this is, remembered from page to page without a name: a cookie that says "somebody", for the server,
// and a salted hash of the server's opaque mark, to see that the next page is another person's.
const key = "widgetmw:" + inbox[0].url;
// Storage may be switched off, or throw: then `undefined`, while `null` is a storage without the key.
const stored = (name, value) => {
  try {
    if (value) localStorage[name] = value;
    else if (value === null) delete localStorage[name];
    return localStorage.getItem(name);
  } catch {}
};
const cookie = (value) => {
  try {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    if (value) document.cookie = "widgetmw=" + value + "; Path=/; SameSite=Lax" + secure;
    return document.cookie.split("; ").includes("widgetmw=1");
  } catch {}
};
const markOf = (user) => {
  const salt = Math.random().toString(36).slice(2);
  return salt + "." + mix(salt + user);
};
// Another app on this host, mounted elsewhere, shares the cookie: it may be there for that one.
const shared = () => {
  try {
    return Object.keys(localStorage).some((name) => name !== key && name.match(/^widgetmw:.*token$/));
  } catch {}
};
const remembers = () => stored(key) || (cookie() && !shared());
const remember = (user) => {
  cookie(1);
  if (!matches(stored(key), user)) stored(key, markOf(user));
};
const forget = () => {
  if (!shared()) cookie("; Max-Age=0");
  stored(key, null);
};
