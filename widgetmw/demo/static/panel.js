// The live view of a vendor's page: the token, its clock, its claims, and what became of it.
import { verify } from "./backend.js";
import { Clock, seconds } from "./clock.js";
import { Deliveries } from "./deliveries.js";
import { leave } from "./leave.js";
import { follow, renew } from "./live.js";
import { onReport } from "./reports.js";
import "./source.js";
import { altered, claims, fingerprint, header } from "./token.js";

const TIMES = new Set(["iat", "exp", "nbf"]);
const SAME = "The same token came back: the server keeps one until shortly before its expiry.";
const byId = (id) => document.getElementById(id);

function shown(name, value) {
  if (TIMES.has(name) && typeof value === "number") return new Date(value * 1000).toLocaleTimeString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

function rows(object) {
  return Object.entries(object).flatMap(([name, value]) => {
    const nested = value && typeof value === "object" ? Object.entries(value) : null;
    if (nested?.length) return nested.map(([inner, text]) => row(`${name}.${inner}`, inner, text));
    return [row(name, name, value)];
  });
}

function row(label, name, value) {
  const group = document.createElement("div");
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  const text = document.createElement("bdi");
  term.textContent = label;
  text.textContent = shown(name, value);
  description.append(text);
  group.append(term, description);
  return group;
}

class Panel {
  constructor(root) {
    this.root = root;
    this.provider = root.dataset.provider;
    this.deliveries = new Deliveries(byId("entries"), byId("announcer"));
    this.clock = new Clock(root.querySelector(".clock"), {
      seconds: Number(root.dataset.ttl),
      onExpired: () => this.expired(),
    });
    this.clock.write = (renewal, expiry) => this.writeTimes(renewal, expiry);
    onReport((entry) => this.delivered(entry));
    follow(this.provider, { onToken: (token) => this.show(token), onEnd: () => this.end() });
    root.addEventListener("click", (event) => this.act(event.target.closest("[data-action]")?.dataset.action));
    if (!this.current) this.verdict("refused", "No token came with this page");
  }

  show(current) {
    this.current = current;
    this.first ??= current.token;
    this.clock.start(current);
    byId("renewal-note").textContent = "";
    const { alg, kid } = header(current.token);
    const facts = { signed: kid ? `${alg}, key ${kid}` : alg, ...claims(current.token) };
    byId("claims").replaceChildren(...rows(facts));
    byId("token").textContent = current.token;
    byId("fingerprint").textContent = fingerprint(current.token);
  }

  delivered(entry) {
    this.deliveries.add(entry);
    this.judge(entry.verdict);
  }

  async expired() {
    const asked = this.current.token;
    const verdict = await verify(this.provider, asked);
    if (asked !== this.current?.token) return;
    this.judge(verdict);
    // Not in the result line: that one belongs to the buttons, and renewals must not clear it.
    byId("renewal-note").textContent = "Tokens are not renewed in a tab that is hidden or idle. Use the tab to renew.";
  }

  judge(verdict) {
    if (verdict.verified) this.verdict("verified", `Verified: ${verdict.who}`);
    else this.verdict("refused", `Refused: ${verdict.error}`);
  }

  verdict(state, text) {
    const chip = byId("verdict");
    chip.dataset.state = state;
    if (chip.textContent !== text) chip.textContent = text;
  }

  writeTimes(renewal, expiry) {
    const due = expiry > 0 ? "now" : "when used";
    byId("renewal").textContent = renewal === null ? "never" : renewal > 0 ? seconds(renewal) : due;
    byId("expiry").textContent = expiry === null ? "ended" : expiry > 0 ? seconds(expiry) : "expired";
  }

  end() {
    this.current = undefined;
    this.clock.stop();
    this.verdict("anonymous", "Signed out: the token is gone");
    this.deliveries.end();
    this.root.classList.add("ended");
    this.say("anonymous", "This tab has followed: the token is dropped, and the conversation with it.");
    byId("result").after(leave());
  }

  async act(action) {
    if (action === "renew") await this.renewNow();
    if (action === "alter") await this.test("The altered copy", altered(this.current.token));
    if (action === "first") await this.test(`The first token, ${fingerprint(this.first)},`, this.first);
  }

  async renewNow() {
    const before = this.current.token;
    try {
      const fresh = await renew(this.provider);
      const same = fresh?.token === before;
      this.say("verified", same ? SAME : "A fresh token has come.");
    } catch (error) {
      this.say("refused", `No fresh token: ${error.message}`);
    }
  }

  async test(what, token) {
    const verdict = await verify(this.provider, token);
    if (verdict.verified) this.say("verified", `${what} is still accepted.`);
    else this.say("refused", `${what} is refused: ${verdict.error}`);
  }

  say(state, text) {
    byId("result").dataset.state = state;
    byId("result").textContent = text;
  }
}

const root = byId("panel");
if (root) new Panel(root);
