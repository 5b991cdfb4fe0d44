// Who is signed in here, and with which tokens.
let user;
// Somebody is signed in: tokens are renewed.
let active = false;
// Each sign-out ends an era: what was asked for in an earlier one is dropped.
let era = 0;
// Counts answers, our own and those that other tabs hand on.
let answers = 0;

const notify = (name) => {
  for (const [listener] of [...(listeners[name] ?? [])]) {
    try {
      listener();
    } catch (error) {
      reportError(error);
    }
  }
};
const announce = (type, detail) => dispatchEvent(new CustomEvent("widgetmw:" + type, { detail }));

// Takes a token whose `expires_in` and `refresh_in` count from `age` seconds ago. Says whether it is a new one.
const receive = (name, token, age) => {
  const old = held[name];
  const { expires_in, refresh_in, ...facts } = token;
  const forever = token.expires_at == null;
  const left = forever ? Infinity : (expires_in ?? token.expires_at - Date.now() / 1000) - age;
  slots[name].due = forever ? Infinity : renewal(left, refresh_in == null ? left * 0.8 : refresh_in - age);
  const same = forever || Math.abs(old?.expiresAt - Date.now() - left * 1000) < 3000;
  if (left <= 0 || (old?.token === token.token && same)) return false;
  held[name] = shape(facts, token.expires_at - left);
  return true;
};

// Somebody is signed in: says the page (`inPage`: boot has handed its tokens out already), or the endpoint.
const accept = (answer, age, inPage) => {
  const mark = answer.user ?? user ?? "";
  const before = stored(key);
  if (user) {
    if (user !== mark) leave(markOf(user), held);
  } else if (before && !matches(before, mark)) {
    // Another person's page. Nothing in it is of the one before.
    inPage = false;
    leave(before, {});
  }
  user = mark;
  active = true;
  answers++;
  remember(mark);
  const fresh = [];
  for (const name in slots) {
    const slot = slots[name];
    const token = answer.tokens[name];
    slot.shown = true;
    if (token?.token && (receive(name, token, age) || !slot.told)) fresh.push(name);
    // A vendor that failed on the server is asked for again.
    if (!token && (inPage || answer.errors?.[name])) slot.due = Math.min(slot.due, time());
  }
  schedule();
  for (const name of fresh) {
    slots[name].told = true;
    attempt(name, "update", inPage);
  }
  for (const name of inPage ? [] : fresh) {
    const { token, expiresAt } = held[name];
    notify(name);
    announce("token", { provider: name, token, expiresAt });
  }
  embedAll();
  settle();
};

// Ends an identity: the one whose `tokens` these are, and by whose `mark` the other tabs know whether it is theirs.
const leave = (mark, tokens, silent) => {
  const gone = { ...tokens };
  era++;
  active = false;
  user = undefined;
  for (const name in gone) delete held[name];
  for (const name in slots) {
    slots[name].due = Infinity;
    slots[name].told = false;
  }
  schedule();
  if (!silent) tell({ out: mark });
  farewell(Object.keys(slots), gone);
  Object.keys(gone).forEach(notify);
  announce("signedout");
  settle("signed out");
};
const signOut = () => {
  if (!active && !remembers()) return;
  leave(user ? markOf(user) : stored(key), held);
  forget();
};
// What another tab says. An `out` without a mark (no storage there) is for everybody.
const hear = (news) => {
  if ("out" in news) {
    if (active && (!news.out || matches(news.out, user))) leave(news.out, held, true);
    return;
  }
  count();
  if (news.failed) postpone(news.failed);
  else if (active || seeking || asking) accept(news.answer, (Date.now() - news.at) / 1000);
};
// What the browser remembers is no longer our person: signed out while no channel was open.
const compare = (mark) => {
  if (active && user && mark !== undefined && !matches(mark, user)) leave(mark, held, true);
};

// What the server put into a page: the first time, and whenever a document is swapped in under the living runtime.
let newest = 0;
let slowest = Infinity;
const take = (data, inPage) => {
  // A router may show a stale copy of a page, while it fetches it or on the way back.
  const lag = time() / 1000 - data.now;
  if (data.now < newest || lag > slowest + 10) return;
  newest = data.now ?? newest;
  slowest = Math.min(slowest, lag || Infinity);
  page = data;
  const tokens = {};
  const since = (at) => at && at - data.now;
  for (const name in data.vendors) {
    const vendor = data.vendors[name];
    if (!slots[name]) enroll(name, vendor, data.user);
    slots[name].embed ||= vendor.embed || data.embed?.includes(name);
    equip(name);
    const { token } = vendor;
    if (token) tokens[name] = { ...token, expires_in: since(token.expires_at), refresh_in: since(token.refresh_at) };
  }
  if (data.user === null) signOut();
  // `now` is in whole seconds: half a second is its error.
  else if (Object.keys(tokens).length) accept({ user: data.user, tokens }, 0.5 + (inPage ? Date.now() - port.born : 0) / 1000, inPage);
  if (data.ask) {
    seeking = true;
    next = 0;
    wish = time();
    setTimeout(embedAll, 2000);
  } else embedAll();
  check();
};
