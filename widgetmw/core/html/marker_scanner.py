"""Finds the insertion offset in a page whose template marks it."""

from __future__ import annotations

import re
import secrets

from widgetmw.core.html.head_scanner import PENDING, HeadScanner
from widgetmw.core.html.meta_charset import names_origin
from widgetmw.core.reasons import SkipReason

_MAX_SEARCHED_BYTES = 1_048_576
_marker = re.compile(rb"<!--widgetmw [0-9a-f]{32}-->")
_base_tag = re.compile(rb"<base[\t\n\f\r /]([^>]*+)", re.IGNORECASE)


def new_marker() -> bytes:
    """Returns what the template of one page emits.

    Harmless wherever markup is allowed, in case the page is skipped after all. Nobody can guess it: the text of a user,
    in a script or an attribute ahead of it, would otherwise say where our script goes, and end the page's own.
    """
    return b"<!--widgetmw " + secrets.token_hex(16).encode() + b"-->"


def find_marker(html: bytes) -> bytes | None:
    """Returns the marker that a skipped page still holds, or ``None``."""
    match = _marker.search(html)
    return match[0] if match else None


class MarkerScanner:
    """Finds the marker of a template; without one, the start of the head, as ``HeadScanner`` does."""

    def __init__(self, charset_declared: bool, marker: bytes) -> None:
        self._marker = marker
        self._head_scanner = HeadScanner(charset_declared)
        self._tail = b""  # may be the start of a marker
        self._seen = 0
        self.reason: SkipReason | None = None

    def feed(self, data: bytes) -> int:
        """Takes the next chunk; returns the insertion offset, ``PENDING`` or ``NO_OFFSET``."""
        self._head_scanner.feed(data)
        data = self._tail + data
        index = data.find(self._marker)
        if index >= 0:
            return self._seen - len(self._tail) + index
        self._seen += len(data) - len(self._tail)
        self._tail = data[1 - len(self._marker) :]
        return self.finish() if self._seen >= _MAX_SEARCHED_BYTES else PENDING

    def finish(self) -> int:
        """Takes the end of the page; returns the insertion offset or ``NO_OFFSET``."""
        offset = self._head_scanner.finish()
        self.reason = self._head_scanner.reason
        return offset


def has_foreign_base(html: bytes) -> bool:
    """Whether a page has a ``<base>`` that may name an origin, so that paths after it may belong to another site.

    When unsure, it returns ``True``, as for a comment: the script then takes a form that is right in both cases.
    """
    return any(names_origin(tag) for tag in _base_tag.findall(html))
