// Orlo shows its two snippets only in the customer's dashboard. The server made functions of them, so that they run
// under every policy, and can run again: running the customer-data snippet once more is the inferred renewal.

/**
 * @param {import("../../browser/widgetmw").Vendor<"orlo">} vendor
 * @returns {import("../../browser/widgetmw").VendorHooks}
 */
const connect = (vendor) => {
  // A snippet comes in a script of its own, maybe after it is needed first.
  const missing = new Set();
  /** @param {string} name */
  const run = (name) => {
    const snippet = vendor.snippets[name];
    if (snippet) snippet(vendor.token?.token ?? "", vendor.config.widgetId);
    else missing.add(name);
  };
  return {
    update: () => run("data"),
    logout: () => {
      missing.delete("data");
    },
    embed: () => run("embed"),
    snippet: (name) => {
      if (missing.delete(name)) run(name);
    },
  };
};

export default { connect };
