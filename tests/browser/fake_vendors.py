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

#: The vendor's snippet.
CHATWOOT_SNIPPET = """
document.head.append(Object.assign(document.createElement("script"), {
  src: "https://chat.example/packs/js/sdk.js",
  onload: () => chatwootSDK.run({websiteToken: "token-1", baseUrl: "https://chat.example"}),
}));
"""

#: The vendor's script, as its published code was seen to behave: without a queue, and removing cookies without the base
#: domain for which it has set them.
CHATWOOT = """
window.chatwootSDK = {run({websiteToken, baseUrl}) {
  if (window.$chatwoot) return;
  const {baseDomain} = window.chatwootSettings ?? {};
  const user = "cw_user_" + websiteToken;
  const read = (name) => document.cookie.split("; ").find((it) => it.startsWith(name + "="))?.split("=")[1];
  const write = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=31536000` + (baseDomain ? "; domain=" + baseDomain : "");
  };
  const remove = (name) => { document.cookie = name + "=; path=/; max-age=0"; };
  const url = `${baseUrl}/widget?website_token=${websiteToken}`;
  const frame = Object.assign(document.createElement("iframe"), {id: "chatwoot_live_chat_widget"});
  const send = (event, more) =>
    frame.contentWindow.postMessage("chatwoot-widget:" + JSON.stringify({event, ...more}), "*");
  window.$chatwoot = {
    baseDomain,
    hasLoaded: false,
    setUser(identifier, fields) {
      if (!["string", "number"].includes(typeof identifier)) throw new Error("identifier");
      if (!fields.email && !fields.name) throw new Error("user keys");
      const hash = encodeURIComponent([fields.email, fields.name, fields.identifier_hash, identifier]);
      if (hash === read(user)) return;
      $chatwoot.user = fields;
      send("set-user", {identifier, user: fields});
      write(user, hash);
    },
    reset() {
      remove("cw_conversation");
      remove(user);
      frame.src = url;
      $chatwoot.hasReset = true;
    },
  };
  const events = {
    loaded({config}) {
      write("cw_conversation", config.authToken);
      $chatwoot.hasLoaded = true;
      if ($chatwoot.user) send("set-user", $chatwoot.user);
      if (!$chatwoot.hasReset) dispatchEvent(new CustomEvent("chatwoot:ready"));
    },
    setAuthCookie({data}) { write("cw_conversation", data.widgetAuthToken); },
    error({data}) {
      dispatchEvent(new CustomEvent("chatwoot:error", {detail: data}));
      remove(user);
    },
  };
  window.onmessage = ({data}) => {
    if (!String(data).startsWith("chatwoot-widget:")) return;
    const message = JSON.parse(data.slice("chatwoot-widget:".length));
    events[message.event]?.(message);
  };
  const conversation = read("cw_conversation");
  frame.src = url + (conversation ? "&cw_conversation=" + conversation : "");
  document.body.append(frame);
}};
"""

#: The vendor's frame, for the conversation AUTH.
CHATWOOT_FRAME = """<!doctype html><script>
let auth = "AUTH";
const send = (message) => parent.postMessage("chatwoot-widget:" + JSON.stringify(message), "*");
addEventListener("message", async ({data}) => {
  const {event, identifier, user} = JSON.parse(data.slice("chatwoot-widget:".length));
  if (event !== "set-user") return;
  const body = JSON.stringify({auth, identifier, ...user});
  const response = identifier && await fetch("/set_user", {method: "PATCH", body});
  const answer = response ? await response.json() : {};
  if (!response?.ok) return send({event: "error", errorType: "SET_USER_ERROR", data: answer});
  if (answer.widget_auth_token) {
    auth = answer.widget_auth_token;
    send({event: "setAuthCookie", data: {widgetAuthToken: auth}});
  }
});
send({event: "loaded", config: {authToken: auth}});
</script>"""


def script(text: str, **attributes: str) -> str:
    """Returns a script element."""
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<script{written}>{text}</script>"
