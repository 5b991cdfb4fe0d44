// Watches one vendor's token in this page, using only widgetmw's public API.

export function watchToken(provider, { onToken, onSignOut }) {
  const notify = () => {
    const current = window.widgetmw?.get(provider);
    if (current?.token) onToken(current);
  };
  window.addEventListener("widgetmw:token", (event) => {
    if (event.detail.provider === provider) notify();
  });
  window.addEventListener("widgetmw:signedout", onSignOut);
  notify();
}
