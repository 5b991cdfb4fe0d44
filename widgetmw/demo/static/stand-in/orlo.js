// Stand-in for Orlo's live chat. The demo's customer-data snippet pushes tokens to standInLiveChat.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "orlo-stand-in-conversation";
const visitor = new Visitor("orlo");
const { person } = document.getElementById("stage").dataset;

// Orlo documents no sign-out, so the stand-in drops a signed-in user's conversation once somebody else is here.
const stored = readJson(sessionStorage, KEY, null);
if (stored?.person && stored.person !== person) sessionStorage.removeItem(KEY);

const box = new ChatBox(document.getElementById("widget"), {
  title: "Orlo stand-in",
  getReply: (text) => visitor.getReply(text),
  store: {
    load: () => readJson(sessionStorage, KEY, { messages: [] }).messages,
    save: (messages) => sessionStorage.setItem(KEY, JSON.stringify({ person: visitor.token && person, messages })),
  },
});
visitor.box = box;
box.show(true);

function push(token) {
  visitor.setToken(token, visitor.token ? "customer-data snippet, run again" : "customer-data snippet");
}

const queued = window.standInLiveChat ?? [];
window.standInLiveChat = { push };
queued.forEach(push);

window.addEventListener("widgetmw:signedout", () => {
  sessionStorage.removeItem(KEY);
  box.reload();
  box.showNote("You signed out. The conversation has ended.");
  visitor.clearToken();
});
