// The looks and manners of a small chat window. What it is told, it shows as text, never as markup.

let count = 0;

function make(tag, className, properties = {}) {
  return Object.assign(document.createElement(tag), { className, ...properties });
}

export class ChatBox {
  // answer(text) gives the reply; store has load() and save(messages)
  constructor(mount, { title, answer, store, onOpen = () => {} }) {
    this.answer = answer;
    this.store = store;
    this.onOpen = onOpen;
    this.build(title);
    mount.replaceChildren(this.root);
    this.fill();
    this.identify("anonymous", "Anonymous");
  }

  build(title) {
    const id = `chat-${(count += 1)}`;
    this.root = make("div", "chat");
    this.launcher = make("button", "chat-launcher", { type: "button", textContent: "Chat" });
    this.launcher.setAttribute("aria-controls", id);
    this.window = make("section", "chat-window", { id, hidden: true });
    this.window.setAttribute("aria-label", title);
    this.list = make("div", "chat-messages");
    this.list.setAttribute("role", "log");
    this.list.setAttribute("aria-label", "Conversation");
    this.list.tabIndex = 0;
    this.window.append(this.buildHead(title), this.list, this.buildForm(id));
    this.root.append(this.window, this.launcher);
    this.launcher.addEventListener("click", () => this.toggle());
    this.show(false);
  }

  buildHead(title) {
    const head = make("header", "chat-head");
    this.badge = make("p", "chat-badge");
    const close = make("button", "chat-close", { type: "button", textContent: "×" });
    close.setAttribute("aria-label", "Minimise the chat");
    close.addEventListener("click", () => { this.show(false); this.launcher.focus(); });
    head.append(make("p", "chat-title", { textContent: title }), this.badge, close);
    return head;
  }

  buildForm(id) {
    const form = make("form", "chat-form");
    const label = make("label", "visually-hidden", { textContent: "Your message", htmlFor: `${id}-text` });
    this.input = make("input", "chat-input", { id: `${id}-text`, maxLength: 300, autocomplete: "off" });
    this.input.placeholder = "Ask: who am I?";
    form.append(label, this.input, make("button", "chat-send", { type: "submit", textContent: "Send" }));
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
    this.launcher.textContent = open ? "Minimise" : "Chat";
    if (open) this.onOpen();
  }

  identify(state, text) {
    this.badge.dataset.state = state;
    this.badge.textContent = text;
  }

  async send(text) {
    if (!text) return;
    this.input.value = "";
    this.say("visitor", text);
    const conversation = this.messages;
    const reply = await this.answer(text);
    if (conversation === this.messages) this.say("shop", reply);
  }

  say(author, text) {
    const message = { author, text };
    this.messages.push(message);
    this.store.save(this.messages);
    this.draw(message);
  }

  draw({ author, text }) {
    const item = make("p", `message ${author}`);
    const name = make("span", "visually-hidden", { textContent: author === "visitor" ? "You: " : "Shop: " });
    const words = make("bdi", "", { textContent: text });
    item.append(name, words);
    this.list.append(item);
    this.list.scrollTop = this.list.scrollHeight;
  }

  // A note that is shown and not kept.
  note(text) {
    this.list.append(make("p", "message note", { textContent: text }));
    this.list.scrollTop = this.list.scrollHeight;
  }

  // Draws what the store holds. Call it again when the store was emptied.
  fill() {
    this.messages = this.store.load();
    this.list.replaceChildren();
    this.draw({ author: "shop", text: "Hello, how can we help? Ask me who you are." });
    this.messages.forEach((message) => this.draw(message));
  }
}
