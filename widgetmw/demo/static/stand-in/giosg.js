// Stand-in for giosg's script: runs the queued calls, then accepts calls directly.
import { ChatBox } from "./chatbox.js";
import "./giosg-chat-url.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "giosg-stand-in-conversation";
const visitor = new Visitor("giosg");

const box = new ChatBox(document.getElementById("widget"), {
  title: "giosg stand-in",
  getReply: (text) => visitor.getReply(text),
  store: {
    load: () => readJson(localStorage, KEY, []),
    save: (messages) => localStorage.setItem(KEY, JSON.stringify(messages)),
  },
});
visitor.box = box;
box.show(true);

function close({ hide, clearHistory } = {}) {
  if (clearHistory) {
    localStorage.removeItem(KEY);
    box.reload();
    box.showNote("The chat was closed and its history cleared.");
  }
  if (hide) box.show(false);
}

const commands = {
  "visitor submit": (token) => visitor.setToken(token, '_giosg("visitor", "submit", …)'),
  "visitor removeAll": () => visitor.clearToken(),
  "chat close": close,
};

function run(subject, verb, ...details) {
  commands[`${subject} ${verb}`]?.(...details);
}

const queued = window._giosg?._e ?? [];
window._giosg = run;
[...queued].forEach((call) => run(...call));
