// Adds a vendor's loader to the page, with our nonce and through a Trusted Types policy named `widgetmw`.
import { documentPrototype, listen, ofDocument } from "./dom.js";
import { shared } from "./shared.js";

const nonce = ofDocument("currentScript")?.nonce;

/**
 * @param {string} url
 * @param {Record<string, string>} [attributes]
 * @returns {Promise<void>} fulfilled when the script has run, or at once if the page already has it
 */
export const loadScript = (url, attributes = {}) =>
  new Promise((resolve, reject) => {
    if ([...ofDocument("scripts")].some((script) => script.src === url)) return resolve();
    const script = /** @type {HTMLScriptElement} */ (documentPrototype.createElement.call(document, "script"));
    try {
      // In embed.js there are two copies of this module, and a policy of this name may be created only once.
      shared.policy ??= window.trustedTypes?.createPolicy("widgetmw", { createScriptURL: (/** @type {string} */ it) => it });
    } catch {}
    // Throws if the page's CSP requires Trusted Types and does not allow our policy.
    script.src = shared.policy ? shared.policy.createScriptURL(url) : url;
    script.async = true;
    if (nonce) script.nonce = nonce;
    for (const [name, value] of Object.entries(attributes)) script.setAttribute(name, value);
    script.onload = /** @type {any} */ (resolve);
    script.onerror = () => reject(Error("request failed"));
    ofDocument("head").append(script);
  });

/**
 * @template Found
 * @param {() => Found} find called now, after each external script has loaded, and from time to time, since a script may
 *   begin its work later
 * @returns {Promise<NonNullable<Found>>} what `find` returned, as soon as that is truthy
 */
export const waitFor = (find) =>
  new Promise((resolve) => {
    const look = () => {
      const found = find();
      if (found) resolve(found);
      return found;
    };
    // Ever more rarely, at last every minute: a page may get the widget late, or never.
    const poll = (/** @type {number} */ delay) => look() || setTimeout(poll, delay, Math.min(2 * delay, 6e4));
    listen(document, "load", look);
    poll(500);
  });
