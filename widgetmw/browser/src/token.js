// The token objects that pages get.

/**
 * Adds the expiry in milliseconds of this browser's clock to a token, which has it in seconds of the server's clock.
 *
 * @param {import("./types").PageToken} token
 * @param {number} offset by how much the server's clock is ahead, in milliseconds
 * @returns {import("../widgetmw").WidgetToken}
 */
export const toToken = (token, offset) =>
  Object.freeze({ ...token, expiresAt: token.expires_at && Math.round(token.expires_at * 1000 - offset) });
