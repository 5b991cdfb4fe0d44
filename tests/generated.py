"""The parts of the documentation that are generated; ``make docs`` writes them, a test compares them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.servers.table import table
from widgetmw.cli.env import settings_table
from widgetmw.core import reasons
from widgetmw.core.proxy import base as proxy

ROOT = Path(__file__).parent.parent
PARTS = {
    "README.md": ("settings", settings_table),
    "docs/reasons.md": ("reasons", reasons.table),
    "docs/proxies.md": ("reasons", proxy.table),
    "docs/servers.md": ("servers", table),
}


def rendered(name: str) -> tuple[str, str]:
    """Returns a document as it is, and as it should be."""
    mark, make = PARTS[name]
    text = (ROOT / name).read_text(encoding="utf-8")
    start, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    assert start in text, f"{name} lost its mark"
    assert end in text, f"{name} lost its mark"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    return text, pattern.sub(lambda _: f"{start}{make()}{end}", text)


if __name__ == "__main__":
    for each in PARTS:
        (ROOT / each).write_text(rendered(each)[1], encoding="utf-8")
