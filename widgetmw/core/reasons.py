"""Every reason why a page is left alone, in one place for the documentation."""

from __future__ import annotations

from typing import Final

from widgetmw.core import engine as widget
from widgetmw.core.html import head_scanner as scanner
from widgetmw.core.http import csp as policy
from widgetmw.core.http import page as response

REASONS: Final[dict[str, tuple[str, str]]] = {
    **widget.REASONS,
    **response.REASONS,
    **scanner.REASONS,
    **policy.REASONS,
}
"""Code: what it means, and what to do about it."""


def table() -> str:
    """Renders the reasons as a Markdown table, sorted by code."""
    rows = [f"| `{code}` | {meaning} | {mend} |" for code, (meaning, mend) in sorted(REASONS.items())]
    return "\n".join(["| reason | what it means | what to do |", "|---|---|---|", *rows]) + "\n"
