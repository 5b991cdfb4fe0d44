// DigitalGenius (Genius Chat). The widget reads DG_CHAT_WIDGET_CONFIG when its loader runs; the page may set its own
// config before or after that, so the global is an accessor that puts our part into whatever the page made of it.
// What the page made may refuse that: bundles are no strict code, so that a refused assignment is ignored.

/** @typedef {import("../browser/widgetmw").Vendor<"digitalgenius">} DigitalGenius */
/** @typedef {import("../browser/widgetmw").DigitalGeniusConfig} Config */
/**
 * @typedef {object} State what `init` and `connect` share
 * @property {unknown} isEmbedded whether the widget is there, with its methods
 * @property {boolean} [hasFixed] whether a config was found that may have been read without our token
 * @property {(() => void)[]} fixes each brings a config up to date that stands in place of our accessor
 * @property {() => void} [flush] does what waited for the widget
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
   * @returns {any} the object, or a copy if no key can be added to it
   */
  const open = (object) => (Object.isExtensible(object) ? object : { ...object });
  /** @param {{ metadata?: object } | undefined} object */
  const withToken = (object) => ({ ...object, metadata: { ...object?.metadata, auth_token: token() } });
  /** @type {State} */
  const state = {
    // A widget that was there before us: that it has its methods then is inferred.
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
    let merged = open(config);
    if (vendor.forVisitor) for (const key in vendor.config) merged[key] ??= vendor.config[key];
    if (token()) {
      (merged.metadata = open(merged.metadata)).auth_token = given = token();
      // A `metadata` that cannot be set, or is made anew at each reading.
      if (merged.metadata.auth_token !== given) merged = withToken(merged);
    } else if (given && merged.metadata?.auth_token === given) delete merged.metadata.auth_token;
    then?.(merged);
    return merged;
  };
  /** @type {unknown} */
  let chained = {};
  /** @param {any} config */
  const chain = (config) => {
    const callbacks = (config.callbacks = open(config.callbacks));
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
   * @param {() => Config | undefined} readBare reads the name as scripts do: a page's top-level let or const hides the
   *   property of window
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
    // Where a script ahead of us declared it with var, or the page defines it over ours, its value is what we have.
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
  // The headless kit: that `init` takes the token in its metadata is inferred; the event has two documented names.
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
 * A renewed token goes to the embedded widget as a system message; before that, the latest one waits.
 * Sign-out is `resetChat` (documented for their iOS kit), and for the headless kit `endConversation` (documented).
 *
 * @param {DigitalGenius} vendor
 * @param {State} state what `init` returned
 * @returns {import("../browser/widgetmw").VendorHooks}
 */
const connect = (vendor, state) => {
  // The token that the widget has, from its config or from us; and a clean-up that waits for the widget.
  /** @type {string | undefined} */
  let known;
  /** @type {(() => void) | undefined} */
  let finishLogout;
  // A read of the globals brings them up to date, also those that the page declared with let or const.
  const reread = () => state.fixes.forEach((fix) => fix());
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
      reread();
      // A config that had to be fixed may have been read without a token.
      if (source === "page" && !state.hasFixed) known = vendor.token?.token;
      flush();
    },
    logout({ origin }) {
      reread();
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
