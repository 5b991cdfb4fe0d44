"""Finds where our span goes in a page: bytes in, an offset or a reason out.

The rules of this file:

* The page with our script elements at the offset parses to the same tree with our elements at the start of its head,
  live, and before any script of the page. Same compatibility mode, same encoding.
* The answer depends on the bytes, never on how they are cut, and on no more than the first ``limit`` of them.
* Linear time, whatever the bytes; nothing of the page is kept, but for the first 2 KB where its charset is not declared.
"""

from __future__ import annotations

import re
from operator import length_hint
from types import MappingProxyType
from typing import Final

from .charset import PENDING as PENDING
from .charset import REFUSED as REFUSED
from .charset import Declaration
from .tokenizer import CODES, END, START, Row, Stop

LIMIT: Final = 65536

REASONS: Final = MappingProxyType(
    {
        "fragment": (
            "It is no page but a piece of one: no doctype, html, head or body tag.",
            "Nothing to mend. A page begins with `<!doctype html>`.",
        ),
        "head_not_found": (
            "The start of the head did not come within the scan limit, or the page ends inside a tag or comment.",
            "Close the comment or tag; move long comments behind `<head>`.",
        ),
        "nul": (
            "There is a NUL byte before the head: this is not text in an encoding that contains ASCII.",
            "Send the page as UTF-8, without NUL bytes.",
        ),
        "encoding": (
            "The page is in UTF-16, UTF-32, UTF-7 or an ISO-2022 encoding, in which our bytes mean something else.",
            "Send the page as UTF-8, with `Content-Type: text/html; charset=utf-8`.",
        ),
        "charset_late": (
            "Only a meta tag names the encoding, and a script, a policy or other content that our script must come "
            "before stands in front of it, or browsers do not agree on where it is.",
            "Send `Content-Type: text/html; charset=utf-8`, or put `<meta charset>` first in the head.",
        ),
    }
)
"""What the scanner refuses: by reason code, what it means and what to do about it."""

_ATTRIBUTES: Final = rb"(?:[\t\n\f\r ]++(?:[a-zA-Z:_-]++(?:=\"[^\"\0]*+\")?+)?+)*+>"
_usual = re.compile(
    rb"(?:\xef\xbb\xbf)?+[\t\n\f\r ]*+<!doctype[^>\0]*+>[\t\n\f\r ]*+"
    rb"(?:<html" + _ATTRIBUTES + rb"[\t\n\f\r ]*+)?+<head" + _ATTRIBUTES,
    re.IGNORECASE,
)


class HeadScanner:
    """Finds where our span goes in a page that arrives in pieces.

    Args:
        charset_declared: the Content-Type names the charset, and it is one that contains ASCII.
        limit: bytes from the start of the body within which the place has to be decided.

    Attributes:
        reason: the reason code (see ``REASONS``) once refused, else ``None``.
    """

    __slots__ = ("_answer", "_declaration", "_head", "_limit", "_row", "_seen", "reason")

    reason: str | None

    def __init__(self, charset_declared: bool, limit: int = LIMIT) -> None:
        self.reason = None
        self._answer = PENDING
        self._declaration = None if charset_declared else Declaration()
        self._head = PENDING
        self._limit = limit
        self._row: Row | None = START
        self._seen = 0

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Takes the next piece of the body, which may be empty.

        Returns:
            the offset from the start of the body where our bytes go, ``PENDING`` or ``REFUSED``; once decided, the same
            for ever.
        """
        if self._answer != PENDING:
            return self._answer
        if self._seen + len(data) > self._limit:
            data = data[: self._limit - self._seen]
        if data.__class__ is not bytes:
            data = bytes(data)
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
        """Says that the body has ended.

        Returns:
            the offset where our bytes go, or ``REFUSED``.
        """
        if self._answer == PENDING and self._row is not None:
            self._row = self._stopped(self._row[END], self._seen)
        return self._decided(ended=True)

    def _stopped(self, stop: Stop, at: int) -> Row | None:
        """Takes note of what the automaton found; returns the row to go on with."""
        if stop.reason is not None:
            self._refuse(stop.reason)
        elif stop.back is not None:
            self._head = at - stop.back
        return stop.then

    def _decided(self, ended: bool) -> int:
        if self._answer == PENDING and self._row is None:
            if self._declaration is None:
                self._answer = self._head
            else:
                self._answer, self.reason = self._declaration.place(self._head, ended)
        if self._answer == PENDING and (ended or self._seen >= self._limit):
            self._refuse("head_not_found")
        return self._answer

    def _refuse(self, reason: str) -> None:
        self._answer, self.reason = REFUSED, reason


def locate(body: bytes, charset_declared: bool, limit: int = LIMIT) -> tuple[int, str | None]:
    """Finds where our span goes in a whole page: what ``HeadScanner`` says, in one go.

    Returns:
        the offset and ``None``, or ``REFUSED`` and the reason code.
    """
    if charset_declared and (usual := _usual.match(body, 0, limit)):
        return usual.end(), None
    scanner = HeadScanner(charset_declared, limit)
    if scanner.feed(body) == PENDING:
        scanner.finish()
    return scanner.finish(), scanner.reason
