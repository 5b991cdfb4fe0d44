// Stand-in for Chatwoot's SDK, which behaves as the published one: there is no queue, a frame holds the conversation that a
// cookie names, and a user whose hash is in another cookie is not set again. What the server knows is in `localStorage`.
import { ChatBox } from "./chatbox.js";
import { newId, readCookie, removeCookie, writeCookie } from "./cookies.js";
import { readJson, Visitor } from "./visitor.js";

const CONVERSATION = "cw_conversation";
const USER = "cw_user_demo-inbox";
const visitor = new Visitor("chatwoot");
let conversation;

const key = () => `chatwoot-stand-in-${conversation}`;
const known = () => readJson(localStorage, key(), {});
const remember = (fields) => localStorage.setItem(key(), JSON.stringify({ ...known(), ...fields }));
const dispatch = (type, detail) => window.dispatchEvent(new CustomEvent(type, { detail }));

const box = new ChatBox(document.getElementById("widget"), {
  title: "Chatwoot stand-in",
  getReply: (text) => visitor.getReply(text),
  store: { load: () => known().messages ?? [], save: (messages) => remember({ messages }) },
});
visitor.box = box;
box.show(true);

// The widget is in the page here, so the frame is empty. Its address counts.
const frame = Object.assign(document.createElement("iframe"), { id: "chatwoot_live_chat_widget", hidden: true });
const url = "about:blank?website_token=demo-inbox";
frame.title = "Chatwoot's frame";
frame.addEventListener("load", () => {
  conversation = new URL(frame.src).searchParams.get(CONVERSATION) || newId();
  visitor.clearToken();
  box.reload();
  const { token, fields } = known();
  if (token) visitor.setToken(token, "known in this conversation", fields);
  const message = { event: "loaded", config: { authToken: conversation } };
  window.postMessage(`chatwoot-widget:${JSON.stringify(message)}`, location.origin);
});

window.onmessage = ({ data }) => {
  if (!String(data).startsWith("chatwoot-widget:")) return;
  writeCookie(CONVERSATION, conversation);
  window.$chatwoot.hasLoaded = true;
  if (!window.$chatwoot.resetTriggered) dispatch("chatwoot:ready");
};

async function setUser(identifier, { identifier_hash: token, name, email }) {
  const hash = encodeURIComponent([email, name, token, identifier]);
  if (hash === readCookie(USER)) return;
  writeCookie(USER, hash);
  // The server starts a new conversation for another user.
  if (known().fields && known().fields.identifier !== identifier) conversation = newId();
  writeCookie(CONVERSATION, conversation);
  remember({ token, fields: { identifier, name, email } });
  const verdict = await visitor.setToken(token, "$chatwoot.setUser(…)", known().fields);
  if (verdict?.verified !== false) return;
  removeCookie(USER);
  dispatch("chatwoot:error", { error: verdict.error });
}

function reset() {
  localStorage.removeItem(key());
  removeCookie(CONVERSATION);
  removeCookie(USER);
  frame.src = url;
  window.$chatwoot.resetTriggered = true;
}

window.$chatwoot = { hasLoaded: false, setUser, reset };
const stored = readCookie(CONVERSATION);
frame.src = stored ? `${url}&${CONVERSATION}=${stored}` : url;
document.body.append(frame);
