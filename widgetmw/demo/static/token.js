// Decodes a token without verifying it.

function decodePart(token, index) {
  const text = token.split(".")[index].replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

const isJwt = (token) => token.includes(".");
const header = (token) => decodePart(token, 0);
export const claims = (token) => (isJwt(token) ? decodePart(token, 1) : {});

// What goes with a token that is a mere digest: the text that was signed, and the name.
const COMMON = new Set(["provider", "token", "expiresAt", "expires_at", "refresh_at"]);
export const visitorOf = (current) =>
  isJwt(current.token) ? {} : Object.fromEntries(Object.entries(current).filter(([name]) => !COMMON.has(name)));

// Returns what a token says, to be shown.
export function details(current) {
  if (!isJwt(current.token)) return { algorithm: "HMAC-SHA256", ...visitorOf(current) };
  const { alg, kid } = header(current.token);
  return { alg, ...(kid && { kid }), ...claims(current.token) };
}

export const fingerprint = (token) => `…${token.slice(-8)}`;

// Changes one character of the signature, which is enough for a backend to reject the token.
export function altered(token) {
  const index = token.lastIndexOf(".") + 5;
  const replacement = token[index] === "A" ? "B" : "A";
  return token.slice(0, index) + replacement + token.slice(index + 1);
}
