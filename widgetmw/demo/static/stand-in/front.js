// Stand-in for Front's chat.bundle.js: one init per page load, unless the widget is shut down in between.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

// The session outlives the page, and the site's sign-out, until the page clears it.
const KEY = "front-stand-in-session";
const visitor = new Visitor("front");
let box;

function identify({ userHash, ...fields }, how) {
  if (userHash) visitor.setToken(userHash, how, fields);
}

const commands = {
  init(options) {
    if (box) throw new Error("init was called twice");
    box = new ChatBox(document.getElementById("widget"), {
      title: "Front stand-in",
      getReply: (text) => visitor.getReply(text),
      store: {
        load: () => readJson(localStorage, KEY, []),
        save: (messages) => localStorage.setItem(KEY, JSON.stringify(messages)),
      },
    });
    visitor.box = box;
    box.show(true);
    identify(options, 'FrontChat("init", …)');
  },
  identity: (options) => box && identify(options, 'FrontChat("identity", …)'),
  shutdown({ clearSession } = {}) {
    if (clearSession) {
      localStorage.removeItem(KEY);
      visitor.clearToken();
    }
    document.getElementById("widget").replaceChildren();
    box = visitor.box = undefined;
  },
};

window.FrontChat = (command, options) => commands[command]?.(options);
