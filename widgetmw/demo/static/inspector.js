// Compares the page with and without widgetmw. The server renders both when the visitor opens the comparison.

const byId = (id) => document.getElementById(id);

function element(tag, text) {
  const created = document.createElement(tag);
  created.textContent = text;
  return created;
}

function summary(diff) {
  if (!diff.added) return "Nothing was added. The page was sent exactly as the shop wrote it, byte for byte.";
  if (!diff.one_span) return "The page was changed in more than one place.";
  const size = diff.added.length.toLocaleString();
  return `${size} bytes were inserted at byte ${diff.offset.toLocaleString()}. ` +
    `The shop's own ${diff.bytes.toLocaleString()} bytes are unchanged.`;
}

function showCode(diff, version) {
  const ellipsis = diff.offset > diff.before.length ? "…" : "";
  const parts = [ellipsis, diff.before];
  if (version === "after" && diff.added) parts.push(element("ins", diff.added));
  byId("inspector-code").replaceChildren(...parts, diff.after, "…");
}

function headerRows(changes) {
  if (!changes.length) return [];
  const list = document.createElement("dl");
  list.className = "claims";
  for (const { name, before, after } of changes) {
    const group = document.createElement("div");
    const text = before === null ? `${after} (added)` : `${before} → ${after ?? "removed"}`;
    group.append(element("dt", name), element("dd", text));
    list.append(group);
  }
  return [element("h3", "Changed response headers"), list];
}

async function compare() {
  const response = await fetch(`/inspect${details.dataset.page}`);
  if (!response.ok) throw new Error(`the server responded with status ${response.status}`);
  const diff = await response.json();
  byId("inspector-summary").textContent = summary(diff);
  byId("inspector-code").hidden = false;
  byId("inspector-switch").hidden = !diff.added;
  byId("inspector-headers").replaceChildren(...headerRows(diff.headers));
  showCode(diff, "after");
  byId("inspector-switch").onchange = (event) => showCode(diff, event.target.value);
}

const details = byId("inspector");

function onToggle() {
  if (!details.open) return;
  document.querySelector('#inspector-switch input[value="after"]').checked = true;
  compare().catch((error) => { byId("inspector-summary").textContent = `Comparison failed: ${error.message}`; });
}

if (details) {
  details.addEventListener("toggle", onToggle);
  // The visitor may have opened it before this script ran.
  onToggle();
}
