// DigitalGenius (Genius Chat). The widget reads DG_CHAT_WIDGET_CONFIG when its loader runs; the page may set its own
// config before or after that, so the global is an accessor that puts our part into whatever the page made of it.
early.digitalgenius = (slot) => {
  const token = () => slot.current()?.token;
  const open = (object) => (Object.isExtensible(object) ? object : { ...object });
  let given;
  const merge = (config) => {
    config = open(config);
    if (slot.shown) for (const key in slot.page) config[key] ??= slot.page[key];
    if (token()) (config.metadata = open(config.metadata)).auth_token = given = token();
    else if (given && config.metadata?.auth_token === given) delete config.metadata.auth_token;
    // A `metadata` that cannot be set, or is made anew at each reading.
    if (token() && config.metadata.auth_token !== given) {
      config = { ...config, metadata: { ...config.metadata, auth_token: given } };
    }
    return config;
  };
  let chained;
  const chain = (config) => {
    const callbacks = (config.callbacks = open(config.callbacks));
    const theirs = callbacks.onWidgetEmbedded;
    if (chained && theirs === chained) return;
    callbacks.onWidgetEmbedded = chained = function () {
      slot.embedded = true;
      try {
        return theirs?.apply(this, arguments);
      } finally {
        slot.flush?.();
      }
    };
  };
  // `bare` reads the name as scripts do: a page's top-level let or const hides the property of window.
  const trap = (name, bare, then) => {
    let config = window[name];
    let busy;
    const get = () => {
      if (busy) return;
      busy = true;
      try {
        config = bare() || config;
      } catch {}
      busy = false;
      if (config || slot.shown) then((config = merge(config)));
      return config;
    };
    // Where a script ahead of us declared it with var, or the page defines it over ours, its value is what we have.
    const fix = () => {
      const own = window[name];
      if (!own || own === config) return;
      slot.fixed = true;
      then((window[name] = merge(own)));
    };
    slot.fixes.push(fix);
    try {
      Object.defineProperty(window, name, { configurable: true, enumerable: true, get, set: (own) => (config = own) });
    } catch {
      config = 0;
      fix();
    }
  };
  slot.fixes = [];
  // A widget that was there before us: that it has its methods then is inferred.
  slot.embedded = !!window.dgchat?.methods;
  trap("DG_CHAT_WIDGET_CONFIG", () => DG_CHAT_WIDGET_CONFIG, chain);
  trap("DG_SDK_CONFIG", () => DG_SDK_CONFIG, () => {});
  // The headless kit: that `init` takes the token in its metadata is inferred; the event has two documented names.
  const wrap = () => {
    const init = window.DGChatSDK?.init;
    if (!init || init === slot.init) return;
    slot.flush?.();
    DGChatSDK.init = slot.init = (options) =>
      init.call(DGChatSDK, token() ? { ...options, metadata: { ...options?.metadata, auth_token: token() } } : options);
  };
  addEventListener("DGSDKScriptLoaded", wrap, true);
  addEventListener("onDGSDKScriptLoaded", wrap, true);
};
// ---- runtime ----
// A renewed token goes to the embedded widget as a system message; before that, the latest one waits.
// Sign-out is `resetChat` (documented for their iOS kit), and for the headless kit `endConversation` (documented).
late.digitalgenius = (slot) => {
  // The token that the widget has, from its config or from us; and a clean-up that waits for the widget.
  let known;
  let leave;
  // A read of the globals brings them up to date, also those that the page declared with let or const.
  const reread = () => slot.fixes.forEach((fix) => fix());
  slot.flush = () => {
    const { DGChatSDK, dgchat } = window;
    const methods = slot.embedded && dgchat?.methods;
    if (leave && (DGChatSDK || methods)) {
      leave();
      leave = known = null;
      DGChatSDK?.endConversation?.();
      methods?.resetChat?.();
    }
    if (!methods) return;
    const payload = slot.current()?.token;
    if (payload && payload !== known) methods.sendSystemMessage({ name: "auth_token", payload });
    known = payload;
  };
  return {
    update(inPage) {
      reread();
      // A config that had to be fixed may have been read without a token.
      if (inPage && !slot.fixed) known = slot.current().token;
      slot.flush();
    },
    logout(last, followed) {
      reread();
      if (followed && !slot.embedded && !window.DGChatSDK) return;
      const reset = new Promise((resolve) => (leave = resolve));
      slot.flush();
      return leave && reset;
    },
    embed: () => load("https://chat.digitalgenius.com/init.js"),
  };
};
