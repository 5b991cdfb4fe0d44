// Front Chat. `FrontChat` has no queue, and takes `init` once per page load, unless it is shut down in between. The page
// may call `init` before or after us, so we wrap `FrontChat` to see it.
// https://dev.frontapp.com/docs/chat-sdk-reference
import { selectAll } from "../browser/src/dom.js";

const BUNDLE = "https://chat-assets.frontapp.com/v1/chat.bundle.js";

/** @type {import("../browser/widgetmw").VendorScript<"front">["connect"]} */
const connect = (vendor) => {
  // An element with the id `FrontChat` is no function.
  const find = () => (typeof window.FrontChat == "function" ? window.FrontChat : undefined);
  /** @type {Record<string, unknown>} */
  let options = { chatId: vendor.config.chatId, useDefaultLauncher: true };
  /** @type {string | undefined} */
  let identified;
  // Until a clean-up is done, the widget may resume the chat of the user who has left: nobody else is identified.
  let isCleaningUp = false;
  let isShutDown = false;
  // Whether the widget still has the previous user, after a `late` sign-out. Until the next one, nobody is identified.
  let showsPreviousUser = false;
  const identity = () => {
    const { token: userHash, userId, email, name } = vendor.token ?? {};
    if (!userHash || isCleaningUp || showsPreviousUser) return;
    identified = userHash;
    return { userId, userHash, ...(email && { email }), ...(name && { name }) };
  };
  const call = (/** @type {string} */ command, /** @type {unknown} */ value) => find()?.(command, value);

  // If the widget is there, we assume that it has been started: their snippet calls `init` right after the bundle. If it
  // has not been, `init` gets the identity again.
  let isStarted = !!find();
  /** @type {Promise<void>} */
  const started = new Promise((resolve) => {
    const wrap = (/** @type {NonNullable<typeof window.FrontChat>} */ original) => {
      const ours = (window.FrontChat = new Proxy(original, {
        apply(target, self, [command, given, ...more]) {
          if (command !== "init") return Reflect.apply(target, self, [command, given, ...more]);
          options = given ?? options;
          isStarted = true;
          isShutDown = false;
          try {
            return Reflect.apply(target, self, [command, { ...options, ...identity() }, ...more]);
          } finally {
            resolve();
          }
        },
      }));
      // The page may remove the widget, and load the bundle again.
      vendor.waitFor(() => (find() === ours ? undefined : find())).then(wrap);
    };
    const present = find();
    if (present) {
      wrap(present);
      resolve();
    } else vendor.waitFor(find).then(wrap);
  });
  /** @type {Promise<void>} */
  let cleanUp = started;

  return {
    update: () =>
      // Read late: another clean-up may have begun by the time the widget is started.
      started.then(() => cleanUp).then(() => {
        if (!vendor.token || vendor.token.token === identified || showsPreviousUser) return;
        if (isShutDown) call("init", options);
        else call("identity", identity());
      }),
    logout({ origin, isDue }) {
      const wasIdentified = identified;
      identified = undefined;
      if (wasIdentified) {
        // The page's options may hold fields of the user who has left.
        options = { ...options };
        for (const name of ["customFields", "email", "name", "userHash", "userId"]) delete options[name];
      }
      if (origin !== "here" && !isStarted) return;
      if (origin === "late") {
        if (!wasIdentified) return;
        showsPreviousUser = isShutDown = true;
        call("shutdown", { clearSession: false }); // hides the chat (documented)
        return;
      }
      const end = () => {
        // In a widget that is shut down no call has an effect, and the session is that of another tab's user.
        if (isShutDown) call("init", options);
        isShutDown = true;
        showsPreviousUser = isCleaningUp = false;
        call("shutdown", { clearSession: true });
        // This page has identified nobody, so it is an anonymous visitor, who keeps the widget.
        if (!wasIdentified && !vendor.token) call("init", options);
      };
      // At once if the widget is there: in this page it is due even if another tab has cleaned up what they share.
      isCleaningUp = true;
      if (isStarted) return end();
      return (cleanUp = started.then(() => {
        if (isDue()) end();
        isCleaningUp = false;
      }));
    },
    async embed() {
      if (selectAll(`script[src="${BUNDLE}"]`)[0] || find()) return; // the page starts the widget
      await vendor.loadScript(BUNDLE);
      call("init", options);
    },
  };
};

export default { connect };
