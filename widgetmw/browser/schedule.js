// When to ask for the next tokens. All times are those of `time()`.
// When to renew, and how long that was from the last answer.
let next = Infinity;
let period = Infinity;
// From when on the callers of `refresh` may be served, and the promise that they wait for.
let wish = Infinity;
let wants;
// Failures in a row; then no further request before when.
let failures = 0;
let notBefore = 0;
// The page asked for tokens and has no answer yet.
let seeking = false;
let asking = false;
let lastAsk = 0;
let lastUse = 0;
let timer;
// The page is in the back/forward cache, or on its way out.
let away = false;

const settle = (error) => {
  const waiting = wants;
  wants = null;
  wish = Infinity;
  if (error) waiting?.reject(new Error("widgetmw: " + error));
  else waiting?.resolve();
};
const refresh = (name) => {
  if (!wants) {
    wants = {};
    wants.promise = new Promise((resolve, reject) => Object.assign(wants, { resolve, reject }));
  }
  const missing = () => Promise.reject(new Error("widgetmw: no token for " + name));
  const promise = wants.promise.then(() => held[name] ?? missing());
  // Callers who do not care need not catch.
  promise.catch(() => {});
  // A page that calls this in a loop shares the minute with the renewals of short tokens.
  const rest = Math.max(2, 8 - Math.ceil(60000 / Math.max(period, 1)));
  wish = Math.min(wish, Math.max(time(), gate(rest)));
  check();
  return promise;
};

// A tab that nobody looks at, or has used for a quarter of an hour, must not keep the site's session alive.
const used = () => !document.hidden && time() - lastUse < 900000;
// The server makes a new token from `wait` seconds on, the old one is good for `left`: not all browsers at once, and
// not before the whole seconds of the server's answer are over.
const renewal = (left, wait) => {
  const margin = left - wait;
  return left > 0 ? time() + 1000 * (wait + Math.min(1, margin * 0.4) + margin * (0.1 + Math.random() * 0.3)) : 0;
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
  failures = period > 0 ? 0 : failures + 1;
  if (failures) postpone(failures);
  else notBefore = time() + 1000;
};
const due = () => {
  if (!(active || seeking) || !used()) return wish;
  // Tokens of a few seconds are served at their pace, as long as the endpoint makes good ones.
  const limit = failures || period < 1000 ? gate(8) : 0;
  return Math.min(wish, Math.max(next, notBefore, limit));
};
const check = () => {
  clearTimeout(timer);
  timer = 0;
  if (asking || away) return;
  const wait = due() - time();
  if (wait <= 0) ask();
  // In steps, since a timer may oversleep with the machine.
  else if (wait < Infinity) timer = setTimeout(check, Math.min(wait, 60000));
};
// Somebody is here: shown, focused, back online, or any input.
const use = ({ type }) => {
  const now = time();
  const woken = !used() || ["online", "visibilitychange", "pageshow"].includes(type);
  if (!document.hidden) lastUse = now;
  const expired = () => Object.values(held).some((token) => token.expiresAt && token.expiresAt < Date.now());
  // Who needs the chat now does not wait for a long back-off; `gate` still holds.
  if (woken || (failures && now - lastAsk > 5000 && expired())) notBefore = 0;
  if (woken || !timer || next <= now) check();
};

const conclude = ({ status, body, age }) => {
  if (status === 200 && body?.tokens) {
    accept(body, age);
    tell({ answer: body, at: Date.now() - age * 1000 });
  } else if (status === 401) {
    seeking = false;
    signOut();
    settle("nobody is signed in");
  } else {
    postpone(failures + 1);
    tell({ failed: failures });
    settle("no token, status " + status);
  }
  embedAll();
};
const ask = async () => {
  if (!mayAsk()) {
    next = Infinity;
    return settle("the page's policy forbids to ask");
  }
  asking = true;
  const [thisEra, seen] = [era, answers];
  const idle = () => away || era !== thisEra || answers !== seen;
  await alone(async () => {
    if (idle()) return;
    let reply = await request();
    // One 401 may be a hiccup of the site's session; two end what this browser remembers.
    if (reply.status === 401 && (active || remembers())) {
      await pause(3000 + Math.random() * 1000);
      if (idle()) return;
      reply = await request();
    }
    if (!idle()) conclude(reply);
  });
  asking = false;
  check();
};
