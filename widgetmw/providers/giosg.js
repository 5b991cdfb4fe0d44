// giosg: signed visitor data through the `_giosg` queue, and signed chat URLs for marked links and frames.
// ---- runtime ----
late.giosg = (slot) => {
  // The vendor's tag keeps a `_giosg` that is there before it, and its script plays the calls in `_e` (documented).
  const queue = () =>
    (window._giosg ||= function () {
      (_giosg._e ||= []).push(arguments);
    });
  const submit = () => slot.current() && queue()("visitor", "submit", slot.current().token, "HS256");

  // Data sent before consent is dropped. `tcChange` and `setVisitorConsent` are documented, that the one follows the
  // other is not, hence both. Sites with the IAB framework say `useractioncomplete` (IAB's specification).
  let consent;
  let framework;
  const heed = () => {
    const { giosgTCApi, __tcfapi } = window;
    if (giosgTCApi && giosgTCApi !== consent) {
      consent = giosgTCApi;
      const { setVisitorConsent } = consent;
      consent.setVisitorConsent = (...choice) => {
        const result = setVisitorConsent?.apply(consent, choice);
        submit();
        return result;
      };
      consent.addEventListener?.("tcChange", submit);
    }
    if (__tcfapi && !framework) {
      framework = true;
      __tcfapi("addEventListener", 2, (state) => state?.eventStatus === "useractioncomplete" && submit());
    }
  };
  // Either comes with some script of the page or the vendor.
  document.addEventListener("load", ({ target }) => target.localName === "script" && heed(), true);

  // A link gets the URL of every token, a frame one per person: a new `src` would lose an open chat.
  const marked = "[data-widgetmw-giosg]";
  const signed = new WeakSet();
  const expired = () => slot.current()?.expiresAt < Date.now();
  const sign = (element) => {
    const url = slot.current()?.url;
    const place = { a: "href", iframe: "src" }[element.localName];
    if (!url && signed.delete(element)) {
      if (place === "src") element.src = "about:blank";
      else element.removeAttribute("href");
    }
    if (!url || !place || (place === "src" && (signed.has(element) || expired()))) return;
    signed.add(element);
    element[place] = url;
  };
  const signAll = (root) => root.querySelectorAll(marked).forEach(sign);
  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === "attributes" && target.matches(marked)) sign(target);
      for (const node of addedNodes) {
        if (node.matches?.(marked)) sign(node);
        if (node.firstElementChild) signAll(node);
      }
    }
  }).observe(document, { childList: true, subtree: true, attributeFilter: ["data-widgetmw-giosg"] });
  // The tab slept past the expiry, and the first click hits a link: renew, then follow it.
  document.addEventListener("click", (event) => {
    const link = event.isTrusted && expired() && event.target.closest?.("a" + marked);
    if (!link) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const follow = () => link.click();
    refresh("giosg").then(follow, follow);
  }, true);

  return {
    update() {
      submit();
      heed();
      signAll(document);
    },
    logout() {
      queue()("visitor", "removeAll");
      queue()("chat", "close", { all: true, hide: true, clearHistory: true });
      signAll(document);
    },
    embed() {
      const host = "https://service.giosg.com";
      Object.assign(queue(), { _c: slot.page.organization, _h: host });
      load(host + "/live2/" + slot.page.organization);
    },
  };
};
