// Stand-in for Crisp's script: plays the queued calls, then accepts calls directly. A cookie names the session.
import { ChatBox } from "./chatbox.js";
import { newId, readCookie, removeCookie, writeCookie } from "./cookies.js";
import { readJson, Visitor } from "./visitor.js";

const COOKIE = `crisp-client/session/${window.CRISP_WEBSITE_ID}`;
const visitor = new Visitor("crisp");

function key() {
  if (!readCookie(COOKIE)) writeCookie(COOKIE, newId());
  return `crisp-stand-in-${readCookie(COOKIE)}`;
}

const box = new ChatBox(document.getElementById("widget"), {
  title: "Crisp stand-in",
  getReply: (text) => visitor.getReply(text),
  store: {
    load: () => readJson(localStorage, key(), []),
    save: (messages) => localStorage.setItem(key(), JSON.stringify(messages)),
  },
});
visitor.box = box;
box.show(true);

let name;

const commands = {
  "set user:nickname": ([nickname]) => (name = nickname),
  // The nickname may follow.
  "set user:email": ([email, signature]) => queueMicrotask(() => identify(email, signature)),
  "do session:reset": () => {
    localStorage.removeItem(key());
    removeCookie(COOKIE);
    name = undefined;
    visitor.clearToken();
    box.reload();
    box.showNote("The session was reset, and the conversation has ended.");
  },
};

function identify(email, signature) {
  const fields = { email, ...(name && { name }) };
  visitor.setToken(signature, '$crisp.push(["set", "user:email", …])', fields);
}

const push = ([action, subject, values]) => commands[`${action} ${subject}`]?.(values);
const queued = window.$crisp ?? [];
window.$crisp = { is: () => true, push };
queued.forEach(push);
