// Reads what belongs to the browser. Markup can hide much of it: an element named `cookie` or `head` hides that
// property of `document`, one with the id `addEventListener` that method of `window`, and any id makes a global. So can
// a script with a global of its own, such as `const URL`, `var navigation`, or the `Document` of MooTools.

/**
 * `Document.prototype`, or an object that inherits from it.
 *
 * @type {Document}
 */
export const documentPrototype = Object.getPrototypeOf(document);

/**
 * Returns a property of `document`, whatever the elements of the page are called.
 *
 * @template {keyof Document} Name
 * @param {Name} name
 * @returns {Document[Name]}
 */
export const ofDocument = (name) => Reflect.get(documentPrototype, name, document);

/**
 * @param {string} selector
 * @returns {NodeListOf<any>}
 */
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
