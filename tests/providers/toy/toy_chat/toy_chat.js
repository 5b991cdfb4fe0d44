// Toy Chat reads window.toyChatConfig when its loader runs. Later, toyChat.identify() takes a new token. toyChat.reset()
// forgets the user and what is stored, and toyChat.hide() hides the chat until then.

const configure = (vendor) => {
  window.toyChatConfig = { appId: vendor.config.appId, token: vendor.token?.token };
};

export default {
  init(vendor) {
    if (vendor.forVisitor) configure(vendor);
  },

  connect(vendor) {
    const widget = () => vendor.waitFor(() => window.toyChat); // its loader may run later than this
    let cleanUp = Promise.resolve();
    let showsPreviousUser = false; // this page noticed the sign-out too late

    return {
      async update() {
        configure(vendor); // also after a sign-in without a page load, when `init` may have set nothing
        const chat = await widget();
        await cleanUp; // of the user before
        if (showsPreviousUser || !vendor.token) return; // signed out while we waited
        await vendor.getToken(); // renews the token if it has expired while we waited
        if (vendor.token) chat.identify(vendor.token.token);
      },
      logout({ origin, isDue }) {
        if (window.toyChatConfig) configure(vendor); // without the token of the user who has left
        showsPreviousUser = origin === "late" && !!window.toyChat;
        if (showsPreviousUser) return window.toyChat.hide();
        if (window.toyChat) return (cleanUp = window.toyChat.reset());
        if (origin === "here") return (cleanUp = widget().then((chat) => (isDue() ? chat.reset() : undefined)));
      },
    };
  },
};
