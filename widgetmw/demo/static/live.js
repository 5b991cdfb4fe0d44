// Follows one vendor's token in this page, through the public names of widgetmw and nothing else.

export function follow(provider, { onToken, onEnd }) {
  const show = () => {
    const current = window.widgetmw?.get(provider);
    if (current?.token) onToken(current);
  };
  window.addEventListener("widgetmw:token", (event) => {
    if (event.detail.provider === provider) show();
  });
  window.addEventListener("widgetmw:signedout", onEnd);
  show();
}

export async function renew(provider) {
  return window.widgetmw.refresh(provider);
}
