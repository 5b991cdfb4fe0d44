// Stand-in for Orlo's live chat. The customer-data snippet of the demo pushes tokens to standInLiveChat.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "orlo-stand-in-conversation";
const visitor = new Visitor("orlo");
const known = document.getElementById("stage").dataset.known === "yes";

// Orlo documents no sign-out. So a conversation of a signed-in person is not continued by an anonymous one.
const kept = readJson(sessionStorage, KEY, null);
if (kept && kept.known && !known) sessionStorage.removeItem(KEY);

const box = new ChatBox(document.getElementById("widget"), {
  title: "Orlo stand-in",
  answer: (text) => visitor.answer(text),
  store: {
    load: () => readJson(sessionStorage, KEY, { messages: [] }).messages,
    save: (messages) => sessionStorage.setItem(KEY, JSON.stringify({ known: Boolean(visitor.token), messages })),
  },
});
visitor.box = box;
box.show(true);

function push(token) {
  visitor.take(token, visitor.token ? "the snippet ran again" : "the customer-data snippet");
}

const waiting = window.standInLiveChat ?? [];
window.standInLiveChat = { push };
waiting.forEach(push);

window.addEventListener("widgetmw:signedout", () => {
  sessionStorage.removeItem(KEY);
  box.fill();
  box.note("You signed out. The conversation has ended.");
  visitor.forget();
});
