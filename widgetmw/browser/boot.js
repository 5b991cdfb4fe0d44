// The part that stands in the page itself, ahead of every script of the page. It keeps what the server sent,
// offers `window.widgetmw` at once, and lets each vendor's early half set the globals that its widget reads.
// The whole file is one expression, a function of DATA; whoever writes the page appends the call.
(function (data) {
  const early = {};
  // ---- early halves ----
  const living = window.widgetmw?._;
  // A document swapped in by Turbo and the like: the runtime of the first page lives on and takes the new data.
  if (living) return living.take(data);
  const held = { __proto__: null };
  const listeners = { __proto__: null };
  const slots = { __proto__: null };
  const inbox = [data];
  let arrive;
  const runtime = new Promise((resolve) => (arrive = resolve));
  // Seconds of the server's clock become milliseconds of this browser's.
  const shape = (token, now) => {
    const left = token.expires_at - now;
    return Object.freeze({ ...token, expiresAt: token.expires_at && Math.round(Date.now() + left * 1000) });
  };
  const mix = (text) => {
    let sum = 7;
    for (const letter of text) sum = (Math.imul(sum, 31) + letter.charCodeAt()) | 0;
    return sum.toString(36);
  };
  // Is `mark`, a salt and a hash as the browser remembers them, the mark of `user`?
  const matches = (mark, user) => {
    const [salt, hash] = (mark || "").split(".");
    return hash === mix(salt + user);
  };
  // A vendor's slot: its public configuration, and whether it is for this page's visitor or only for a clean-up.
  const enroll = (name, { page, embed }, { user, embed: embeds }) => {
    embed ||= embeds?.includes(name);
    slots[name] = { page, embed, shown: user !== null || embed, due: Infinity, current: () => held[name] };
    try {
      early[name]?.(slots[name]);
    } catch {}
  };
  let stale;
  // A page that the browser took from its history may be of another time, and of another person.
  if (data.user !== null && performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
    data.ask = true;
    let mark;
    try {
      mark = localStorage["widgetmw:" + data.url];
    } catch {}
    stale = !matches(mark, data.user);
    if (stale) delete data.user;
  }
  for (const name of Object.keys(data.vendors)) {
    const vendor = data.vendors[name];
    if (stale) delete vendor.token;
    if (vendor.token) held[name] = shape(vendor.token, data.now);
    enroll(name, vendor, data);
  }
  // What this page and the runtime share. The runtime puts its own functions in the place of these three.
  const port = {
    held,
    listeners,
    slots,
    inbox,
    shape,
    mix,
    matches,
    enroll,
    arrive,
    take: (more) => inbox.push(more),
    refresh: (name) => runtime.then(() => port.refresh(name)),
    signOut: () => runtime.then(() => port.signOut()),
  };
  const fail = () => Promise.reject(Error("widgetmw: no runtime"));
  addEventListener("load", () => port.running || arrive((port.refresh = port.signOut = fail)));
  window.widgetmw = {
    _: port,
    get: (name) => held[name],
    subscribe(name, listener) {
      const entry = () => listener();
      (listeners[name] ??= new Set()).add(entry);
      return () => listeners[name].delete(entry);
    },
    refresh: (name) => port.refresh(name),
    signOut: () => port.signOut(),
  };
})
