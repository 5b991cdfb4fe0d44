// What every stand-in does with a token: keep it, ask the backend about it, show and report the answer.
import * as backend from "../backend.js";
import { report } from "../reports.js";

export class Visitor {
  constructor(vendor, path = `/vendor/${vendor}/chat`) {
    this.vendor = vendor;
    this.path = path;
    this.token = "";
    this.who = null;
  }

  async take(token, how) {
    if (token === this.token) return;
    this.token = token;
    const verdict = await backend.verify(this.vendor, token);
    report({ provider: this.vendor, token, how, verdict });
    if (token !== this.token) return;
    this.who = verdict.verified ? verdict.who : null;
    if (verdict.verified) this.box?.identify("verified", `Verified: ${verdict.who}`);
    else this.box?.identify("refused", `Not accepted: ${verdict.error}`);
  }

  forget() {
    this.token = "";
    this.who = null;
    this.box?.identify("anonymous", "Anonymous");
  }

  async answer(text) {
    const { reply, verdict } = await backend.chat(this.path, this.token, text);
    if (verdict && !verdict.verified) this.box?.identify("refused", `Not accepted: ${verdict.error}`);
    return reply;
  }
}

export function readJson(storage, key, otherwise) {
  try {
    return JSON.parse(storage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}
