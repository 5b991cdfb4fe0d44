// What every stand-in does with a token: keep it, have the backend verify it, show and report the verdict.
import * as backend from "../backend.js";
import { reportDelivery } from "../deliveries.js";

export class Visitor {
  constructor(vendor, path = `/vendor/${vendor}/chat`) {
    this.vendor = vendor;
    this.path = path;
    this.token = "";
    this.fields = {};
  }

  // fields: what was signed, if the token does not say it by itself, and the name. Returns a promise of the verdict, if
  // the token is another one.
  async setToken(token, how, fields = {}) {
    if (token === this.token) return;
    this.token = token;
    this.fields = fields;
    const verdict = await backend.verify(this.vendor, token, fields);
    reportDelivery({ provider: this.vendor, token, how, verdict });
    if (token !== this.token) return verdict;
    if (verdict.verified) this.box?.setIdentity("verified", `Verified: ${verdict.user}`, verdict.user);
    else this.box?.setIdentity("rejected", `Rejected: ${verdict.error}`);
    return verdict;
  }

  clearToken() {
    this.token = "";
    this.fields = {};
    this.box?.setIdentity("anonymous", "Anonymous");
  }

  async getReply(text) {
    const { reply, verdict } = await backend.chat(this.path, this.token, text, this.fields);
    if (verdict && !verdict.verified) this.box?.setIdentity("rejected", `Rejected: ${verdict.error}`);
    return reply;
  }
}

export function readJson(storage, key, fallback) {
  try {
    return JSON.parse(storage.getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}
