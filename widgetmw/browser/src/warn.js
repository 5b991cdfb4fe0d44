/**
 * Reports a vendor's failure in the console. No word as long as a token gets there.
 *
 * @param {string} name
 * @param {unknown} error
 */
export const warn = (name, error) =>
  console.warn("widgetmw: " + name + ": " + String(error).replace(/\S{40,}/g, "..."));
