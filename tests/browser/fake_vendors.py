"""Fakes of the vendors' scripts. Each does what the vendor documents, and records its calls in ``vendor``."""

from __future__ import annotations

#: Reads its config when it loads. Accepts messages only once it is embedded, which the test triggers.
DIGITALGENIUS = """
var readConfig = window.DG_CHAT_WIDGET_CONFIG;
window.vendor = {messages: [], resets: 0, config: JSON.parse(JSON.stringify(readConfig))};
const early = () => { throw new Error("not embedded yet"); };
window.dgchat = {methods: {sendSystemMessage: early, resetChat: early}};
window.embedWidget = () => {
  window.dgchat = {methods: {
    sendSystemMessage: (message) => vendor.messages.push(message),
    resetChat: () => { vendor.resets++; localStorage.removeItem("dg_session"); },
  }};
  readConfig.callbacks?.onWidgetEmbedded?.("embedded");
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

#: The vendor's snippet: loads the script when the page has loaded, unless there is a function already.
INTERCOM_SNIPPET = """
(function () {
  if (typeof window.Intercom === "function") {
    Intercom("reattach_activator");
    Intercom("update", window.intercomSettings);
    return;
  }
  const stub = function () { stub.c(arguments); };
  stub.q = [];
  stub.c = (call) => stub.q.push(call);
  window.Intercom = stub;
  const load = () => document.head.append(
    Object.assign(document.createElement("script"), {src: "https://widget.intercom.io/widget/app-1", nonce: "abc"}));
  if (document.readyState === "complete") load(); else addEventListener("load", load);
})();
"""

#: The vendor's script. It plays the queued calls, boots with `intercomSettings`, refuses an update of a user without a
#: token, drops updates beyond 20, and keeps the user in a cookie, whose conversation anybody sees until `shutdown`.
INTERCOM = """
window.vendor = {user: null, hides: 0, booted: [], updated: [], refused: 0, dropped: 0, shutdowns: 0, repeated: []};
const COOKIE = "intercom-session-app-1";
const take = (settings, calls) => {
  calls.push(settings);
  const token = settings.intercom_user_jwt;
  if (!token) {
    if (vendor.user || settings.user_id) vendor.refused++;
    return;
  }
  const claims = JSON.parse(atob(token.split(".")[1]));
  vendor.repeated.push(...Object.keys(claims).filter((name) => name in settings));
  vendor.user = claims.user_id;
  document.cookie = COOKIE + "=" + vendor.user + "; Max-Age=604800";
};
const commands = {
  boot(settings) {
    if (Intercom.booted) return;
    Intercom.booted = true;
    if (!settings.intercom_user_jwt) vendor.user = document.cookie.match(COOKIE + "=([^;]+)")?.[1] ?? null;
    if (settings.intercom_user_jwt || settings.user_id) take(settings, vendor.booted);
    else vendor.booted.push(settings);
  },
  update(settings = window.intercomSettings) {
    if (vendor.updated.length < 20) take({...settings}, vendor.updated); else vendor.dropped++;
  },
  hide() { vendor.hides++; },
  shutdown() {
    vendor.shutdowns++;
    vendor.user = null;
    Intercom.booted = false;
    document.cookie = COOKIE + "=; Max-Age=0";
  },
};
const queued = window.Intercom?.q ?? [];
window.Intercom = (command, ...values) => commands[command]?.(...values);
for (const call of queued) Intercom(...call);
if (!Intercom.booted && window.intercomSettings?.app_id) Intercom("boot", {...window.intercomSettings});
"""

#: The vendor's snippet: finds its own element by the id, asks for a token at `loginUser` and when a test says so, and
#: keeps the user in the storage until `logoutUser`. It refuses as many logins as `refusals` says.
ZENDESK = """
const element = document.getElementById("ze-snippet");
if (!element || !/key=key-1$/.test(element.src)) throw new Error("no element with the id ze-snippet");
window.vendor = {user: localStorage["ZD-user"] ?? null, logins: 0, logouts: 0, tokens: [], results: [], refusals: 0,
  isHidden: false};
let getToken, onResult;
window.askAgain = () => getToken((token) => {
  vendor.tokens.push(token);
  const claims = JSON.parse(atob(token.split(".")[1]));
  const isValid = claims.exp * 1000 > Date.now() && typeof claims.external_id === "string";
  const isAccepted = isValid && vendor.refusals-- <= 0;
  const error = isAccepted ? null : {type: "LoginFailedError", reason: "refused", message: "401"};
  if (!error) vendor.user = localStorage["ZD-user"] = claims.external_id;
  vendor.results.push(error && error.type);
  onResult?.(error);
});
const commands = {
  loginUser(callback, result) {
    vendor.logins++;
    [getToken, onResult] = [callback, result];
    askAgain();
  },
  logoutUser() {
    vendor.logouts++;
    vendor.user = getToken = null;
    localStorage.removeItem("ZD-user");
  },
  hide() { vendor.isHidden = true; },
  show() { vendor.isHidden = false; },
};
window.zE = (product, command, ...values) => { if (product === "messenger") commands[command](...values); };
"""
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
    if (typeof data != "string" || !data.startsWith("chatwoot-widget:")) return;
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
  destroy() { vendor.user = null; },
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
    hideWidget() { record("hideWidget"); },
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
