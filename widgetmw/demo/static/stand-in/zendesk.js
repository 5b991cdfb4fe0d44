// Stand-in for Zendesk's messaging widget: asks for a token at loginUser and again before the token expires, and keeps
// the conversation until logoutUser. As with Zendesk's snippet, `zE` is defined once this script runs.
import { ChatBox } from "./chatbox.js";
import { claims } from "../token.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "zendesk-stand-in-conversation";
const visitor = new Visitor("zendesk");
let login;
let timer;

const box = new ChatBox(document.getElementById("widget"), {
  title: "Zendesk stand-in",
  getReply: (text) => visitor.getReply(text),
  store: {
    load: () => readJson(localStorage, KEY, []),
    save: (messages) => localStorage.setItem(KEY, JSON.stringify(messages)),
  },
});
visitor.box = box;
box.show(true);

function ask({ getToken, onResult }, how) {
  clearTimeout(timer);
  getToken(async (token) => {
    const { verified, error } = await visitor.setToken(token, how);
    onResult?.(verified ? null : { type: "LoginFailedError", reason: error, message: error });
    if (!verified || !login) return;
    const wait = claims(token).exp * 1000 - Date.now() - 500;
    timer = setTimeout(() => login && ask(login, "The widget asked again"), Math.max(wait, 500));
  });
}

const commands = {
  loginUser(getToken, onResult) {
    login = { getToken, onResult };
    ask(login, 'zE("messenger", "loginUser", …)');
  },
  logoutUser() {
    login = undefined;
    clearTimeout(timer);
    localStorage.removeItem(KEY);
    box.reload();
    box.showNote("The user was logged out.");
    visitor.clearToken();
  },
};

window.zE = (product, command, ...values) => product === "messenger" && commands[command]?.(...values);
