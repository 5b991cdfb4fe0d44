"""Finds the insertion offset in a page: bytes in, an offset or a reason out.

The rules of this file:

* With our script elements at the offset, the page parses to the same tree with our elements at the start of its
  head: live, and before any script of the page. Its compatibility mode and encoding stay the same.
* The result depends on the page's bytes, not on how they are cut into chunks, and only on the first ``limit`` of them.
* Time is linear, whatever the bytes. Nothing of the page is kept, except 1.5 KB where its charset is not declared.
"""

from __future__ import annotations

import re
from operator import length_hint
from typing import Final

from widgetmw.core.html.meta_charset import NO_OFFSET as NO_OFFSET
from widgetmw.core.html.meta_charset import PENDING as PENDING
from widgetmw.core.html.meta_charset import MetaCharset
from widgetmw.core.html.tokenizer import CODES, END, START, Row, Stop
from widgetmw.core.reasons import SkipReason

LIMIT: Final = 65536
OWN_SCRIPTS: Final = (b"<script data-widgetmw", b'<script type="application/json" data-widgetmw')
"""How the first of our script elements begins, where a page holds them already."""

_ATTRIBUTES: Final = rb"(?:[\t\n\f\r ]++(?:[a-zA-Z:_-]++(?:=\"[^\"\0]*+\")?+)?+)*+>"
_simple_start = re.compile(
    rb"(?:\xef\xbb\xbf)?+[\t\n\f\r ]*+<!doctype[^>\0]*+>[\t\n\f\r ]*+"
    rb"(?:<html(?![^>]*[\t\n\f\r ]amp)"
    + _ATTRIBUTES
    + rb"[\t\n\f\r ]*+)?+<head"
    + _ATTRIBUTES
    + b"(?!"
    + b"|".join(OWN_SCRIPTS)
    + b")",
    re.IGNORECASE,
)
_STRIDE: Final = 1024  # a large chunk is scanned in parts, so that few bytes are looked at in vain


class HeadScanner:
    """Finds the insertion offset in a page that arrives in chunks.

    Args:
        charset_declared: whether the Content-Type declares a charset that is a superset of ASCII.
        limit: bytes from the start of the page within which the offset must be found.

    Attributes:
        reason: why the page is refused; ``None`` otherwise.
        follows_head_tag: whether a head tag ends at the offset, so that it depends only on the bytes before it.
    """

    def __init__(self, charset_declared: bool, limit: int = LIMIT) -> None:
        self.reason: SkipReason | None = None
        self.follows_head_tag: bool = False
        self._offset = PENDING
        self._meta_charset = None if charset_declared else MetaCharset()
        self._head = PENDING
        self._limit = limit
        self._row: Row | None = START
        self._seen = 0

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Takes the next chunk of the page, which may be empty.

        Returns the insertion offset from the start of the page, ``PENDING``, or ``NO_OFFSET`` with ``reason`` set. Once
        decided, it stays the same.
        """
        for start in range(0, len(data), _STRIDE):
            if self._offset != PENDING:
                break
            self._feed_part(bytes(data[start : start + _STRIDE]))
        return self._offset

    def _feed_part(self, data: bytes) -> None:
        if self._seen + len(data) > self._limit:
            data = data[: self._limit - self._seen]
        if self._meta_charset is not None:
            self._meta_charset.feed(data)
        row = self._row
        if row is not None:
            codes = iter(data.translate(CODES))
            for code in codes:
                row = row[code]
                if row.__class__ is Stop:
                    row = self._apply(row, self._seen + len(data) - length_hint(codes))
                    if row is None:
                        break
            self._row = row
        self._seen += len(data)
        if row is None or self._seen >= self._limit:
            self._decide(ended=False)

    def finish(self) -> int:
        """Takes the end of the page; returns the insertion offset, or ``NO_OFFSET`` with ``reason`` set."""
        if self._offset == PENDING and self._row is not None:
            self._row = self._apply(self._row[END], self._seen)
            self.follows_head_tag = False
        self._decide(ended=True)
        return self._offset

    def _apply(self, stop: Stop, position: int) -> Row | None:
        """Stores what the automaton found; returns the row to continue with."""
        if stop.reason is not None:
            self._offset, self.reason = NO_OFFSET, stop.reason
        elif stop.back is not None:
            self._head = position - stop.back
            self.follows_head_tag = stop.back == 0
        return stop.then

    def _decide(self, ended: bool) -> None:
        if self._offset == PENDING and self._row is None:
            if self._meta_charset is None:
                self._offset = self._head
            else:
                offset = self._meta_charset.find_offset(self._head, ended)
                self._offset, self.reason = (NO_OFFSET, offset) if isinstance(offset, SkipReason) else (offset, None)
        if self._offset == PENDING and (ended or self._seen >= self._limit):
            self._offset, self.reason = NO_OFFSET, SkipReason.HEAD_NOT_FOUND


def fast_offset(start: bytes) -> int:
    """Finds the insertion offset in a page with a common start; ``PENDING`` if that takes a ``BodyRewriter``."""
    match = _simple_start.match(start, 0, LIMIT)
    return match.end() if match else PENDING
