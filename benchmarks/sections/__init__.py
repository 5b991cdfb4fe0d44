"""The sections of the benchmark: each is a module with ``measure(effort)`` that runs in its own process."""

from __future__ import annotations

from typing import Final

ORDER: Final = (
    "asgi",
    "wsgi",
    "apps",
    "body",
    "peers",
    "agent",
    "more_work",
    "stream",
    "endpoint",
    "token",
    "users",
    "threads",
    "imports",
    "sizes",
    "servers",
    "growth",
    "pieces",
)
ONLY_FULL: Final = frozenset({"apps", "peers", "agent", "more_work", "growth", "pieces"})
"""Sections that a quick run omits."""
COUNTED: Final = frozenset({"sizes"})
"""Sections that count and time nothing. They find the same on every machine, so a run of them alone is stored too."""
