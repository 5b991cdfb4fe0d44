// The front page: all tokens in one place, each verified by its vendor's stand-in backend.
import { verify } from "./backend.js";
import "./inspector.js";
import { showSignedOut } from "./signed-out.js";
import { visitorOf } from "./token.js";
import { seconds, TokenClock } from "./token-clock.js";
import { watchToken } from "./watch-token.js";

class Card {
  constructor(root) {
    this.root = root;
    this.provider = root.dataset.card;
    this.clock = new TokenClock(root, {
      seconds: Number(root.dataset.ttl),
      onTick: (untilRenewal, untilExpiry) => this.showTimes(untilRenewal, untilExpiry),
      onExpired: () => this.verify(),
    });
    watchToken(this.provider, { onToken: (current) => this.showToken(current), onSignOut: () => this.signOut() });
    if (!this.current) this.showStatus("rejected", "This page came without a token");
  }

  showToken(current) {
    this.current = current;
    this.clock.start(current);
    this.verify();
  }

  async verify() {
    const { token } = this.current;
    const verdict = await verify(this.provider, token, visitorOf(this.current));
    if (token !== this.current?.token) return;
    if (verdict.verified) this.showStatus("verified", "Verified");
    else this.showStatus("rejected", verdict.error);
  }

  showStatus(state, text) {
    const chip = this.root.querySelector("[data-verdict]");
    chip.dataset.state = state;
    chip.textContent = text;
  }

  showTimes(untilRenewal, untilExpiry) {
    const times = this.root.querySelector("[data-times]");
    if (untilExpiry === null) times.textContent = "Token dropped";
    else if (untilExpiry === Infinity) times.textContent = "Does not expire";
    else if (untilExpiry <= 0) times.textContent = "Expired. Use this tab to renew.";
    else if (untilRenewal <= 0) times.textContent = "Renewing…";
    else times.textContent = `Renews in ${seconds(untilRenewal)}`;
  }

  signOut() {
    this.current = undefined;
    this.clock.stop();
    this.showStatus("anonymous", "Signed out");
  }
}

const cards = document.querySelectorAll("[data-card]");
cards.forEach((root) => new Card(root));
if (cards.length) {
  window.addEventListener("widgetmw:signedout", () => document.querySelector(".page-head").append(showSignedOut()));
}
