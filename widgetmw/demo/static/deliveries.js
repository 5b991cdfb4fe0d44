// The list of tokens that reached the widget: newest first, and one sentence aloud for each renewal.
import { fingerprint } from "./token.js";

const MOST = 50;

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export class Deliveries {
  constructor(list, announcer) {
    this.list = list;
    this.announcer = announcer;
    this.last = null;
  }

  add({ time, token, how, verdict }) {
    const clock = new Date(time).toLocaleTimeString();
    const entry = element("li", "entry", "");
    entry.append(
      element("span", "entry-time", clock),
      this.change(token),
      element("code", "entry-how", how),
      this.chip(verdict),
    );
    this.put(entry);
    if (this.last) this.announcer.textContent = `Renewed at ${clock}. ${this.outcome(verdict)}.`;
    this.last = token;
  }

  end() {
    const entry = element("li", "entry", "");
    const text = element("span", "entry-change", "Signed out: token dropped, conversation ended");
    entry.append(element("span", "entry-time", new Date().toLocaleTimeString()), text);
    this.put(entry);
    this.announcer.textContent = "Signed out. The token is gone and the conversation has ended.";
  }

  put(entry) {
    if (this.list.children.length) entry.classList.add("fresh");
    this.list.prepend(entry);
    if (this.list.children.length > MOST) this.list.lastElementChild.remove();
  }

  change(token) {
    const line = element("span", "entry-change", "");
    line.append(
      element("code", "old", this.last ? fingerprint(this.last) : "none"),
      element("span", "visually-hidden", " replaced by "),
      element("span", "arrow", " → "),
      element("code", "new", fingerprint(token)),
    );
    line.querySelector(".arrow").setAttribute("aria-hidden", "true");
    return line;
  }

  chip(verdict) {
    const chip = element("span", "chip", this.outcome(verdict));
    chip.dataset.state = verdict.verified ? "verified" : "refused";
    return chip;
  }

  outcome(verdict) {
    return verdict.verified ? "Verified" : verdict.error;
  }
}
