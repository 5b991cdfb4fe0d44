// Adds a vendor's own loader where the policy lets us: with our nonce, and by a Trusted Types policy of our name.
const nonce = document.currentScript?.nonce;
let trust;
const load = (src) => {
  if ([...document.scripts].some((script) => script.src === src)) return;
  const script = document.createElement("script");
  try {
    trust ??= window.trustedTypes?.createPolicy("widgetmw", { createScriptURL: (url) => url });
  } catch {}
  try {
    script.src = trust ? trust.createScriptURL(src) : src;
  } catch {
    return;
  }
  script.async = true;
  if (nonce) script.nonce = nonce;
  document.head.append(script);
};
