// Orlo shows its two snippets only in the customer's dashboard. The server made functions of them, so that they run
// under every policy, and can run again: running the customer-data snippet once more is the inferred renewal.
// ---- runtime ----
late.orlo = (slot) => {
  const run = (name) => window.widgetmw_snippets?.orlo?.[name]?.(slot.current()?.token ?? "", slot.page.widgetId);
  return {
    update: () => run("data"),
    embed: () => run("embed"),
  };
};
