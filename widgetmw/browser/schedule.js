// When to ask for the next tokens. All times are those of `time()`.
// When to renew, and how long that was from the last answer.
let next = Infinity;
let period = Infinity;
// The callers of `refresh`, and from when on they may be served.
let wants = [];
let wish = Infinity;
// Failures in a row; then no further request before when.
let failures = 0;
let notBefore = 0;
// The page asked for tokens and has no answer yet.
let seeking;
let asking;
// The page is in the back/forward cache, or on its way out.
let away;
let lastUse = 0;
let spare;
let timer;

const settle = (error) => {
  wish = Infinity;
  for (const want of wants.splice(0)) want(error);
};
const refresh = (name) => {
  const first = !wants.length;
  const promise = new Promise((resolve, reject) =>
    wants.push((error) => {
      if (held[name] && !error) resolve(held[name]);
      else reject(Error("widgetmw: " + (error || "no token for " + name)));
    })
  );
  // Callers who do not care need not catch.
  promise.catch(() => {});
  // What was asked for before somebody may have signed in is no answer.
  if (!active && first) turns++;
  wish = Math.min(wish, time());
  check();
  return promise;
};

// A tab that nobody looks at, or has used for a quarter of an hour, must not keep the site's session alive.
const hidden = () => document.visibilityState === "hidden";
const used = () => !hidden() && time() - lastUse < 900000;
// The server makes a new token from `wait` seconds on, the old one is good for `left`: not all browsers at once, and
// not before the server's last whole second is over.
const renewal = (left, wait) => {
  const margin = left - wait;
  return left > 0 ? time() + 1000 * (wait + Math.min(1, margin / 2) + Math.random() * margin * 0.3) : 0;
};
const postpone = (count) => {
  failures = count;
  notBefore = time() + Math.min(300, 2 ** count) * 1000 * (0.5 + Math.random());
};
// After an answer. One that leaves a token due is no success.
const schedule = () => {
  next = Infinity;
  for (const name in slots) next = Math.min(next, slots[name].due);
  period = next - time();
  seeking = false;
  if (period > 0) {
    failures = 0;
    notBefore = time() + 1000;
  } else postpone(failures + 1);
};
// When the next request goes. Tokens of a few seconds are served at their pace, since good renewals do not count;
// a page that calls `refresh` in a loop leaves room for them.
const due = () => {
  const wished = Math.max(wish, gate(Math.max(1, 7 - 60000 / Math.max(period, 1))));
  return (active || seeking) && used() ? Math.min(wished, Math.max(next, notBefore, gate(7))) : wished;
};
const check = () => {
  timer = clearTimeout(timer);
  if (asking || away) return;
  const wait = due() - time();
  if (wait <= 0) ask();
  // In steps, since a timer may oversleep with the machine.
  else if (wait < Infinity) timer = setTimeout(check, Math.min(wait, 60000));
};
// Somebody is here: by any input, or (`woken`) since the tab was shown, or is online again.
const use = (woken) => {
  if (hidden()) return;
  woken ||= !used();
  lastUse = time();
  // Who needs the chat now does not wait for a long back-off; `gate` still holds.
  const expired = () => Object.values(held).some((token) => token.expiresAt && token.expiresAt < Date.now());
  if (woken || (failures && !(time() - times.at(-1) < 5000) && expired())) notBefore = 0;
  if (woken || !timer || next <= time()) check();
};

const conclude = ({ status, body, age }, doubted) => {
  if (body?.tokens) {
    const planned = next <= time() && !doubted;
    accept(body, age);
    // A renewal that went well is not counted, nor one after it that came a moment too early.
    const good = period > 1000;
    const free = planned && (good || (spare && period > 0));
    if (free) times.pop();
    spare = good;
    tell({ answer: body, at: Date.now() - age * 1000, free });
  } else if (status === 401) {
    seeking = false;
    signOut();
  } else {
    postpone(failures + 1);
    tell({ failures });
    settle("no answer");
  }
  embedAll();
};
const ask = async () => {
  if (!mayAsk()) {
    next = Infinity;
    return settle("not permitted");
  }
  asking = true;
  const before = turns;
  const idle = () => away || turns !== before;
  await alone(async () => {
    // What another tab has learnt while we waited for our turn may be reason to wait longer.
    if (idle() || due() > time()) return;
    let reply = await request();
    // One 401 may be a hiccup of the site's session; two end what this browser remembers.
    const doubted = reply.status === 401 && (active || remembers());
    if (doubted) {
      await pause(3000 + Math.random() * 1000);
      if (idle()) return;
      reply = await request();
    }
    if (!idle()) conclude(reply, doubted);
  });
  asking = false;
  check();
};
