// DigitalGenius (Genius Chat). The widget reads DG_CHAT_WIDGET_CONFIG when its loader runs. The page may assign its own
// config before or after our script, so the global is an accessor that merges our keys into the page's config. Some of
// the page's objects may be read-only: the bundles are sloppy-mode code, which ignores a failed assignment.

/** @typedef {import("../browser/widgetmw").DigitalGeniusConfig} Config */
/**
 * @typedef {object} Trap our accessor of a global, as a property descriptor
 * @property {"DG_CHAT_WIDGET_CONFIG" | "DG_SDK_CONFIG"} name
 * @property {Config | undefined} config the page's own, with our keys since the last read
 * @property {() => Config | undefined} read reads the name as scripts do: a top-level `let` or `const` of the page
 *   shadows the property of `window`
 * @property {() => Config | undefined} get
 * @property {(own: Config | undefined) => void} set
 * @property {true} configurable
 * @property {true} enumerable
 */
/**
 * @typedef {object} State what `init` and `connect` share
 * @property {unknown} isEmbedded whether the widget is embedded and has its methods
 * @property {Trap[]} traps
 * @property {() => void} [flush] sends what was waiting for the widget
 */
/** @typedef {import("../browser/widgetmw").VendorScript<"digitalgenius", State>} Script */

/** @type {Script["init"]} */
const init = (vendor) => {
  const token = () => vendor.token?.token;
  /** @type {(object: any, changes?: object) => any} */
  const copy = (object, changes) => ({ __proto__: Object.getPrototypeOf(object ?? {}), ...object, ...changes });
  /** @param {any} object */
  const extensible = (object) => (Object.isExtensible(object) ? object : copy(object));
  /**
   * @param {any} object whose `metadata` may be read-only, or a getter that returns a new object each time
   */
  const withToken = (object) => copy(object, { metadata: { ...object?.metadata, auth_token: token() } });
  /** @type {State} */
  const state = {
    // The widget may have been embedded before our script ran. We infer that from its methods.
    isEmbedded: window.dgchat?.methods,
    traps: [],
  };
  /** @type {string | undefined} */
  let given;
  /** @type {(config: Config | undefined, then?: (merged: Config) => void) => Config} */
  const merge = (config, then) => {
    let merged = extensible(config);
    if (vendor.forVisitor) for (const key in vendor.config) merged[key] ??= vendor.config[key];
    if (token()) {
      (merged.metadata = extensible(merged.metadata)).auth_token = given = token();
      if (merged.metadata?.auth_token !== given) merged = withToken(merged);
    } else if (given && merged.metadata?.auth_token === given) delete merged.metadata.auth_token;
    then?.(merged);
    return merged;
  };
  /** @type {unknown} */
  let chained = {};
  /** @param {any} config */
  const chain = (config) => {
    const callbacks = (config.callbacks = extensible(config.callbacks));
    const theirs = callbacks.onWidgetEmbedded;
    if (theirs === chained) return;
    callbacks.onWidgetEmbedded = chained = /** @this {unknown} */ function () {
      state.isEmbedded = true;
      try {
        return theirs?.apply(this, arguments);
      } finally {
        state.flush?.();
      }
    };
  };
  /** @type {(name: Trap["name"], read: Trap["read"], then?: (config: Config) => void) => void} */
  const trap = (name, read, then) => {
    /** @type {boolean | undefined} */
    let isReading;
    /** @type {Trap} */
    const it = {
      name,
      config: window[name],
      read,
      configurable: true,
      enumerable: true,
      get() {
        if (isReading) return;
        isReading = true;
        try {
          it.config = it.read() || it.config;
        } catch {}
        isReading = false;
        if (it.config || vendor.forVisitor) it.config = merge(it.config, then);
        return it.config;
      },
      set(own) {
        it.config = own;
      },
    };
    state.traps.push(it);
    try {
      Object.defineProperty(window, name, it);
    } catch {
      // An earlier script has declared the name with `var`.
      window[name] = it.get();
    }
  };
  trap("DG_CHAT_WIDGET_CONFIG", () => DG_CHAT_WIDGET_CONFIG, chain);
  trap("DG_SDK_CONFIG", () => DG_SDK_CONFIG);
  // The headless kit. We infer that its `init` reads the token from the metadata. Its event has two documented names.
  /** @type {DigitalGeniusKit["init"]} */
  let wrapped;
  const wrap = () => {
    const kit = /** @type {DigitalGeniusKit} */ (window.DGChatSDK);
    const original = kit?.init;
    if (!original || original === wrapped) return;
    state.flush?.();
    kit.init = wrapped = (options) => original.call(kit, token() ? withToken(options) : options);
  };
  addEventListener("DGSDKScriptLoaded", wrap, true);
  addEventListener("onDGSDKScriptLoaded", wrap, true);
  return state;
};

