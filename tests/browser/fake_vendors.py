"""Fakes of the vendors' scripts. Each does what the vendor documents, and records its calls in ``vendor``."""

from __future__ import annotations

#: Reads its config when it loads. Accepts messages only once it is embedded, which the test triggers.
DIGITALGENIUS = """
window.vendor = {messages: [], resets: 0, config: JSON.parse(JSON.stringify(window.DG_CHAT_WIDGET_CONFIG))};
const early = () => { throw new Error("not embedded yet"); };
window.dgchat = {methods: {sendSystemMessage: early, resetChat: early}};
window.embedWidget = () => {
  window.dgchat = {methods: {
    sendSystemMessage: (message) => vendor.messages.push(message),
    resetChat: () => { vendor.resets++; localStorage.removeItem("dg_session"); },
  }};
  window.DG_CHAT_WIDGET_CONFIG.callbacks?.onWidgetEmbedded?.("embedded");
};
"""

#: The same, embedded at once.
DIGITALGENIUS_EMBEDDED = DIGITALGENIUS + "localStorage.dg_session ||= 'conversation'; embedWidget();"

#: The vendor's tag: creates the queue if there is none.
GIOSG_TAG = """
(function (w, f) {
  w._giosg = w._giosg || function () { (w._giosg._e = w._giosg._e || []).push(arguments); };
  w._giosg._c = f;
})(window, "org-1");
"""

#: The vendor's script: plays the queued calls, and drops visitor data that is sent before consent.
GIOSG = """
window.vendor = {submitted: [], calls: []};
let consent = CONSENT;
const perform = (call) => {
  const [module, method, ...values] = call;
  if (module === "visitor" && method === "submit" && consent) vendor.submitted.push(values);
  vendor.calls.push([...call]);
};
const queued = window._giosg._e || [];
window._giosg = Object.assign((...call) => perform(call), {_c: window._giosg._c});
queued.forEach((call) => perform([...call]));
window.giosgTCApi = {
  addEventListener: () => {},
  setVisitorConsent: () => { consent = true; },
};
"""

#: The vendor's script, loaded before ours. It records its calls in ``_giosg.calls``.
GIOSG_LOADED = "window._giosg = Object.assign((...call) => { _giosg.calls.push(call); }, {calls: []});"

#: The vendor's snippet: replaces any earlier queue.
CRISP_SNIPPET = """
window.$crisp = [];
window.CRISP_WEBSITE_ID = "site-1";
document.head.append(Object.assign(document.createElement("script"), {src: "https://client.crisp.chat/l.js"}));
"""

#: The vendor's script: plays the queued calls. Its cookie stands for the conversation of an email address.
CRISP = """
const cookie = "crisp-client/session/" + CRISP_WEBSITE_ID;
window.vendor = {
  calls: [],
  get email() { return document.cookie.split("; ").find((it) => it.startsWith(cookie))?.split("=")[1] ?? ""; },
};
const perform = (call) => {
  vendor.calls.push(call);
  if (call[1] === "user:email") document.cookie = `${cookie}=${call[2][0]}; path=/`;
  if (call[1] === "session:reset") document.cookie = `${cookie}=; path=/; max-age=0`;
};
const queued = window.$crisp;
window.$crisp = {is: () => true, push: perform};
queued.forEach(perform);
"""


def script(text: str, **attributes: str) -> str:
    """Returns a script element."""
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<script{written}>{text}</script>"
