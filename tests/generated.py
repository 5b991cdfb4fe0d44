"""The generated parts of the documentation. ``make docs`` writes them; a test compares them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.fields import VENDORS
from tests.fields import table as fields_table
from tests.lowest import table as versions_table
from tests.servers.table import table
from widgetmw.core.env.variable import table as variables_table
from widgetmw.core.metrics import CACHED_USERS, COUNTERS, OBSERVABLE
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.reasons import Reason, SkipReason
from widgetmw.core.settings import variables

ROOT = Path(__file__).parent.parent
METRICS = (*OBSERVABLE, CACHED_USERS)


def reasons_table(reasons: type[Reason]) -> str:
    """Returns the reasons as a Markdown table, sorted by code."""
    rows = [f"| `{each.code}` | {each.text} | {each.remedy} |" for each in sorted(reasons, key=lambda each: each.code)]
    return "\n".join(["| reason | meaning | what to do |", "|---|---|---|", *rows]) + "\n"


def metrics_table() -> str:
    """Returns the metrics as a Markdown table."""
    rows = ["| Prometheus | OpenTelemetry, and `event.name` | label | meaning |", "|---|---|---|---|"]
    for metric in METRICS:
        name = metric.prometheus_name + ("_total" if metric in COUNTERS else "")
        label = f"`{metric.label}`" if metric.label else "none"
        rows.append(f"| `{name}` | `{metric.opentelemetry_name}` | {label} | {metric.help} |")
    return "\n".join(rows) + "\n"


def embed_links() -> str:
    """Returns a link to what a page embeds for each vendor, as the pages of the frameworks need it."""
    titles = {name: _first_line(f"docs/vendors/{name}.md").removeprefix("# ") for name in VENDORS}
    links = [f"[{title}](../vendors/{name}.md#what-your-page-embeds)" for name, title in titles.items()]
    return ",\n".join(links) + ".\n"


def _first_line(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8").partition("\n")[0]


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "docs/settings.md": ("settings", lambda: variables_table(variables()).replace("](docs/", "](")),
    "docs/user.md": ("fields", fields_table),
    "docs/reasons.md": ("reasons", partial(reasons_table, SkipReason)),
    "docs/metrics.md": ("metrics", metrics_table),
    "docs/proxies.md": ("reasons", partial(reasons_table, ProxyReason)),
    "docs/servers.md": ("servers", table),
    "docs/versions.md": ("versions", versions_table),
    **{f"docs/frameworks/{page.name}": ("embeds", embed_links) for page in ROOT.glob("docs/frameworks/*.md")},
}


def rendered(name: str) -> tuple[str, str]:
    """Returns the text of a document now, and as it should be."""
    marker, generate = PARTS[name]
    text = (ROOT / name).read_text(encoding="utf-8")
    start, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
    assert start in text, f"{name} lacks a marker"
    assert end in text, f"{name} lacks a marker"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    return text, pattern.sub(lambda _: f"{start}{generate()}{end}", text)


if __name__ == "__main__":
    for each in PARTS:
        (ROOT / each).write_text(rendered(each)[1], encoding="utf-8")
