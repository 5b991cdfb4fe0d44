// A small chat window, used by every stand-in. Messages are shown as text, never as markup.

let count = 0;

function element(tag, className, properties = {}) {
  return Object.assign(document.createElement(tag), { className, ...properties });
}

export class ChatBox {
  // getReply(text) returns a promise of the reply; store has load() and save(messages).
  constructor(mount, { title, getReply, store, onOpen = () => {} }) {
    this.getReply = getReply;
    this.store = store;
    this.onOpen = onOpen;
    this.name = "visitor";
    this.build(title);
    mount.replaceChildren(this.root);
    this.reload();
    this.setIdentity("anonymous", "Anonymous");
  }

  build(title) {
    const id = `chat-${(count += 1)}`;
    this.root = element("div", "chat");
    this.launcher = element("button", "chat-launcher", { type: "button", textContent: "Chat" });
    this.launcher.setAttribute("aria-controls", id);
    this.window = element("section", "chat-window", { id, hidden: true });
    this.window.setAttribute("aria-label", title);
    this.list = element("div", "chat-messages");
    this.list.setAttribute("role", "log");
    this.list.setAttribute("aria-label", "Conversation");
    this.list.tabIndex = 0;
    this.window.append(this.buildHead(title), this.list, this.buildForm(id));
    this.root.append(this.window, this.launcher);
    this.launcher.addEventListener("click", () => this.toggle());
    this.show(false);
  }

  buildHead(title) {
    const head = element("header", "chat-head");
    this.badge = element("p", "chat-badge");
    const close = element("button", "chat-close", { type: "button", textContent: "×" });
    close.setAttribute("aria-label", "Minimize the chat");
    close.addEventListener("click", () => { this.show(false); this.launcher.focus(); });
    head.append(element("p", "chat-title", { textContent: title }), this.badge, close);
    return head;
  }

  buildForm(id) {
    const form = element("form", "chat-form");
    const label = element("label", "visually-hidden", { textContent: "Your message", htmlFor: `${id}-text` });
    this.input = element("input", "chat-input", { id: `${id}-text`, maxLength: 300, autocomplete: "off" });
    this.input.placeholder = "Ask: who am I?";
    form.append(label, this.input, element("button", "chat-send", { type: "submit", textContent: "Send" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(this.input.value.trim());
    });
    return form;
  }

  toggle() {
    this.show(this.window.hidden);
    if (!this.window.hidden) this.input.focus();
  }

  show(open) {
    this.window.hidden = !open;
    this.launcher.setAttribute("aria-expanded", String(open));
    this.launcher.textContent = open ? "Minimize" : "Chat";
    if (open) this.onOpen();
  }

  setIdentity(state, text, name = "visitor") {
    this.badge.dataset.state = state;
    this.badge.textContent = text;
    this.name = name;
    this.greeting.textContent = this.greetingText();
  }

  greetingText() {
    return `Hello ${this.name}, how can we help? Ask me who you are.`;
  }

  async send(text) {
    if (!text) return;
    this.input.value = "";
    this.add("visitor", text);
    const conversation = this.messages;
    const reply = await this.getReply(text);
    if (conversation === this.messages) this.add("shop", reply);
  }

  add(author, text) {
    const message = { author, text };
    this.messages.push(message);
    this.store.save(this.messages);
    this.render(message);
  }

  render({ author, text }) {
    const item = element("p", `message ${author}`);
    const name = element("span", "visually-hidden", { textContent: author === "visitor" ? "You: " : "Shop: " });
    const content = element("bdi", "", { textContent: text });
    item.append(name, content);
    this.list.append(item);
    this.list.scrollTop = this.list.scrollHeight;
    return content;
  }

  // Shows a note without storing it.
  showNote(text) {
    this.list.append(element("p", "message note", { textContent: text }));
    this.list.scrollTop = this.list.scrollHeight;
  }

  // Shows the stored conversation. Call this again after clearing the store.
  reload() {
    this.messages = this.store.load();
    this.list.replaceChildren();
    this.greeting = this.render({ author: "shop", text: this.greetingText() });
    this.messages.forEach((message) => this.render(message));
  }
}
