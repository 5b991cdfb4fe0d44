// giosg: submits signed visitor data through the `_giosg` queue, and gives marked links and frames the signed chat URL.

/** @typedef {import("../browser/widgetmw").GiosgToken} Token */
/** @typedef {{ (...call: unknown[]): unknown, _e?: IArguments[] }} Queue */

/** @type {import("../browser/widgetmw").VendorScript<"giosg">["connect"]} */
const connect = (vendor) => {
  // An element named `addEventListener` hides that method of `document`.
  /** @type {(type: string, listener: (event: any) => void) => void} */
  const listen = (type, listener) => Object.getPrototypeOf(document).addEventListener.call(document, type, listener, true);
  // The vendor's tag keeps an existing `_giosg`, and its script plays the calls queued in `_e` (documented).
  const queue = () =>
    /** @type {Queue} */ (
      (window._giosg ||= function () {
        (/** @type {Queue} */ (window._giosg)._e ||= []).push(arguments);
      })
    );
  const submit = () => vendor.token && queue()("visitor", "submit", vendor.token.token, "HS256");

  // giosg drops data that is submitted before consent, so we submit it again afterwards. `tcChange` and
  // `setVisitorConsent` are documented, but not whether one triggers the other, so we watch both. On sites with the IAB
  // framework the event is `useractioncomplete` (IAB's specification).
  /** @type {GiosgConsent | undefined} */
  let consent;
  let hasFramework = false;
  const watchConsent = () => {
    const { giosgTCApi, __tcfapi } = window;
    if (giosgTCApi && giosgTCApi !== consent) {
      consent = giosgTCApi;
      const { setVisitorConsent } = giosgTCApi;
      giosgTCApi.setVisitorConsent = (...choice) => {
        const result = setVisitorConsent?.apply(giosgTCApi, choice);
        Promise.resolve(result).then(submit, submit);
        return result;
      };
      giosgTCApi.addEventListener?.("tcChange", submit);
    }
    if (__tcfapi && !hasFramework) {
      hasFramework = true;
      try {
        __tcfapi("addEventListener", 2, (state) => state?.eventStatus == "useractioncomplete" && submit());
      } catch {}
    }
  };
  // Queued calls, also those in the queue of the vendor's tag, are lost if the vendor's script never loads in this page,
  // so a clean-up waits for that script, or until `_giosg` is another function.
  /** @type {(() => void) | undefined} */
  let onPlayed;
  /** @type {unknown} */
  let called;
  // A script of the page or the vendor may define the consent interfaces.
  listen("load", ({ target }) => {
    if (called !== window._giosg || target.src?.includes("giosg.com")) onPlayed?.();
    watchConsent();
  });

  // A link gets the URL of each new token, a frame only one per user, since a new `src` would lose an open chat. Until
  // sign-out the marking attribute holds a space and the page's own URL, so that copies of the element have it too. A
  // frame with a URL may also be a copy from a router's cache, of another time or user: only what we have signed counts.
  // An element that leaves the document may come back for another user, so it gets the page's own URL back.
  const attribute = "data-widgetmw-giosg";
  const marked = `a[${attribute}],iframe[${attribute}]`;
  /**
   * The current user's elements, and whose URL each has.
   *
   * @type {Map<Element, Token>}
   */
  const signed = new Map();
  /** @param {any} token none does not expire */
  const hasExpired = (token) => token?.expiresAt < Date.now();
  /**
   * @param {any} element or another node
   * @param {boolean} [stays] whether it has been in the document; otherwise a frame is loading its URL now
   */
  const sign = (element, stays) => {
    if (!element.matches?.(marked)) return;
    const isFrame = "src" in element;
    const target = isFrame ? "src" : "href";
    const kept = element.getAttribute(attribute);
    const isSigned = kept[0] == " ";
    const token = element.isConnected && vendor.token;
    if (!token || !isSigned || (!stays && hasExpired(signed.get(element)))) signed.delete(element);
    if (token ? isFrame && (signed.has(element) || hasExpired(token)) : !isSigned) return;
    if (token) signed.set(element, token);
    // At a click, the browser would tell the URL to everybody whom this attribute names.
    element.ping = "";
    if (!token || !isSigned) {
      element.setAttribute(attribute, token ? " " + (element.getAttribute(target) || "") : "");
    }
    const url = token ? token.url : kept.slice(1) || (isFrame && "about:blank");
    if (url) element.setAttribute(target, url);
    else element.removeAttribute(target);
  };
  /** @type {(root: any, stays?: boolean) => void} */
  const signAll = (root, stays) => {
    sign(root, stays);
    root.querySelectorAll?.(marked).forEach((/** @type {Element} */ element) => sign(element, stays));
  };
  new MutationObserver((records) => {
    for (const { target, addedNodes, removedNodes } of records) {
      sign(target);
      for (const node of [...addedNodes, ...removedNodes]) signAll(node);
    }
  }).observe(document, { childList: true, subtree: true, attributeFilter: [attribute] });
  // Turbo shows a copy of an earlier page, which would load the old URLs at once.
  listen("turbo:before-render", ({ detail }) => signAll(detail.newBody));
  // htmx stores pages in `sessionStorage`, which a sign-out does not empty.
  listen("htmx:historyItemCreated", ({ detail: { item } }) => {
    for (const { url } of signed.values()) item.content = item.content.replaceAll(url.replaceAll("&", "&amp;"), "");
  });
  // The page may have rewritten a link, so sign it again. If its URL has expired while the tab slept, renew the token
  // first, then follow the link, in a new tab if the click was for one. The right button opens a menu only.
  /** @param {MouseEvent} event */
  const onClick = (event) => {
    if (!event.isTrusted || event.button > 1) return;
    /** @type {HTMLAnchorElement | null | undefined} */
    const link = /** @type {Partial<Element>} */ (event.target).closest?.(marked);
    if (!link) return;
    sign(link);
    if (!hasExpired(vendor.token)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const follow = () => (event.button || event.ctrlKey || event.metaKey || event.shiftKey ? open(link.href) : link.click());
    vendor.getToken().then(follow, follow);
  };
  listen("click", onClick);
  listen("auxclick", onClick);

  return {
    update() {
      submit();
      watchConsent();
      signAll(document, true);
    },
    logout({ origin }) {
      signed.clear();
      signAll(document);
      // What is stored is somebody else's by now; the tab that noticed the sign-out has cleaned up.
      if (origin === "late") return;
      const call = (called = queue());
      call._e = call._e?.filter((queued) => queued[1] !== "submit");
      const length = call._e?.length;
      call("visitor", "removeAll");
      call("chat", "close", { all: true, hide: true, clearHistory: true });
      if (call._e?.length !== length) return new Promise((resolve) => (onPlayed = resolve));
    },
    embed() {
      const host = "https://service.giosg.com";
      Object.assign(queue(), { _c: vendor.config.organization, _h: host });
      return vendor.loadScript(host + "/live2/" + vendor.config.organization);
    },
  };
};

export default { connect };
