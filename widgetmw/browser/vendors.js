// The vendors' late halves: each is made with its slot, and may offer `update(inPage)`, `logout(token)`, `embed()`.
const late = {};
const vendors = { __proto__: null };
// A vendor's failure is reported and stays its own. Whatever it says, no token gets into the console.
const attempt = (name, method, value) => {
  try {
    return vendors[name]?.[method]?.(value);
  } catch (error) {
    const secret = slots[name].current()?.token ?? value?.token;
    console.warn("widgetmw: " + name + ": " + (secret ? String(error).replaceAll(secret, "...") : error));
  }
};
const equip = (name) => {
  vendors[name] ??= late[name]?.(slots[name]) ?? {};
};
// A vendor's clean-up may have to wait for its widget; if that never comes in this page, a later page owes it.
const debts = key + ":owed";
const farewell = (names, tokens) => {
  const open = new Set();
  const write = () => stored(debts, [...open].join() || null);
  for (const name of names) {
    const later = attempt(name, "logout", tokens[name]);
    if (later) open.add(name);
    later?.then(() => open.delete(name) && write());
  }
  write();
};
const embedAll = () => {
  for (const name in slots) {
    const slot = slots[name];
    if (slot.embed && !slot.loaded) {
      slot.loaded = true;
      attempt(name, "embed");
    }
  }
};
