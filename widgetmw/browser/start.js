// The runtime starts when the page is parsed, and not before it is really shown (browsers prerender ahead of a click).
const start = () => {
  const later = document.prerendering === true ? "prerenderingchange" : document.readyState === "loading" && "DOMContentLoaded";
  if (later) return document.addEventListener(later, start);
  lastUse = time();
  openChannel();
  for (const name in slots) equip(name);
  takeDebts();
  for (const data of inbox.splice(0)) take(data, data === page);
  Object.assign(port, { refresh, signOut: async () => signOut(), take: (data) => take(data) });
  port.arrive();

  const listen = (types, then) => {
    for (const type of types.split(" ")) addEventListener(type, then, true);
  };
  listen("pointerdown pointermove keydown wheel", () => use());
  // Of the window: an element gets the focus by scripts as well. A click into a frame takes it away.
  listen("focus blur", (event) => event.target === window && use());
  listen("visibilitychange", () => use(true));
  // No sign of somebody being here: an idle tab stays idle.
  listen("online", () => check((notBefore = 0)));
  // Where there is no channel, the storage tells.
  listen("storage", (event) => event.key === key && !channel && compare(event.newValue));
  // No open channel and no request, so that the page may go into the back/forward cache.
  listen("pagehide", () => {
    away = true;
    if (unpaid.size) stored(debts, [...unpaid].join());
    unpaid.clear();
    clearTimeout(timer);
    abort?.abort();
    channel = channel?.close();
  });
  listen("pageshow", (event) => {
    if (!event.persisted) return;
    away = false;
    openChannel();
    compare(stored(key));
    // It may have been there for long: ask whether it is still so.
    if (active || seeking || wants.length || remembers()) wish = time();
    use(true);
  });
  if (external) {
    new MutationObserver((records) => records.forEach((record) => record.addedNodes.forEach(read))).observe(
      document.head,
      { childList: true }
    );
  }
};
start();
