// The live view on a vendor's page: the token, its lifetime, its claims and its history.
import { verify } from "./backend.js";
import { onDelivery } from "./deliveries.js";
import { TokenHistory } from "./history.js";
import "./inspector.js";
import { showSignedOut } from "./signed-out.js";
import { seconds, TokenClock } from "./token-clock.js";
import { altered, details, fingerprint, visitorOf } from "./token.js";
import { watchToken } from "./watch-token.js";

const TIMES = new Set(["iat", "exp", "nbf"]);
const byId = (id) => document.getElementById(id);

function display(name, value) {
  if (TIMES.has(name) && typeof value === "number") return new Date(value * 1000).toLocaleTimeString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

function row(label, name, value) {
  const group = document.createElement("div");
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  const text = document.createElement("bdi");
  term.textContent = label;
  text.textContent = display(name, value);
  description.append(text);
  group.append(term, description);
  return group;
}

function rows(object) {
  return Object.entries(object).flatMap(([name, value]) => {
    const nested = value && typeof value === "object" ? Object.entries(value) : null;
    if (nested?.length) return nested.map(([inner, text]) => row(`${name}.${inner}`, inner, text));
    return [row(name, name, value)];
  });
}

class Panel {
  constructor(root) {
    this.root = root;
    this.provider = root.dataset.provider;
    this.history = new TokenHistory(byId("entries"), byId("announcer"));
    this.clock = new TokenClock(root.querySelector(".clock"), {
      seconds: Number(root.dataset.ttl),
      onTick: (untilRenewal, untilExpiry) => this.showTimes(untilRenewal, untilExpiry),
      onExpired: () => this.expire(),
    });
    onDelivery((delivery) => {
      this.history.add(delivery);
      this.showVerdict(delivery.verdict);
    });
    watchToken(this.provider, { onToken: (current) => this.showToken(current), onSignOut: () => this.signOut() });
    root.addEventListener("click", (event) => this.act(event.target.closest("[data-action]")?.dataset.action));
    if (!this.current) this.showStatus("rejected", "This page came without a token");
  }

  showToken(current) {
    this.current = current;
    this.first ??= current.token;
    this.clock.start(current);
    byId("renewal-note").textContent = "";
    byId("claims").replaceChildren(...rows(details(current)));
    byId("token").textContent = current.token;
    byId("fingerprint").textContent = fingerprint(current.token);
  }

  async expire() {
    const { token } = this.current;
    const verdict = await verify(this.provider, token, visitorOf(this.current));
    if (token !== this.current?.token) return;
    this.showVerdict(verdict);
    // Not in the result line: that one belongs to the buttons, and a renewal must not clear it.
    byId("renewal-note").textContent = "Tokens are not renewed in a hidden or idle tab. Use this tab to renew.";
  }

  showVerdict(verdict) {
    if (verdict.verified) this.showStatus("verified", `Verified: ${verdict.user}`);
    else this.showStatus("rejected", `Rejected: ${verdict.error}`);
  }

  showStatus(state, text) {
    const chip = byId("verdict");
    chip.dataset.state = state;
    if (chip.textContent !== text) chip.textContent = text;
  }

  showTimes(untilRenewal, untilExpiry) {
    const overdue = untilExpiry > 0 ? "now" : "on use";
    byId("renewal").textContent = untilRenewal === null ? "never" : untilRenewal > 0 ? seconds(untilRenewal) : overdue;
    byId("expiry").textContent = untilExpiry === null ? "dropped" : untilExpiry > 0 ? seconds(untilExpiry) : "expired";
  }

  signOut() {
    this.current = undefined;
    this.clock.stop();
    this.showStatus("anonymous", "Signed out: token dropped");
    this.history.addSignOut();
    this.root.classList.add("signed-out");
    this.showResult("anonymous", "This tab has dropped its token and ended the conversation.");
    byId("result").after(showSignedOut());
  }

  async act(action) {
    if (action === "refresh") await this.refresh();
    if (action === "verify-altered") await this.check("The altered token", altered(this.current.token));
    if (action === "verify-first") await this.check(`The first token (${fingerprint(this.first)})`, this.first);
  }

  async refresh() {
    const before = this.current.token;
    try {
      const fresh = await window.widgetmw.refresh(this.provider);
      const reuse = fresh.expiresAt ? "the server reuses a token until shortly before it expires" : "it does not expire";
      const same = `Same token: ${reuse}.`;
      this.showResult("verified", fresh.token === before ? same : "Received a new token.");
    } catch (error) {
      this.showResult("rejected", `Refresh failed: ${error.message}`);
    }
  }

  async check(what, token) {
    const verdict = await verify(this.provider, token, visitorOf(this.current));
    if (verdict.verified) this.showResult("verified", `${what} is still accepted.`);
    else this.showResult("rejected", `${what} was rejected: ${verdict.error}`);
  }

  showResult(state, text) {
    byId("result").dataset.state = state;
    byId("result").textContent = text;
  }
}

const root = byId("panel");
if (root) new Panel(root);
