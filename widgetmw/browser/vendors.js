// The vendors' late halves: each is made with its slot, and may offer `update(inPage)`,
// `logout(token, followed)`, `embed()`.
const late = {};
const vendors = { __proto__: null };
// A vendor's failure is reported and stays its own. No word as long as a token gets into the console.
const attempt = (name, method, value, followed) => {
  try {
    return vendors[name]?.[method]?.(value, followed);
  } catch (error) {
    console.warn("widgetmw: " + name + ": " + String(error).replace(/\S{40,}/g, "..."));
  }
};
const equip = (name) => {
  vendors[name] ??= late[name]?.(slots[name]) ?? {};
};
// A vendor's clean-up may have to wait for its widget; if that never comes in this page, it owes it to a later one.
// One tab cleans what the tabs share, and may owe; those that followed clean their own page.
const debts = key + ":owed";
const unpaid = new Set();
const farewell = (names, tokens, followed) => {
  for (const name of names) {
    const later = attempt(name, "logout", tokens[name], followed);
    if (!later || followed) continue;
    unpaid.add(name);
    later.then(() => unpaid.delete(name));
  }
};
const takeDebts = () => {
  const owed = stored(debts)?.split(",") ?? [];
  stored(debts, null);
  // Those of vendors that this page has no part in are handed on.
  for (const name of owed) slots[name] ? farewell([name], {}) : unpaid.add(name);
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
