// Reads properties of the browser that a page may hide. An element named `cookie` hides `document.cookie`, an element
// with an id creates a global of that name, and a script may define its own `URL`, `navigation` or `Document`, as MooTools
// does.

/**
 * `Document.prototype`, or an object that inherits from it.
 *
 * @type {Document}
 */
export const documentPrototype = /* @__PURE__ */ Object.getPrototypeOf(document);

/**
 * Returns a property of `document`, whatever the elements of the page are called.
 *
 * @template {keyof Document} Name
 * @param {Name} name
 * @returns {Document[Name]}
 */
export const ofDocument = (name) => Reflect.get(documentPrototype, name, document);

/** @param {string} text a cookie, with its attributes */
export const setCookie = (text) => Reflect.set(documentPrototype, "cookie", text, document);

/**
 * Parses a URL.
 *
 * @param {string} href
 * @returns {HTMLAnchorElement}
 */
export const parseUrl = (href) =>
  Object.assign(/** @type {HTMLAnchorElement} */ (documentPrototype.createElement.call(document, "a")), { href });

/** @type {(selector: string) => NodeListOf<any>} */
export const selectAll = (selector) => documentPrototype.querySelectorAll.call(document, selector);

/**
 * @param {EventTarget} target
 * @param {string} types separated by spaces
 * @param {(event: any) => void} listener called in the capture phase
 */
export const listen = (target, types, listener) => {
  for (const type of types.split(" ")) documentPrototype.addEventListener.call(target, type, listener, true);
};

/**
 * Returns a global that a script has set; `undefined` for one that is only the id of an element.
 *
 * @template {keyof Window} Name
 * @param {Name} name
 * @returns {Window[Name] | undefined}
 */
export const ownGlobal = (name) => (({}).hasOwnProperty.call(window, name) ? window[name] : undefined);
