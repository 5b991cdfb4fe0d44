"""A page's body: held until the place for our span is known, then passed on as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from widgetmw.core.html.content_coding import Corrupt, Decoder, Encoder
from widgetmw.core.html.head_scanner import PENDING, REFUSED, HeadScanner
from widgetmw.core.html.marker_scanner import PlacedScanner
from widgetmw.core.reasons import SkipReason

# The scanner gives up by itself after 64 KiB of the page. A coded stream can go on without ever giving any.
_MOST_HELD = 131_072
_NOTHING: Iterator[bytes] = iter(())


class Body:
    """One page's body on its way through.

    Feed the app's chunks to :meth:`seek` until it no longer answers ``PENDING``. Then either :meth:`opened`, once,
    and :meth:`passed` for each further chunk, or :meth:`untouched` and nothing more.

    Args:
        charset: whether the headers name the charset.
        coding: what the body is compressed with, or nothing.
        placed: whether a template may say where the span goes.
        glance: finds the place where the first chunk begins as most pages do; without it the scanner does.

    Attributes:
        reason: why there is no place, after ``REFUSED``.
    """

    # what most bodies never have stands here: to make one costs every page
    reason: SkipReason | None = None
    _scanner: HeadScanner | PlacedScanner | None = None
    _decoder: Decoder | None = None
    _encoder: Encoder | None = None
    _rest: Iterator[bytes] = _NOTHING
    _place = PENDING
    _taken = 0

    def __init__(
        self,
        charset: bool,
        coding: str = "",
        placed: bool = False,
        glance: Callable[[bytes], int] | None = None,
    ) -> None:
        self._glance = glance if charset and not coding and not placed else None
        self._charset = charset
        self._placed = placed
        if coding:
            self._decoder, self._encoder = Decoder(coding), Encoder(coding)
        self._held: list[bytes] = []
        self._plain: list[bytes] = []

    def seek(self, data: bytes, last: bool) -> int:
        """Takes a chunk and looks for the place: its offset in the decoded body, ``PENDING`` or ``REFUSED``."""
        self._held.append(data)
        if self._glance is not None:
            glance, self._glance = self._glance, None
            self._place = glance(data)
            if self._place != PENDING:
                self._plain = self._held
                return self._place
        return self._searched(data, last)

    def _searched(self, data: bytes, last: bool) -> int:
        if self._scanner is None:
            self._scanner = PlacedScanner(self._charset) if self._placed else HeadScanner(self._charset)
        # what is not needed to find the place stays folded up: a few bytes may stand for gigabytes
        self._rest = self._decoder.pieces(data) if self._decoder else iter((data,))
        try:
            self._place = self._scan(self._scanner)
        except Corrupt:
            self.reason = SkipReason.CORRUPT
            return REFUSED
        self._taken += len(data)
        if self._place == PENDING and (last or self._taken > _MOST_HELD):
            self._place = self._scanner.finish()
        self.reason = self._scanner.reason
        return self._place

    def _scan(self, scanner: HeadScanner | PlacedScanner) -> int:
        for piece in self._rest:
            self._plain.append(piece)
            place = scanner.feed(piece)
            if place != PENDING:
                return place
        return PENDING

    @property
    def head_tag(self) -> bool:
        """Whether a head tag has ended at the place, as a scanner saw."""
        return isinstance(self._scanner, HeadScanner) and self._scanner.tag

    def untouched(self) -> bytes:
        """Returns all that the app has sent so far."""
        return self._held[0] if len(self._held) == 1 else b"".join(self._held)

    def opened(self, span: bytes, last: bool) -> bytes:
        """Returns all that the app has sent so far, with the span at its place."""
        plain = self._plain[0] if len(self._plain) == 1 else b"".join(self._plain)
        data, source, rest = spliced(plain, self._place, span), self._held[-1], self._rest
        self._held, self._plain, self._rest = [], [], _NOTHING
        return data if self._decoder is None else self._encoded(chain((data,), rest), source, last)

    def passed(self, data: bytes, last: bool) -> bytes:
        """Returns what becomes of a further chunk."""
        return data if self._decoder is None else self._encoded(self._decoder.pieces(data), data, last)

    def _encoded(self, pieces: Iterable[bytes], source: bytes, last: bool) -> bytes:
        assert self._encoder is not None
        assert self._decoder is not None
        out = self._encoder.encode(_sound(pieces), source)
        if not last:
            return out
        # a stream that the app broke off stays broken off
        return out + (self._encoder.finish() if self._decoder.complete else self._encoder.flush())


def _sound(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields pieces until one cannot be decoded: some have been sent by then, so there is nobody left to tell."""
    try:
        yield from pieces
    except Corrupt:
        return


def spliced(body: bytes, offset: int, script: bytes) -> bytes:
    """Returns the body with the script at the offset."""
    # a view is cut for free: a page is copied once, however large
    return b"".join((body[:offset], script, memoryview(body)[offset:]))
