// Calls to the vendors' stand-in backends, which are part of the demo server.

const UNREACHABLE = "The demo server is not responding";

async function post(path, fields) {
  try {
    const response = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
    if (response.ok) return await response.json();
  } catch {
    // A stopped server is reported like one that fails.
  }
  return { verified: false, error: UNREACHABLE, reply: `${UNREACHABLE}.` };
}

// visitor: what the widget sends with a token that does not say by itself what was signed.
export const verify = (vendor, token, visitor = {}) => post(`/vendor/${vendor}/verify`, { ...visitor, token });
export const verifyUrl = (url) => post("/vendor/giosg/verify-url", { url });
export const chat = (path, token, text, visitor = {}) => post(path, { ...visitor, token, text });
