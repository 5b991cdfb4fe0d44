// Who is signed in here, and with which tokens.
let user;
// Somebody is signed in: tokens are renewed.
let active = false;
// Counts answers, also those that other tabs hand on, and sign-outs: what was asked for before one is dropped.
let turns = 0;

const notify = (name) => {
  for (const listener of [...(listeners[name] ?? [])]) {
    try {
      listener();
    } catch (error) {
      reportError(error);
    }
  }
};
const announce = (type, detail) => dispatchEvent(new CustomEvent("widgetmw:" + type, { detail }));

// Takes a token whose `expires_in` and `refresh_in` count from `age` seconds ago. Says whether it is a new one.
const receive = (name, { expires_in, refresh_in, ...token }, age) => {
  const old = held[name];
  const left = token.expires_at ? expires_in - age : Infinity;
  slots[name].due = (left < Infinity ? renewal(left, refresh_in - age) : left) || 0;
  const moved = left < Infinity && Math.abs(old?.expiresAt - Date.now() - left * 1000) > 3000;
  if (!(left > 0) || (old?.token === token.token && !moved)) return false;
  held[name] = shape(token, token.expires_at - left);
  return true;
};

// Somebody is signed in: says the page (`inPage`: boot has handed its tokens out already), or the endpoint.
const accept = (answer, age, inPage) => {
  const mark = answer.user ?? user ?? "";
  const before = stored(key);
  if (user ? user !== mark : mark && before && !matches(before, mark)) {
    // Another person. Nothing in a new page is of the one before.
    inPage = false;
    leave(user ? markOf(user) : before, user && held, matches(before, mark) && 2);
  }
  user = mark;
  active = true;
  turns++;
  remember(mark);
  const fresh = [];
  for (const name in slots) {
    const slot = slots[name];
    const token = answer.tokens[name];
    slot.shown = true;
    if (token?.token && (receive(name, token, age) || (!slot.told && held[name]))) fresh.push(name);
    // A vendor that failed on the server is asked for again, and hurries no other.
    if (!token) slot.due = Object.keys(answer.tokens).length && time() + 20000;
  }
  schedule();
  for (const name of fresh) {
    // A listener may have signed out.
    if (!held[name]) break;
    slots[name].told = true;
    attempt(name, "update", inPage);
    if (inPage) continue;
    const { token, expiresAt } = held[name];
    notify(name);
    announce("token", { provider: name, token, expiresAt });
  }
  embedAll();
  settle();
};

// Ends an identity: the one whose `tokens` these are, and by whose `mark` other tabs see whether it is theirs;
// or follows another tab that did so (2: late, with the next person there already).
const leave = (mark, tokens, followed) => {
  const gone = { ...tokens };
  turns++;
  active = false;
  user = undefined;
  for (const name in gone) delete held[name];
  for (const name in slots) {
    slots[name].due = Infinity;
    slots[name].told = false;
  }
  schedule();
  if (!followed) tell({ out: mark });
  farewell(Object.keys(slots), gone, followed);
  // The tokens stand in them.
  for (const element of document.querySelectorAll("script[data-widgetmw]")) element.remove();
  Object.keys(gone).forEach(notify);
  announce("signedout");
};
const signOut = () => {
  turns++;
  settle("signed out");
  if (!active && !remembers()) return;
  leave(user ? markOf(user) : stored(key), held);
  forget();
};
// Somebody was signed out elsewhere: is it our person? Without a mark (no storage there) it is everybody.
const follow = (mark) => {
  turns++;
  if (!active || (mark && !matches(mark, user))) return;
  settle("signed out");
  leave(mark, held, matches(stored(key) || markOf(user), user) ? 1 : 2);
};
const hear = ({ out, failures, answer, at, asked, free }) => {
  if (asked) return count();
  if (free) times.pop();
  if (failures) postpone(failures);
  else if (!answer) follow(out);
  else if (active || seeking || asking) accept(answer, (Date.now() - at) / 1000);
};
// What the browser remembers is no longer our person: signed out while no channel was open. With the cookie still
// there, it was the page that cleared the storage.
const compare = (mark) => {
  if (user && (mark || (mark === null && !cookie())) && !matches(mark, user)) follow();
};

// What the server put into a page: the first time, and whenever a document is swapped in under the living runtime.
let newest = 0;
const take = (data, inPage) => {
  // A router may show a stale copy of a page, while it fetches it or on the way back.
  if (data.now < newest - 10) return;
  newest = data.now ?? newest;
  page = data;
  const tokens = {};
  for (const name of Object.keys(data.vendors)) {
    const { token } = data.vendors[name];
    if (!slots[name]) enroll(name, data.vendors[name], data);
    equip(name);
    if (!token) continue;
    const { expiresAt } = inPage ? held[name] : shape(token, data.now);
    const left = (expiresAt - Date.now()) / 1000;
    tokens[name] = { ...token, expires_in: left, refresh_in: left - token.expires_at + token.refresh_at };
  }
  if (data.user === null) signOut();
  else if (Object.keys(tokens).length) accept({ user: data.user, tokens }, 0, inPage);
  if (data.ask) {
    seeking = true;
    next = 0;
    wish = time();
    setTimeout(embedAll, 2000);
  } else embedAll();
  check();
};
