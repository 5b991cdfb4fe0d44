// The token objects that pages get.

/**
 * Adds the expiry in milliseconds of this browser's clock to a token, which has it in seconds of the server's clock.
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
