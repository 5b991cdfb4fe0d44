// Stand-in for tawk.to's widget: it has no queue. Its methods exist once it calls its callbacks, some time after it loaded.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

// The vendor documents no names; what is stored survives a sign-out from the site unless the page logs out here, too.
const KEY = "tawk-stand-in-conversation";
const DELAY = 150;
const visitor = new Visitor("tawk");

const box = new ChatBox(document.getElementById("widget"), {
  title: "tawk.to stand-in",
  getReply: (text) => visitor.getReply(text),
  store: {
    load: () => readJson(localStorage, KEY, []),
    save: (messages) => localStorage.setItem(KEY, JSON.stringify(messages)),
  },
});
visitor.box = box;
box.show(true);

const methods = {
  async login({ hash, ...fields }, callback) {
    const verdict = await visitor.setToken(hash, "Tawk_API.login(…)", fields);
    callback?.(verdict?.verified === false ? { message: verdict.error } : undefined);
  },
  logout(callback) {
    localStorage.removeItem(KEY);
    visitor.clearToken();
    box.reload();
    setTimeout(() => callback?.());
  },
  shutdown: () => box.showNote("You are logged out, and the connection is closed."),
  start: () => box.showNote("Connected."),
};

setTimeout(() => {
  Object.assign(window.Tawk_API, methods);
  window.Tawk_API.onBeforeLoad?.();
  window.Tawk_API.onLoad?.();
}, DELAY);
