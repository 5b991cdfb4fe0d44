"""The request headers that a page depends on, for ASGI and WSGI alike."""

from __future__ import annotations

from typing import Final

PAGE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})

CONDITIONAL_HEADERS: Final = frozenset({"if-none-match", "if-modified-since", "if-range", "range"})
"""On a page request of a user, these could bring back a page of another identity."""

PURPOSE_HEADERS: Final = frozenset({"sec-purpose", "purpose", "x-moz"})
"""These say that a page is loaded ahead of a click."""

FRAME_DESTINATIONS: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
"""Values of ``Sec-Fetch-Dest`` for a page that is shown inside another one."""


def environ_name(header: str) -> str:
    """Returns the key of a request header in a WSGI environ."""
    return f"HTTP_{header.upper().replace('-', '_')}"
