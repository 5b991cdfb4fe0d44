// The page before and after, as the server sees both; asked for when the reader opens it.

const byId = (id) => document.getElementById(id);

function mark(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function facts(found) {
  if (!found.added) return "Nothing. The page went out byte for byte as the shop wrote it.";
  const size = found.added.length.toLocaleString();
  return `One span of ${size} bytes at byte ${found.offset.toLocaleString()}. ` +
    `The other ${found.bytes.toLocaleString()} bytes are as the shop wrote them.`;
}

function draw(found, which) {
  const more = found.offset > found.before.length ? "…" : "";
  const parts = [more, found.before];
  if (which === "after" && found.added) parts.push(mark("ins", found.added));
  byId("source-code").replaceChildren(...parts, found.after, "…");
}

function headers(changes) {
  if (!changes.length) return [];
  const list = document.createElement("dl");
  list.className = "claims";
  for (const { name, before, after } of changes) {
    const group = document.createElement("div");
    const text = before === null ? after : `${before} → ${after ?? "removed"}`;
    group.append(mark("dt", name), mark("dd", text));
    list.append(group);
  }
  return [mark("h3", "Headers that changed"), list];
}

async function compare(details) {
  const answer = await fetch(`/inspect${details.dataset.page}`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const found = await answer.json();
  byId("source-facts").textContent = facts(found);
  byId("source-code").hidden = false;
  byId("source-switch").hidden = !found.added;
  byId("source-headers").replaceChildren(...headers(found.headers));
  draw(found, "after");
  byId("source-switch").onchange = (event) => draw(found, event.target.value);
}

const details = byId("source");

function show() {
  if (!details.open) return;
  document.querySelector('#source-switch input[value="after"]').checked = true;
  compare(details).catch((error) => { byId("source-facts").textContent = `Not available: ${error.message}`; });
}

if (details) {
  details.addEventListener("toggle", show);
  // It may have been opened before this script was there.
  show();
}
