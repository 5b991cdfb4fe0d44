// Orlo: two snippets from the customer's dashboard. The server turns them into functions, so that they run under every
// CSP and can run again. Renewal runs the customer-data snippet again; that this renews the token is inferred.

/** @type {import("../../browser/widgetmw").VendorScript<"orlo">["connect"]} */
const connect = (vendor) => {
  // Snippets that were needed before their scripts had run.
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
