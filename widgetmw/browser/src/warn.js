// Warnings and errors in the console.

/**
 * Reports a vendor's error; never throws. Long words are replaced, since one could be a token.
 *
 * @param {string} name
 * @param {unknown} error
 */
export const warn = (name, error) => {
  let text = "?";
  try {
    text = String(error);
  } catch {}
  console.warn("widgetmw: " + name + ": " + text.replace(/\S{40,}/g, "..."));
};

/**
 * Reports an error as uncaught, as `reportError` does in newer browsers, and goes on.
 *
 * @param {unknown} error
 */
export const report = (error) => {
  setTimeout(() => {
    throw error;
  });
};
