// Shows what the middleware did to one response: its decision and the reason, the headers, and the body.
// Everything is set as text: a body may be a page that the visitor has pasted.

const TEXTS = { injected: "The page carries the script", skipped: "Sent unmodified" };

export function element(tag, ...children) {
  const created = document.createElement(tag);
  created.append(...children);
  return created;
}

// Turns spans in `backticks` into code elements.
function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", part) : part));
}

const number = (value) => value.toLocaleString("en");
const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
const change = (before, after) => (before === after ? after : `${before} → ${after}`);

function explanation({ reason, text, remedy }, prefix) {
  const meaning = element("p", prefix, element("code", reason), ": ", ...withCode(text));
  return [meaning, element("p", element("strong", "What to do: "), ...withCode(remedy))];
}

function why({ decision, notes }) {
  return [
    ...(decision.reason ? explanation(decision, "") : []),
    ...notes.flatMap((note) => explanation(note, "But ")),
  ];
}

function summary(body) {
  if (!body) return "The compressed body cannot be decoded. It was passed on as the app sent it.";
  if (!body.one_span) return "The page was changed in more than one place.";
  if (!body.added) return "Nothing was added: every byte is as the app sent it.";
  return `${count(body.added.length, "byte")} were inserted at byte ${number(body.offset)}. ` +
    `The ${count(body.bytes, "byte")} of the app are unchanged.`;
}

function facts({ status, sent, chunks }) {
  const rows = [
    ["Status", status],
    ["Bytes sent", change(number(sent.before), number(sent.after))],
    ["Chunks", change(number(chunks.before), number(chunks.after))],
  ];
  return rows.map(([name, value]) => element("div", element("dt", name), element("dd", value)));
}

function headerRow({ name, before, after }) {
  const value = element("dd");
  if (before === after) value.append(after);
  else if (before === null) value.append(element("ins", after), " added");
  else if (after === null) value.append(element("del", before), " removed");
  else value.append(element("del", before), " → ", element("ins", after));
  const row = element("div", element("dt", name), value);
  row.classList.toggle("same", before === after);
  return row;
}

function code(body, version) {
  if (!body) return [];
  const added = version === "after" && body.added ? [element("ins", body.added)] : [];
  return [body.cut.before ? "…" : "", body.before, ...added, body.after, body.cut.after ? "…" : ""];
}

export class ResponseView {
  constructor(id) {
    this.part = (name) => document.getElementById(`${id}-${name}`);
    this.part("switch").addEventListener("change", (event) => this.showBody(event.target.value));
    this.latest = 0;
  }

  // load() resolves to the comparison; it may be called again before it has. Resolves to the comparison if it is shown.
  async load(load) {
    const turn = (this.latest += 1);
    this.part("view").setAttribute("aria-busy", "true");
    try {
      const result = await load();
      if (turn !== this.latest) return undefined;
      this.show(result);
      return result;
    } catch (error) {
      if (turn === this.latest) this.fail(error.message);
      return undefined;
    }
  }

  show(result) {
    const { outcome } = result.decision;
    this.part("view").classList.remove("failed");
    this.setDecision(outcome, TEXTS[outcome] ?? outcome);
    this.part("why").replaceChildren(...why(result));
    this.part("summary").textContent = summary(result.body);
    this.part("facts").replaceChildren(...facts(result));
    this.part("headers").replaceChildren(...result.headers.map(headerRow));
    this.part("switch").hidden = !result.body?.added;
    this.part("switch").querySelector('[value="after"]').checked = true;
    this.body = result.body;
    this.showBody("after");
  }

  showBody(version) {
    this.part("code").replaceChildren(...code(this.body, version));
    this.part("code").hidden = !this.body;
  }

  fail(message) {
    this.setDecision("rejected", message);
    this.part("why").replaceChildren();
    this.part("summary").textContent = "";
    this.part("view").classList.add("failed");
  }

  setDecision(state, text) {
    this.part("view").removeAttribute("aria-busy");
    this.part("decision").dataset.state = state;
    this.part("decision").textContent = text;
  }
}

// Fetches a comparison. Rejects with a message for the visitor.
export async function fetchComparison(path, options) {
  const response = await fetch(path, options).catch(() => { throw new Error("The demo server is not responding"); });
  if (response.ok) return response.json();
  const isJson = response.headers.get("Content-Type") === "application/json";
  throw new Error(isJson ? (await response.json()).error : `The server responded with status ${response.status}`);
}
