// Stand-in for DigitalGenius's init.js: reads its configuration once, offers dgchat.methods and runs the callbacks.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "dg-stand-in-session";
const DAY = 24 * 60 * 60 * 1000;

const config = window.DG_CHAT_WIDGET_CONFIG ?? {};
const visitor = new Visitor("digitalgenius");
let session = loadSession();
let initialised = false;

function newSession() {
  return { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), started: Date.now(), messages: [] };
}

// As the vendor documents, the session survives a sign-out from the site unless it is reset.
function loadSession() {
  const stored = readJson(localStorage, KEY, null);
  return stored && Date.now() - stored.started < DAY ? stored : newSession();
}

const store = {
  load: () => [...session.messages],
  save: (messages) => localStorage.setItem(KEY, JSON.stringify({ ...session, messages })),
};

const runCallback = (name, ...details) => config.callbacks?.[name]?.(...details);

const box = new ChatBox(document.getElementById("widget"), {
  title: "Genius Chat stand-in",
  store,
  getReply: (text) => visitor.getReply(text),
  onOpen: () => {
    if (initialised) return;
    initialised = true;
    runCallback("onChatInitialised");
    runCallback("onChatConversationStarted", session.id);
  },
});
visitor.box = box;

window.dgchat = {
  methods: {
    launchWidget: () => box.show(true),
    minimizeWidget: () => box.show(false),
    sendMessage: (text) => box.send(String(text)),
    sendSystemMessage: ({ name, payload }) => {
      if (name === "auth_token") visitor.setToken(payload, 'sendSystemMessage({name: "auth_token"})');
    },
    initProactiveButtons: () => {},
    resetChat: () => {
      localStorage.removeItem(KEY);
      session = newSession();
      box.reload();
      box.showNote("The conversation was reset.");
      visitor.clearToken();
    },
  },
};

if (config.metadata?.auth_token) visitor.setToken(config.metadata.auth_token, "DG_CHAT_WIDGET_CONFIG.metadata.auth_token");
runCallback("onWidgetEmbedded");
