// Hissuno has no script of its own, only a React component: its props stand ready in a global, a new object per token.
early.hissuno = (slot) => {
  slot.claims = (token) => {
    const bytes = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt())));
  };
  slot.write = () => {
    const widgetToken = slot.current()?.token;
    const props = { ...slot.page };
    if (widgetToken) {
      const { userId, userMetadata } = slot.claims(widgetToken);
      Object.assign(props, { widgetToken, userId, userMetadata });
    }
    window.HISSUNO_WIDGET_CONFIG = props;
  };
  if (slot.shown) slot.write();
};
// ---- runtime ----
// Sign-out removes the stored conversations (keys as in the vendor's source); of an unknown person, all of them.
late.hissuno = (slot) => ({
  update(inPage) {
    if (!inPage) slot.write();
  },
  logout(last, followed) {
    window.HISSUNO_WIDGET_CONFIG = undefined;
    if (followed) return;
    const sessions = "hissuno_sessions_" + slot.page.projectId + "_";
    const chats = "hissuno_chat_" + slot.page.projectId + "_";
    const own = (token) => token && sessions + slot.claims(token.token).userId;
    const gone = own(last);
    const next = own(slot.current());
    for (const key of Object.keys(localStorage)) {
      const theirs = gone ? key === gone : key.startsWith(sessions) && key !== next;
      if (theirs || key.startsWith(chats)) localStorage.removeItem(key);
    }
  },
});
