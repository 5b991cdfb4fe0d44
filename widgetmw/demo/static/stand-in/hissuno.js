// Stand-in for Hissuno's React component, without React. render(props) may be called any number of times.
import { ChatBox } from "./chatbox.js";
import { readJson, Visitor } from "./visitor.js";

class Widget {
  constructor(mount) {
    this.mount = mount;
  }

  // props: projectId, apiUrl, widgetToken, userId, userMetadata
  render(props) {
    if (!this.box || props.userId !== this.props.userId) this.start(props);
    this.props = props;
    if (!props.widgetToken) return;
    this.visitor.setToken(props.widgetToken, this.visitor.token ? "re-rendered with a new widgetToken" : "widgetToken prop");
  }

  start(props) {
    this.props = props;
    this.visitor = new Visitor("hissuno", new URL(props.apiUrl, location.href).pathname);
    this.session = this.loadSession();
    this.box = new ChatBox(this.mount, {
      title: "Hissuno stand-in",
      getReply: (text) => this.visitor.getReply(text),
      store: { load: () => readJson(localStorage, this.chatKey(), []), save: (messages) => this.save(messages) },
    });
    this.visitor.box = this.box;
    this.box.show(true);
  }

  loadSession() {
    const sessions = readJson(localStorage, this.sessionsKey(), []);
    return sessions.at(-1) ?? `s${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
  }

  save(messages) {
    localStorage.setItem(this.sessionsKey(), JSON.stringify([this.session]));
    localStorage.setItem(this.chatKey(), JSON.stringify(messages));
  }

  sessionsKey() {
    return `hissuno_sessions_${this.props.projectId}_${this.props.userId ?? "anonymous"}`;
  }

  chatKey() {
    return `hissuno_chat_${this.props.projectId}_${this.session}`;
  }

  unmount() {
    this.mount.replaceChildren();
    this.box = null;
  }
}

// The shop's own props, for anonymous visitors.
const ANONYMOUS = { projectId: "demo-project", apiUrl: "/vendor/hissuno/chat" };

const widget = new Widget(document.getElementById("widget"));
const render = () => {
  const props = window.HISSUNO_WIDGET_CONFIG;
  widget.render(props?.widgetToken ? props : ANONYMOUS);
};

render();
window.widgetmw?.subscribe("hissuno", render);
window.addEventListener("widgetmw:signedout", () => {
  widget.unmount();
  widget.render(ANONYMOUS);
  widget.box.showNote("You signed out. The conversation has ended.");
});
