// Toy Chat reads window.toyChatConfig when its loader runs. Later, toyChat.identify() takes a new token.

const configure = (vendor) => {
  window.toyChatConfig = { appId: vendor.config.appId, token: vendor.token?.token };
};

export default {
  init(vendor) {
    if (vendor.forVisitor) configure(vendor);
  },

  connect(vendor) {
    return {
      update() {
        configure(vendor); // also after a sign-in without a page load, when `init` may have set nothing
        window.toyChat?.identify(vendor.token?.token);
      },
      logout() {
        if (window.toyChatConfig) configure(vendor); // without the token of the user who has left
        window.toyChat?.reset();
      },
    };
  },
};