/**
 * Sends each renewed token to the widget as a system message; until the widget is embedded, the latest token waits.
 * Sign-out calls `resetChat` (documented for their iOS kit), and `endConversation` of the headless kit (documented).
 *
 * @type {Script["connect"]}
 */
const connect = (vendor, state) => {
  // The token that the widget has, from its config or a system message.
  /** @type {string | undefined} */
  let known;
  // Set while a clean-up waits for the widget. Gets what the widget's methods return, which may be promises.
  /** @type {((results: any) => void) | undefined} */
  let finishLogout;
  /** @type {() => boolean} */
  let isLogoutDue;
  // Whether the widget still shows the previous user, after a `late` sign-out. No token is sent to the widget.
  let showsPreviousUser = false;
  // Whether the page has replaced our accessor: the widget may have read a config without our token and callback.
  let hasFixed = false;
  const fixConfigs = () => {
    for (const trap of state.traps) {
      const found = Object.getOwnPropertyDescriptor(window, trap.name);
      // The page's object may throw whatever is done with it.
      try {
        // The page may have put other callbacks into the config that the widget has read.
        if (found?.get === trap.get) trap.get();
        else if (found?.value || found?.get) {
          hasFixed = true;
          trap.config = found.value;
          trap.read = found.get ?? trap.read;
          if (found.configurable) Object.defineProperty(window, trap.name, trap);
          else window[trap.name] = trap.get();
        }
      } catch {}
    }
  };
  // An element with the id `DGChatSDK` is no kit: nothing would be cleaned up.
  const findKit = () => (typeof window.DGChatSDK?.init == "function" ? window.DGChatSDK : undefined);
  const flush = () => {
    const kit = findKit();
    const methods = state.isEmbedded || hasFixed ? window.dgchat?.methods : undefined;
    if (finishLogout && (kit || methods)) {
      const results = isLogoutDue() && Promise.all([kit?.endConversation?.(), methods?.resetChat?.()]);
      finishLogout(results);
      finishLogout = known = undefined;
      showsPreviousUser &&= !results;
    }
    if (!methods || showsPreviousUser) return;
    const payload = vendor.token?.token;
    if (payload && payload !== known) methods.sendSystemMessage({ name: "auth_token", payload });
    known = payload;
  };
  // The vendor's own code calls it, and goes on if the widget's methods throw.
  /** @returns {unknown} whether they threw */
  const tryFlush = (state.flush = () => {
    try {
      flush();
    } catch {
      return true;
    }
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  // Without our callback in the config, only its methods show whether the widget is embedded: they throw before.
  const retry = () => {
    fixConfigs();
    clearTimeout(timer);
    if (hasFixed && tryFlush()) timer = setTimeout(retry, 500);
  };
  // Scripts of the page may set a config at any time; the observer is called before a new script runs.
  new MutationObserver(fixConfigs).observe(document, { childList: true, subtree: true });
  Object.getPrototypeOf(document).addEventListener.call(document, "load", retry, true);
  return {
    update({ source }) {
      // Not `true`, which our callback sets.
      const wasEmbedded = state.isEmbedded && state.isEmbedded !== true;
      fixConfigs();
      // The widget has read the token in its config, unless it was embedded before or the page has replaced the config.
      if (source === "page" && !hasFixed && !wasEmbedded) known = vendor.token?.token;
      if (hasFixed) retry();
      else flush();
    },
    logout({ origin, isDue }) {
      fixConfigs();
      if (origin === "late") showsPreviousUser ||= !!known && !!(state.isEmbedded || findKit());
      if (origin === "late" || (origin !== "here" && !state.isEmbedded && !findKit())) return;
      isLogoutDue = isDue;
      /** @type {Promise<void>} */
      const reset = new Promise((resolve) => (finishLogout = resolve));
      // A widget that is not embedded yet throws: the clean-up is then still to be done.
      if (hasFixed) retry();
      else flush();
      return reset;
    },
    embed: () => vendor.loadScript("https://chat.digitalgenius.com/init.js"),
  };
};

export default { init, connect };
