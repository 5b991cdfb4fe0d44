// giosg: signed visitor data through the `_giosg` queue, and signed chat URLs for marked links and frames.
// ---- runtime ----
late.giosg = (slot) => {
  // The vendor's tag keeps a `_giosg` that is there before it, and its script plays the calls in `_e` (documented).
  let ours;
  const queue = () =>
    (window._giosg ||= ours = function () {
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
        Promise.resolve(result).then(submit, submit);
        return result;
      };
      consent.addEventListener?.("tcChange", submit);
    }
    if (__tcfapi && !framework) {
      framework = true;
      try {
        __tcfapi("addEventListener", 2, (state) => state?.eventStatus === "useractioncomplete" && submit());
      } catch {}
    }
  };
  // Calls that nobody plays in this page are lost with it: a clean-up waits for the vendor's script.
  let played;
  // Either comes with some script of the page or the vendor.
  document.addEventListener("load", ({ target }) => {
    if (target.src?.includes("giosg.com")) played?.();
    heed();
  }, true);

  // A link gets the URL of every token, a frame one per person: a new `src` would lose an open chat. What the page had
  // there stands in the mark meanwhile, behind a space, so that copies of the element know it too.
  const mark = "data-widgetmw-giosg";
  const marked = "[" + mark + "]";
  const expired = () => slot.current()?.expiresAt < Date.now();
  const sign = (element) => {
    const place = { a: "href", iframe: "src" }[element.localName];
    const kept = element.getAttribute(mark);
    const signed = kept?.[0] === " ";
    let url = slot.current()?.url;
    if (!place || (url ? place === "src" && (signed || expired()) : !signed)) return;
    if (!url || !signed) element.setAttribute(mark, url ? " " + (element.getAttribute(place) || "") : "");
    url ??= kept.slice(1) || (place === "src" && "about:blank");
    if (url) element.setAttribute(place, url);
    else element.removeAttribute(place);
  };
  const signAll = (root) => root.querySelectorAll?.(marked).forEach(sign);
  new MutationObserver((records) => {
    for (const { target, addedNodes } of records) {
      for (const node of [target, ...addedNodes]) if (node.matches?.(marked)) sign(node);
      addedNodes.forEach(signAll);
    }
  }).observe(document, { childList: true, subtree: true, attributeFilter: [mark] });
  // The page may have rewritten a link. And where the tab slept past the expiry, and the first click hits a link: renew,
  // then follow it, in a tab of its own where that was asked for. (The right button brings the menu, follows nothing.)
  const click = (event) => {
    const link = event.isTrusted && event.button < 2 && event.target.closest?.("a" + marked);
    if (!link || sign(link) || !expired()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { button, ctrlKey, metaKey, shiftKey } = event;
    const follow = () => (button || ctrlKey || metaKey || shiftKey ? open(link.href) : link.click());
    refresh("giosg").then(follow, follow);
  };
  for (const type of ["click", "auxclick"]) document.addEventListener(type, click, true);

  return {
    update() {
      submit();
      heed();
      signAll(document);
    },
    logout(last, followed) {
      signAll(document);
      // The next person is there already, and whoever let them in has cleaned up.
      if (followed > 1) return;
      const there = window._giosg !== ours;
      const call = queue();
      call._e = call._e?.filter((queued) => queued[1] !== "submit");
      call("visitor", "removeAll");
      call("chat", "close", { all: true, hide: true, clearHistory: true });
      if (!there) return new Promise((resolve) => (played = resolve));
    },
    embed() {
      const host = "https://service.giosg.com";
      Object.assign(queue(), { _c: slot.page.organization, _h: host });
      load(host + "/live2/" + slot.page.organization);
    },
  };
};
