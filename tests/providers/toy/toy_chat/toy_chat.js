// Toy Chat reads window.toyChatConfig when its loader runs. Later, toyChat.identify() takes a new token.

export default {
  init(vendor) {
    if (vendor.forVisitor) {
      window.toyChatConfig = { appId: vendor.config.appId, token: vendor.token?.token };
    }
  },

  connect(vendor) {
    return {
      update() {
        if (window.toyChatConfig) window.toyChatConfig.token = vendor.token?.token;
        window.toyChat?.identify(vendor.token?.token);
      },
      logout() {
        window.toyChat?.reset();
      },
    };
  },
};
