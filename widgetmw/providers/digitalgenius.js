// DigitalGenius (Genius Chat). The widget reads DG_CHAT_WIDGET_CONFIG when its loader runs. The page may assign its own
// config before or after our script, so the global is an accessor that merges our keys into the page's config. Some of
// the page's objects may be read-only: the bundles are sloppy-mode code, which ignores a failed assignment.

/** @typedef {import("../browser/widgetmw").Vendor<"digitalgenius">} DigitalGenius */
/** @typedef {import("../browser/widgetmw").DigitalGeniusConfig} Config */
/**
 * @typedef {object} State what `init` and `connect` share
 * @property {unknown} isEmbedded whether the widget is embedded and has its methods
 * @property {boolean} [hasFixed] whether the widget may have read a config without our token
 * @property {(() => void)[]} fixes functions that update a config which replaced our accessor
 * @property {() => void} [flush] sends what was waiting for the widget
 */

/**
 * @param {import("../browser/widgetmw").PageVendor<"digitalgenius">} vendor
 * @returns {State}
 */
const init = (vendor) => {
  const token = () => vendor.token?.token;
  /**
   * @template {object} T
   * @param {T | undefined} object
   * @returns {any} the object, or a copy if it is not extensible
   */
  const extensible = (object) => (Object.isExtensible(object) ? object : { ...object });
  /** @param {{ metadata?: object } | undefined} object */
  const withToken = (object) => ({ ...object, metadata: { ...object?.metadata, auth_token: token() } });
  /** @type {State} */
  const state = {
    // The widget may have been embedded before our script ran. We infer that from its methods.
    isEmbedded: window.dgchat?.methods,
    fixes: [],
  };
  /** @type {string | undefined} */
  let given;
  /**
   * @param {Config | undefined} config
   * @param {((merged: Config) => void)} [then]
   */
  const merge = (config, then) => {
    let merged = extensible(config);
    if (vendor.forVisitor) for (const key in vendor.config) merged[key] ??= vendor.config[key];
    if (token()) {
      (merged.metadata = extensible(merged.metadata)).auth_token = given = token();
      // `metadata` may be read-only, or a getter that returns a new object each time.
      if (merged.metadata.auth_token !== given) merged = withToken(merged);
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
  /**
   * @param {"DG_CHAT_WIDGET_CONFIG" | "DG_SDK_CONFIG"} name
   * @param {() => Config | undefined} readBare reads the name as scripts do: a top-level `let` or `const` of the page
   *   shadows the property of `window`
   * @param {(config: Config) => void} [then]
   */
  const trap = (name, readBare, then) => {
    let config = window[name];
    /** @type {boolean | undefined} */
    let isReading;
    const get = () => {
      if (isReading) return;
      isReading = true;
      try {
        config = readBare() || config;
      } catch {}
      isReading = false;
      if (config || vendor.forVisitor) config = merge(config, then);
      return config;
    };
    // If an earlier script declared the name with `var`, or the page redefined the property, we update its value.
    const fix = () => {
      const own = window[name];
      if (!own || own === config) return;
      state.hasFixed = true;
      window[name] = merge(own, then);
    };
    state.fixes.push(fix);
    try {
      Object.defineProperty(window, name, {
        configurable: true,
        enumerable: true,
        get,
        set(own) {
          config = own;
        },
      });
    } catch {
      config = undefined;
      fix();
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
 * @param {DigitalGenius} vendor
 * @param {State} state what `init` returned
 * @returns {import("../browser/widgetmw").VendorHooks}
 */
const connect = (vendor, state) => {
  // The token that the widget has, from its config or a system message.
  /** @type {string | undefined} */
  let known;
  // Set while a clean-up waits for the widget.
  /** @type {(() => void) | undefined} */
  let finishLogout;
  // Updates the configs. Each read of a global does so too.
  const updateConfigs = () => state.fixes.forEach((fix) => fix());
  const flush = (state.flush = () => {
    const { DGChatSDK, dgchat } = window;
    const methods = state.isEmbedded ? dgchat?.methods : undefined;
    if (finishLogout && (DGChatSDK || methods)) {
      finishLogout();
      finishLogout = known = undefined;
      DGChatSDK?.endConversation?.();
      methods?.resetChat?.();
    }
    if (!methods) return;
    const payload = vendor.token?.token;
    if (payload && payload !== known) methods.sendSystemMessage({ name: "auth_token", payload });
    known = payload;
  });
  return {
    update({ source }) {
      updateConfigs();
      // If a config had to be fixed, the widget may have read it without the token.
      if (source === "page" && !state.hasFixed) known = vendor.token?.token;
      flush();
    },
    logout({ origin }) {
      updateConfigs();
      if (origin !== "here" && !state.isEmbedded && !window.DGChatSDK) return;
      /** @type {Promise<void>} */
      const reset = new Promise((resolve) => (finishLogout = resolve));
      flush();
      return finishLogout && reset;
    },
    embed: () => vendor.loadScript("https://chat.digitalgenius.com/init.js"),
  };
};

export default { init, connect };
