// Chatwoot. From their published SDK, 4.4.0: it has no queue before `chatwoot:ready`, which comes once per page, and
// `reset()` reloads the frame with the conversation. `cw_conversation` names the browser's conversation. If `cw_user_…`
// holds a hash of the user, it takes them for identified there, and `setUser` does nothing. Their SDK does not remove
// cookies that it has set for a base domain.
import { ofDocument, parseUrl, selectAll, setCookie } from "../browser/src/dom.js";
import { removeCookies } from "../browser/src/remove_cookies.js";

/** @type {import("../browser/widgetmw").VendorScript<"chatwoot">["connect"]} */
const connect = (vendor) => {
  const { baseUrl, websiteToken } = vendor.config;
  const userCookie = "cw_user_" + websiteToken;
  const conversationCookie = "cw_conversation";
  const theirOrigin = parseUrl(baseUrl).origin;
  const stored = () => /(?:^|; )cw_conversation=([^;]+)/.exec(ofDocument("cookie"))?.[1];
  const ready = new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    // After the message that has caused the event has been handled.
    addEventListener("chatwoot:ready", () => setTimeout(resolve));
    if (window.$chatwoot?.hasLoaded) resolve();
  });
  addEventListener("chatwoot:error", () => removeCookies(userCookie));

  // The conversation of this page's frame, as far as it is known.
  let conversation = window.$chatwoot?.hasLoaded ? stored() : undefined;
  let onLoaded = () => {};
  // No event tells that a frame has loaded again, but their SDK gets this message.
  addEventListener("message", ({ origin, data }) => {
    // Checked first: another window could send a text for which the expression takes minutes.
    if (origin !== theirOrigin) return;
    // The token is `authToken` in one event and `widgetAuthToken` in the other.
    const [, event, token] = /^chatwoot-widget:.*"event":"(loaded|setAuthCookie)".*uthToken":"([\w.-]+)"/.exec(data) ?? [];
    if (!event) return;
    conversation = token;
    if (event === "loaded") setTimeout(onLoaded); // after the SDK has seen it
  });
  // The next user is identified after the clean-up, in the conversation that it has started, once that has loaded.
  /** @type {Promise<any>} */
  let cleanUp = ready;
  /** @type {Promise<void> | undefined} */
  let loaded;
  const identify = () => {
    const sdk = window.$chatwoot;
    if (!vendor.token || !sdk) return;
    // Another tab has started a conversation since. Its user cookie says nothing about this one.
    if (conversation && conversation !== stored()) {
      removeCookies(userCookie);
      const domain = sdk.baseDomain ? "; domain=" + sdk.baseDomain : "";
      setCookie(`${conversationCookie}=${conversation}; path=/; max-age=31536000; samesite=lax${domain}`);
    }
    const { identifier, token, name, email } = vendor.token;
    sdk.setUser(identifier, { name, email, identifier_hash: token });
  };

  return {
    // This may be the next user's clean-up by the time the widget is ready.
    update: () => ready.then(() => cleanUp).then(() => loaded).then(identify),
    logout({ token, origin }) {
      if (origin === "here") removeCookies(conversationCookie, userCookie);
      // A widget that starts from now on has no conversation.
      if (!window.$chatwoot) return;
      return (cleanUp = ready.then(() => {
        const sdk = /** @type {ChatwootSdk} */ (window.$chatwoot);
        const [frame] = selectAll("#chatwoot_live_chat_widget");
        // Their server allows few new conversations per hour and address.
        if (!token && !sdk.user && !frame.src.includes(conversationCookie)) return;
        loaded = new Promise((resolve) => (onLoaded = resolve));
        // Otherwise the SDK would send the user to the new frame, which fails.
        sdk.user = undefined;
        if (origin === "late") {
          // The stored conversation may be the next user's by now. This page switches to it.
          const own = frame.src.replace(RegExp(`&${conversationCookie}=[^&]*`), "");
          frame.src = `${own}&${conversationCookie}=${stored() ?? ""}`;
        } else {
          sdk.reset();
          removeCookies(conversationCookie, userCookie);
          // Another tab may have identified the next user in a conversation that is no longer the browser's.
          loaded = loaded.then(() => removeCookies(userCookie));
        }
      }));
    },
    embed: () =>
      vendor
        .loadScript(baseUrl + "/packs/js/sdk.js")
        .then(() => vendor.waitFor(() => window.chatwootSDK))
        .then((sdk) => sdk.run({ websiteToken, baseUrl })),
  };
};

export default { connect };
