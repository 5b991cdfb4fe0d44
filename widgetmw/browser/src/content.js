// Notices when a router has replaced the page's content without loading a document: the content may be that of another
// user, or of nobody, even though our data in the page is still the same.
import { listen, ofDocument } from "./dom.js";
import { remembersUser } from "./browser_state.js";
import { allowedIn } from "./endpoint.js";
import { requestSoon } from "./schedule.js";
import { shared } from "./shared.js";

const withoutFragment = (url = location.href) => url.split("#")[0];

/** @param {() => void} addListeners called again when the body is another, since `document.open` removes all listeners */
export const watchContent = (addListeners) => {
  let url = withoutFragment();
  // A router changes the address before or after the content, so we wait a moment: one request for both. The address
  // alone matters only for a user: on a site where nobody is signed in, there would be a request for each navigation.
  const onNavigation = () => {
    if (url !== (url = withoutFragment()) && remembersUser()) requestSoon();
  };

  /** @type {HTMLElement} */
  let body;
  /** @type {Element[]} */
  let children = [];
  const observer = new MutationObserver(() => {
    const old = children;
    const [first] = old;
    observe();
    onNavigation();
    if (first && children !== old) requestSoon();
  });
  const observe = () => {
    if (body !== (body = ofDocument("body"))) {
      observer.disconnect();
      for (const node of [document, ofDocument("documentElement"), body]) if (node) observer.observe(node, { childList: true });
      addListeners();
    }
    // They are listed again only once each of them has been removed: a page may add thousands, one by one.
    while (children[0] && children[0].parentNode !== body) children.shift();
    if (!children[0]) children = [...(body?.children ?? [])];
  };
  observe();
  // Browsers without the Navigation API have no such event: they notice it when the body changes or something is loaded.
  listen(shared.ownNavigation ?? window, "currententrychange", onNavigation);
  // A sign-out often leads back to the address that the page has already. So a script's request for that address counts,
  // and one that was redirected, as that of a form is. So does a request for a new address: some routers (swup, barba)
  // change the address first. The content may take longer than we wait, and the user may be signed out only then.
  new PerformanceObserver((list) => {
    onNavigation();
    const hasContent = list.getEntries().some(
      (/** @type {any} */ entry) =>
        // scripts load by `fetch` and `xmlhttprequest`
        /h/.test(entry.initiatorType) && (entry.redirectStart || withoutFragment(entry.name) === url)
    );
    // There may be many, as in a page that polls its own address. Two in half a minute leave room for other requests.
    if (hasContent && remembersUser()) requestSoon(allowedIn(2) - 30000);
  }).observe({ entryTypes: ["resource"] });
};
