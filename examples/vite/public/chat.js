// Stand-in for the vendor's widget. Your page loads https://chat.digitalgenius.com/init.js instead.
{
  const claims = (token) => atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  const tokens = () => document.querySelector("ol");
  window.dgchat = {
    methods: {
      sendSystemMessage: ({ payload }) => {
        tokens().appendChild(document.createElement("li")).textContent = claims(payload);
      },
      resetChat: () => tokens().replaceChildren(),
    },
  };
  addEventListener("DOMContentLoaded", () => window.DG_CHAT_WIDGET_CONFIG?.callbacks?.onWidgetEmbedded?.());
}
