// The runtime starts; a page that is shown ahead of a click starts when it is really shown.
const start = () => {
  lastUse = time();
  openChannel();
  for (const name in slots) equip(name);
  const owed = stored(debts)?.split(",");
  if (owed) farewell(owed, {});
  for (const data of inbox) take(data, data === inbox[0]);
  port.take = (data) => take(data);
  const runtime = { refresh, signOut: async () => signOut() };
  Object.assign(api, runtime);
  port.arrive(runtime);

  const inputs = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focus", "blur"];
  for (const type of [...inputs, "online", "visibilitychange"]) addEventListener(type, use, { capture: true, passive: true });
  addEventListener("storage", (event) => event.key === key && compare(event.newValue));
  // No open channel and no request, so that the page may go into the back/forward cache.
  addEventListener("pagehide", () => {
    away = true;
    clearTimeout(timer);
    abort?.abort();
    channel?.close();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    away = false;
    openChannel();
    compare(stored(key));
    // It may have been there for long: ask whether it is still so.
    if (active || seeking || wants.length) wish = time();
    use({ type: "online" });
  });
  if (external) new MutationObserver(read).observe(document.head, { childList: true });
};
if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
else start();
