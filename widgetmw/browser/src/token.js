/**
 * Makes the object that pages see. Seconds of the server's clock become milliseconds of this browser's.
 *
 * @param {import("./types").PageToken} token
 * @param {number} now the server's time, in Unix seconds
 * @returns {import("../widgetmw").WidgetToken}
 */
export const toToken = (token, now) =>
  Object.freeze({
    ...token,
    expiresAt: token.expires_at && Math.round(Date.now() + (token.expires_at - now) * 1000),
  });
