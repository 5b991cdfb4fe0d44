// Stand-in for giosg's script: works off the calls that were queued, then takes them itself.
import { ChatBox } from "./chatbox.js";
import "./giosg-room.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "giosg-stand-in-conversation";
const visitor = new Visitor("giosg");

const box = new ChatBox(document.getElementById("widget"), {
  title: "giosg stand-in",
  answer: (text) => visitor.answer(text),
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
    box.fill();
    box.note("The chat was closed and its history cleared.");
  }
  if (hide) box.show(false);
}

const commands = {
  "visitor submit": (token) => visitor.take(token, '_giosg("visitor", "submit", …)'),
  "visitor removeAll": () => visitor.forget(),
  "chat close": close,
};

function run(subject, verb, ...details) {
  commands[`${subject} ${verb}`]?.(...details);
}

const queued = window._giosg?._e ?? [];
window._giosg = run;
[...queued].forEach((call) => run(...call));
