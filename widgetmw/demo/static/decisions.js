// The page of decisions: the sample response, of which the visitor chooses the parts, and a page of the visitor's own.
import { element, fetchComparison, ResponseView } from "./response-view.js";
import { showSignedOut } from "./signed-out.js";

const MAX_ENTRIES = 50;
const byId = (id) => document.getElementById(id);

class Sample {
  constructor() {
    this.form = byId("choices");
    this.view = new ResponseView("sample");
    this.form.addEventListener("change", () => this.run());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("reset", () => setTimeout(() => this.run())); // the form is reset after the event
    this.run();
  }

  async run() {
    const query = new URLSearchParams(new FormData(this.form));
    const chosen = this.describe();
    const result = await this.view.load(() => fetchComparison(`/inspect/sample?${query}`));
    if (!result) return;
    byId("sample-link").href = `/sample?${query}`;
    byId("sample-link").hidden = !result.body; // a browser cannot show what cannot be decoded
    this.log(chosen, result.decision);
  }

  describe() {
    const selects = [...this.form.querySelectorAll("select")].filter((select) => select.selectedIndex > 0);
    return selects.map((select) => `${select.labels[0].textContent}: ${select.selectedOptions[0].textContent}`);
  }

  log(chosen, { outcome, reason }) {
    const chip = element("span", reason ?? outcome);
    chip.className = "chip";
    chip.dataset.state = outcome;
    const what = element("span", ...(chosen.length ? chosen : ["the defaults"]).map((text) => element("span", text)));
    what.className = "entry-what";
    const entry = element("li", chip, what);
    entry.className = "entry fresh";
    byId("log").prepend(entry);
    while (byId("log").children.length > MAX_ENTRIES) byId("log").lastElementChild.remove();
  }
}

class Paste {
  constructor() {
    this.form = byId("paste");
    this.view = new ResponseView("paste");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    this.run();
    // Disabled until now: without a listener the browser would send the pasted page as a query.
    this.form.querySelector("[type=submit]").disabled = false;
  }

  async run() {
    byId("paste-error").textContent = "";
    await this.view.load(() => this.compare().catch((error) => {
      byId("paste-error").textContent = error.message;
      throw new Error("No decision");
    }));
  }

  async compare() {
    const { headers, page } = this.form.elements;
    const max = Number(this.form.dataset.maxPage);
    if (page.value.length > max) { // the server would say the same, but might hang up on a body that is far too long
      throw new Error(`The page has more than ${max.toLocaleString("en")} characters. Its start is enough: paste that.`);
    }
    const body = new URLSearchParams({ headers: headers.value, page: page.value });
    return fetchComparison("/inspect/pasted", { method: "POST", body });
  }
}

const sample = new Sample();
new Paste();
window.addEventListener("widgetmw:signedout", () => {
  document.querySelector(".page-head").append(showSignedOut());
  sample.run();
});
