// The front page: the four tokens at a glance, each checked by its vendor's stand-in backend.
import { verify } from "./backend.js";
import { Clock, seconds } from "./clock.js";
import { leave } from "./leave.js";
import { follow } from "./live.js";
import "./source.js";

class Card {
  constructor(root) {
    this.root = root;
    this.provider = root.dataset.card;
    this.times = root.querySelector("[data-times]");
    this.clock = new Clock(root, { seconds: Number(root.dataset.ttl), onExpired: () => this.judge() });
    this.clock.write = (renewal, expiry) => this.write(renewal, expiry);
    follow(this.provider, { onToken: (token) => this.show(token), onEnd: () => this.end() });
    if (!this.current) this.verdict("refused", "No token came with this page");
  }

  show(current) {
    this.current = current;
    this.clock.start(current);
    this.judge();
  }

  async judge() {
    const asked = this.current.token;
    const verdict = await verify(this.provider, asked);
    if (asked !== this.current?.token) return;
    if (verdict.verified) this.verdict("verified", "Verified");
    else this.verdict("refused", verdict.error);
  }

  verdict(state, text) {
    const chip = this.root.querySelector("[data-verdict]");
    chip.dataset.state = state;
    chip.textContent = text;
  }

  write(renewal, expiry) {
    if (expiry === null) this.times.textContent = "Ended";
    else if (expiry <= 0) this.times.textContent = "Expired; renewed as soon as this tab is used";
    else if (renewal <= 0) this.times.textContent = "Renewing";
    else this.times.textContent = `Renewed in ${seconds(renewal)}`;
  }

  end() {
    this.current = undefined;
    this.clock.stop();
    this.verdict("anonymous", "Signed out");
  }
}

document.querySelectorAll("[data-card]").forEach((root) => new Card(root));
if (document.querySelector("[data-card]")) {
  window.addEventListener("widgetmw:signedout", () => document.querySelector(".page-head").append(leave()));
}
