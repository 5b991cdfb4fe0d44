// Stand-in for Help Scout's Beacon: plays the queued calls, then accepts calls directly.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

// As the vendor documents, what is stored survives a sign-out from the site unless the page signs out here, too.
const KEY = "helpscout-stand-in-beacon";
const visitor = new Visitor("helpscout");

const box = new ChatBox(document.getElementById("widget"), {
  title: "Help Scout stand-in",
  getReply: (text) => visitor.getReply(text),
  store: {
    load: () => readJson(localStorage, KEY, []),
    save: (messages) => localStorage.setItem(KEY, JSON.stringify(messages)),
  },
});
visitor.box = box;
box.show(true);

const methods = {
  identify: ({ signature, ...fields }) => visitor.setToken(signature, 'Beacon("identify", …)', fields),
  logout: () => {
    localStorage.removeItem(KEY);
    visitor.clearToken();
    box.reload();
    box.showNote("The Beacon has signed out, and the chat has ended.");
  },
  on: (event, listener) => event === "ready" && queueMicrotask(listener),
};

const queue = window.Beacon?.readyQueue ?? [];
window.Beacon = (method, options, data) => methods[method]?.(options, data);
queue.forEach(({ method, options, data }) => window.Beacon(method, options, data));
