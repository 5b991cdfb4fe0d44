// Stand-in for Intercom's Messenger: plays the queued calls, boots with intercomSettings, and shows the last user's
// conversation to everybody until shutdown. It refuses an update of a user without the token.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

const KEY = "intercom-stand-in-session";
const visitor = new Visitor("intercom");
let isBooted = false;

const box = new ChatBox(document.getElementById("widget"), {
  title: "Intercom stand-in",
  getReply: (text) => visitor.getReply(text),
  store: {
    load: () => readJson(localStorage, KEY, []),
    save: (messages) => localStorage.setItem(KEY, JSON.stringify(messages)),
  },
});
visitor.box = box;
box.show(true);

const commands = {
  boot(settings = {}) {
    if (isBooted) return;
    isBooted = true;
    if (settings.intercom_user_jwt) visitor.setToken(settings.intercom_user_jwt, "intercomSettings.intercom_user_jwt");
  },
  update(settings = window.intercomSettings) {
    if (settings.intercom_user_jwt) visitor.setToken(settings.intercom_user_jwt, 'Intercom("update", …)');
    else if (visitor.token) box.setIdentity("rejected", "Rejected: 403, update without a token");
  },
  shutdown() {
    isBooted = false;
    localStorage.removeItem(KEY);
    box.reload();
    box.showNote("The Messenger was shut down.");
    visitor.clearToken();
  },
};

const queued = window.Intercom?.q ?? [];
window.Intercom = (command, ...values) => commands[command]?.(...values);
for (const call of queued) window.Intercom(...call);
if (!isBooted) window.Intercom("boot", window.intercomSettings);
