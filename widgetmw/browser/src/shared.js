// The object that the bootstrap and the runtime share.

/**
 * Set before any other module of the runtime runs.
 *
 * @type {import("./types").Shared}
 */
export let shared;

/** @param {import("./types").Shared} value */
export const setShared = (value) => {
  shared = value;
};
