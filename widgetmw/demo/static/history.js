// The list of tokens that reached the widget, newest first. Screen readers hear one sentence per renewal.
import { fingerprint } from "./token.js";

const MAX_ENTRIES = 50;

function element(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

const outcome = (verdict) => (verdict.verified ? "Verified" : verdict.error);

export class TokenHistory {
  constructor(list, announcer) {
    this.list = list;
    this.announcer = announcer;
    this.lastToken = null;
  }

  add({ time, token, how, verdict }) {
    const clock = new Date(time).toLocaleTimeString();
    const chip = element("span", "chip", outcome(verdict));
    chip.dataset.state = verdict.verified ? "verified" : "rejected";
    const entry = element("li", "entry", "");
    entry.append(element("span", "entry-time", clock), this.change(token), element("code", "entry-how", how), chip);
    this.prepend(entry);
    if (this.lastToken) this.announcer.textContent = `Renewed at ${clock}. ${outcome(verdict)}.`;
    this.lastToken = token;
  }

  addSignOut() {
    const entry = element("li", "entry", "");
    const text = element("span", "entry-change", "Signed out: token dropped, conversation ended");
    entry.append(element("span", "entry-time", new Date().toLocaleTimeString()), text);
    this.prepend(entry);
    this.announcer.textContent = "Signed out. The token was dropped and the conversation has ended.";
  }

  prepend(entry) {
    if (this.list.children.length) entry.classList.add("fresh");
    this.list.prepend(entry);
    if (this.list.children.length > MAX_ENTRIES) this.list.lastElementChild.remove();
  }

  change(token) {
    const line = element("span", "entry-change", "");
    const arrow = element("span", "arrow", " → ");
    arrow.setAttribute("aria-hidden", "true");
    line.append(
      element("code", "old", this.lastToken ? fingerprint(this.lastToken) : "none"),
      element("span", "visually-hidden", " replaced by "),
      arrow,
      element("code", "new", fingerprint(token)),
    );
    return line;
  }
}
