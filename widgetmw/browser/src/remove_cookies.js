// Deletes cookies that a vendor's widget has set on the site: for the host, and for each domain that it belongs to.

import { setCookie } from "./dom.js";

/** @param {string[]} names */
export const removeCookies = (...names) => {
  for (const name of names) {
    const expired = name + "=; path=/; max-age=0";
    setCookie(expired);
    // A host is also a domain of its own.
    for (const labels = location.hostname.split("."); labels[0]; labels.shift()) {
      setCookie(expired + "; domain=" + labels.join("."));
    }
  }
};
