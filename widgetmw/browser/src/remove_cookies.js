// Deletes cookies that a vendor's widget has set on the site: for the host, and for each domain that it belongs to.

/** @param {string[]} names */
export const removeCookies = (...names) => {
  // As in `browser_state.js`, since an element with the name `cookie` hides the property of `document`.
  const write = (/** @type {string} */ text) => Reflect.set(Object.getPrototypeOf(document), "cookie", text, document);
  for (const name of names) {
    const expired = name + "=; path=/; max-age=0";
    write(expired);
    // A host is also a domain of its own.
    for (const labels = location.hostname.split("."); labels[0]; labels.shift()) {
      write(expired + "; domain=" + labels.join("."));
    }
  }
};
