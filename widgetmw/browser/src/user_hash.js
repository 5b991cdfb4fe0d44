// Recognizes a user without storing who it is: a random salt, and a salted hash of the server's opaque user value.

/** @param {string} text */
const hash32 = (text) => {
  let sum = 7;
  for (const letter of text) sum = (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0;
  return sum.toString(36);
};

/** @param {string} user */
export const userHash = (user) => {
  const salt = Math.random().toString(36).slice(2);
  // Nearly always of the same length, so that one user's can replace another's in a full storage.
  return (salt + "." + hash32(salt + user)).padEnd(20, ".");
};

/**
 * @param {string | null | undefined} stored the result of `userHash` for some user
 * @param {string | null | undefined} user
 */
export const isSameUser = (stored, user) => {
  const [salt, hash] = (stored || "").split(".");
  return hash === hash32(salt + user);
};
