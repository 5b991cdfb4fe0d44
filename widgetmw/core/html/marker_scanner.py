"""A page whose template says where our span goes."""

from __future__ import annotations

from typing import Final

from widgetmw.core.html.head_scanner import PENDING, REFUSED, HeadScanner
from widgetmw.core.reasons import SkipReason

# inert wherever markup may stand, should the page be left alone after all
PLACE: Final = b"<!--widgetmw-->"
_FARTHEST = 1_048_576


class PlacedScanner:
    """Finds the place that a template marks; else that at the start of head, as ``HeadScanner`` does.

    Attributes:
        reason: as of ``HeadScanner``.
    """

    def __init__(self, charset: bool) -> None:
        self._head = HeadScanner(charset)
        self._answer = PENDING
        self._tail = b""
        self._seen = 0
        self.reason: SkipReason | None = None

    def feed(self, data: bytes) -> int:
        """Takes a piece; returns the offset of the place, ``PENDING`` or ``REFUSED``."""
        if self._answer == PENDING:
            self._answer = self._head.feed(data)
        data = self._tail + data
        at = data.find(PLACE)
        if at >= 0:
            return self._seen - len(self._tail) + at
        self._seen += len(data) - len(self._tail)
        self._tail = data[1 - len(PLACE) :]
        return self.finish() if self._seen >= _FARTHEST else PENDING

    def finish(self) -> int:
        """Says that no more is to come."""
        if self._answer == PENDING:
            self._answer = self._head.finish()
        if self._answer == REFUSED:
            self.reason = self._head.reason
        return self._answer
