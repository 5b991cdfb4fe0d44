"""The parts of the benchmark: each a module with ``measure(effort)``, run in a process of its own."""

from __future__ import annotations

from typing import Final

ORDER: Final = (
    "asgi",
    "wsgi",
    "apps",
    "body",
    "peers",
    "agent",
    "closer",
    "stream",
    "endpoint",
    "token",
    "users",
    "threads",
    "imports",
    "servers",
    "growth",
    "pieces",
)
ONLY_FULL: Final = frozenset({"apps", "peers", "agent", "closer", "growth", "pieces"})
"""Those that a quick look leaves out."""
