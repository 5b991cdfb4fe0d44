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

#: The vendor's snippet: replaces any earlier ``Beacon``, and with it what was queued.
HELPSCOUT_SNIPPET = """
window.Beacon = (method, options, data) => { Beacon.readyQueue.push({method, options, data}); };
Beacon.readyQueue = [];
Beacon("init", "beacon-1");
const load = () =>
  document.head.append(Object.assign(document.createElement("script"), {src: "https://beacon-v2.helpscout.net"}));
document.readyState === "complete" ? load() : addEventListener("load", load);
"""

#: The vendor's script: plays the queued calls. Who is identified is stored, and so outlives the page.
HELPSCOUT = """
window.vendor = {calls: [], user: localStorage.beacon_user ?? null};
const methods = {
  identify({email}) { vendor.user = localStorage.beacon_user = email; },
  logout() { vendor.user = null; localStorage.removeItem("beacon_user"); },
  on(type, listener) { queueMicrotask(listener); },
};
const queue = Beacon.readyQueue;
window.Beacon = (method, options, data) => {
  if (method !== "on") vendor.calls.push([method, options]);
  methods[method]?.(options, data);
};
queue.forEach(({method, options, data}) => Beacon(method, options, data));
"""

#: The vendor's snippet.
TAWK_SNIPPET = """
window.Tawk_API = window.Tawk_API || {};
window.Tawk_LoadStart = new Date();
document.head.append(Object.assign(document.createElement("script"), {
  src: "https://embed.tawk.to/property-1/widget-1", async: true, charset: "UTF-8", crossOrigin: "*",
}));
"""

#: The vendor's script: its methods exist some time after it has run, when it calls its callbacks. Who is logged in is
#: stored, and so outlives the page. ``REFUSAL`` is what it answers to a login.
TAWK = """
window.vendor = {calls: [], user: null, isConnected: false};
const begin = () => setTimeout(() => {
  const record = (...call) => vendor.calls.push(call);
  const connect = () => {
    Object.assign(vendor, {isConnected: true, user: localStorage.twk_user ?? null});
    record("connected");
  };
  Object.assign(Tawk_API, {
    login(user, callback) {
      record("login", user);
      if (REFUSAL) return setTimeout(() => callback({message: REFUSAL}));
      vendor.user = localStorage.twk_user = user.userId;
      setTimeout(callback);
    },
    logout(callback) {
      record("logout");
      vendor.user = null;
      localStorage.removeItem("twk_user");
      setTimeout(callback);
    },
    start(options) { record("start", options); connect(); },
    shutdown() { record("shutdown"); vendor.isConnected = false; },
  });
  Tawk_API.onBeforeLoad?.();
  if (Tawk_API.autoStart !== false) connect();
  setTimeout(() => Tawk_API.onLoad?.());
}, 20);
document.readyState === "complete" ? begin() : addEventListener("load", begin);
"""

#: The vendor's bundle: no call before ``init`` has an effect, and a second ``init`` without a shutdown is an error. Who
#: is identified is stored, and so outlives the page.
FRONT = """
window.vendor = {calls: [], user: null, isRunning: false};
window.FrontChat = (command, options) => {
  vendor.calls.push([command, options]);
  if (command === "init") {
    if (vendor.isRunning) throw new Error("init was called twice");
    Object.assign(vendor, {isRunning: true, user: localStorage.front_user ?? null});
  }
  if (!vendor.isRunning) return;
  if (options.userHash) vendor.user = localStorage.front_user = options.userId;
  if (command !== "shutdown") return;
  vendor.isRunning = false;
  if (options.clearSession) {
    vendor.user = null;
    localStorage.removeItem("front_user");
  }
};
"""


def script(text: str, **attributes: str) -> str:
    """Returns a script element."""
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<script{written}>{text}</script>"
