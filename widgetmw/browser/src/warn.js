// Warnings in the console.

/**
 * Reports a vendor's error. Long words are replaced, since one could be a token.
 *
 * @param {string} name
 * @param {unknown} error
 */
export const warn = (name, error) =>
  console.warn("widgetmw: " + name + ": " + String(error).replace(/\S{40,}/g, "..."));
