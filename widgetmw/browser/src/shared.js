/**
 * What the bootstrap has left for the runtime; set before anything else runs.
 *
 * @type {import("./types").Shared}
 */
export let shared;

/** @param {import("./types").Shared} value */
export const setShared = (value) => {
  shared = value;
};
