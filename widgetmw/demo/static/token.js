// Decodes a token without verifying it.

function decodePart(token, index) {
  const text = token.split(".")[index].replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

export const header = (token) => decodePart(token, 0);
export const claims = (token) => decodePart(token, 1);
export const fingerprint = (token) => `…${token.slice(-8)}`;

// Changes one character of the signature, which is enough for a backend to reject the token.
export function altered(token) {
  const index = token.lastIndexOf(".") + 5;
  const replacement = token[index] === "A" ? "B" : "A";
  return token.slice(0, index) + replacement + token.slice(index + 1);
}
