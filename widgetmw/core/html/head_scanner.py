"""Finds where our span goes in a page: bytes in, an offset or a reason out.

The rules of this file:

* With our script elements at the offset, the page parses to the same tree with our elements at the start of its
  head: live, and before any script of the page. Its compatibility mode and encoding stay what they were.
* The answer depends on the page's bytes, never on how they are cut, and on the first ``limit`` of them only.
* Linear time, whatever the bytes. Nothing of the page is kept, but for 1.5 KB where its charset is not declared.
"""

from __future__ import annotations

import re
from operator import length_hint
from typing import Final

from widgetmw.core.html.meta_charset import PENDING as PENDING
from widgetmw.core.html.meta_charset import REFUSED as REFUSED
from widgetmw.core.html.meta_charset import Declaration
from widgetmw.core.html.tokenizer import CODES, END, START, Row, Stop
from widgetmw.core.reasons import SkipReason

LIMIT: Final = 65536
"""Bytes from the start of a page within which the place has to be decided."""

_ATTRIBUTES: Final = rb"(?:[\t\n\f\r ]++(?:[a-zA-Z:_-]++(?:=\"[^\"\0]*+\")?+)?+)*+>"
_usual = re.compile(
    rb"(?:\xef\xbb\xbf)?+[\t\n\f\r ]*+<!doctype[^>\0]*+>[\t\n\f\r ]*+"
    rb"(?:<html" + _ATTRIBUTES + rb"[\t\n\f\r ]*+)?+<head" + _ATTRIBUTES,
    re.IGNORECASE,
)
_STRIDE: Final = 1024  # of a large piece, so that little is looked at in vain


class HeadScanner:
    """Finds where our span goes in a page that arrives in pieces.

    Args:
        charset_declared: the Content-Type names a charset, and it is one that contains ASCII.
        limit: bytes from the start of the page within which the place has to be decided.

    Attributes:
        reason: why, once the page is refused, else ``None``.
        tag: whether a head tag has ended at the place, so that the bytes up to there decided.
    """

    __slots__ = ("_answer", "_declaration", "_head", "_limit", "_row", "_seen", "reason", "tag")

    reason: SkipReason | None

    def __init__(self, charset_declared: bool, limit: int = LIMIT) -> None:
        self.reason = None
        self.tag = False
        self._answer = PENDING
        self._declaration = None if charset_declared else Declaration()
        self._head = PENDING
        self._limit = limit
        self._row: Row | None = START
        self._seen = 0

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Takes the next piece of the page, which may be empty.

        Returns:
            the offset from the start of the page where our bytes go, ``PENDING``, or ``REFUSED`` with ``reason`` set.
            Once decided, it stays the same.
        """
        if self._answer != PENDING:
            return self._answer
        if len(data) > _STRIDE:
            return self._feed_large(data)
        if data.__class__ is not bytes:
            data = bytes(data)
        if self._seen + len(data) > self._limit:
            data = data[: self._limit - self._seen]
        if self._declaration is not None:
            self._declaration.feed(data)
        row = self._row
        if row is not None:
            codes = iter(data.translate(CODES))
            for code in codes:
                row = row[code]
                if row.__class__ is Stop:
                    row = self._stopped(row, self._seen + len(data) - length_hint(codes))
                    if row is None:
                        break
            self._row = row
        self._seen += len(data)
        if row is None or self._seen >= self._limit:
            return self._decided(ended=False)
        return PENDING

    def finish(self) -> int:
        """Says that the page has ended.

        Returns:
            the offset where our bytes go, or ``REFUSED`` with ``reason`` set.
        """
        if self._answer == PENDING and self._row is not None:
            self._row = self._stopped(self._row[END], self._seen)
            self.tag = False
        return self._decided(ended=True)

    def _feed_large(self, data: bytes | bytearray | memoryview) -> int:
        if self._seen == 0 and self._declaration is None and (usual := _usual.match(data, 0, self._limit)):
            self._answer = usual.end()
        for start in range(0, len(data), _STRIDE):
            if self.feed(data[start : start + _STRIDE]) != PENDING:
                break
        return self._answer

    def _stopped(self, stop: Stop, at: int) -> Row | None:
        """Takes note of what the automaton found; returns the row to go on with."""
        if stop.reason is not None:
            self._answer, self.reason = REFUSED, stop.reason
        elif stop.back is not None:
            self._head = at - stop.back
            self.tag = stop.back == 0
        return stop.then

    def _decided(self, ended: bool) -> int:
        if self._answer == PENDING and self._row is None:
            if self._declaration is None:
                self._answer = self._head
            else:
                self._answer, self.reason = self._declaration.place(self._head, ended)
        if self._answer == PENDING and (ended or self._seen >= self._limit):
            self._answer, self.reason = REFUSED, SkipReason.HEAD_NOT_FOUND
        return self._answer


def fast_offset(start: bytes) -> int:
    """Finds the place at a glance, where a page whose charset is declared begins as most do.

    Returns:
        the offset, whatever follows; ``PENDING`` where it takes a scanner to say.
    """
    usual = _usual.match(start, 0, LIMIT)
    return usual.end() if usual else PENDING


def locate(page: bytes, charset_declared: bool, limit: int = LIMIT) -> tuple[int, SkipReason | None]:
    """Finds where our span goes in a whole page, as ``HeadScanner`` would.

    Returns:
        the offset and ``None``, or ``REFUSED`` and the reason.
    """
    if charset_declared and (usual := _usual.match(page, 0, limit)):
        return usual.end(), None
    scanner = HeadScanner(charset_declared, limit)
    scanner.feed(page)
    return scanner.finish(), scanner.reason
