// Stand-in for DigitalGenius's init.js: reads its configuration once, offers dgchat.methods, calls back.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "dg-stand-in-session";
const DAY = 24 * 60 * 60 * 1000;

const config = window.DG_CHAT_WIDGET_CONFIG ?? {};
const visitor = new Visitor("digitalgenius");
let session = recall();
let initialised = false;

function fresh() {
  return { id: crypto.getRandomValues(new Uint32Array(2)).join("-"), started: Date.now(), messages: [] };
}

// The session outlives the site's own sign-out unless somebody resets it, as the vendor documents.
function recall() {
  const kept = readJson(localStorage, KEY, null);
  return kept && Date.now() - kept.started < DAY ? kept : fresh();
}

const store = {
  load: () => [...session.messages],
  save: (messages) => localStorage.setItem(KEY, JSON.stringify({ ...session, messages })),
};

const call = (name, ...details) => config.callbacks?.[name]?.(...details);

const box = new ChatBox(document.getElementById("widget"), {
  title: "Genius Chat stand-in",
  store,
  answer: (text) => visitor.answer(text),
  onOpen: () => {
    if (initialised) return;
    initialised = true;
    call("onChatInitialised");
    call("onChatConversationStarted", session.id);
  },
});
visitor.box = box;

window.dgchat = {
  methods: {
    launchWidget: () => box.show(true),
    minimizeWidget: () => box.show(false),
    sendMessage: (text) => box.send(String(text)),
    sendSystemMessage: ({ name, payload }) => {
      if (name === "auth_token") visitor.take(payload, 'sendSystemMessage({name: "auth_token"})');
    },
    initProactiveButtons: () => {},
    resetChat: () => {
      localStorage.removeItem(KEY);
      session = fresh();
      box.fill();
      box.note("The conversation was reset.");
      visitor.forget();
    },
  },
};

if (config.metadata?.auth_token) visitor.take(config.metadata.auth_token, "DG_CHAT_WIDGET_CONFIG.metadata.auth_token");
call("onWidgetEmbedded");
