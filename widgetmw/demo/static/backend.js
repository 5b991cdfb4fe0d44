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

export const verify = (vendor, token) => post(`/vendor/${vendor}/verify`, { token });
export const verifyUrl = (url) => post("/vendor/giosg/verify-url", { url });
export const chat = (path, token, text) => post(path, { token, text });
