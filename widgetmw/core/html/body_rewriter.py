"""Rewrites the body of a page: holds it until the insertion offset is known, then passes chunks on as they come."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from widgetmw.core.html.amp import is_amp
from widgetmw.core.html.content_coding import Decoder, Encoder
from widgetmw.core.html.head_scanner import NO_OFFSET, OWN_SCRIPTS, PENDING, HeadScanner, fast_offset
from widgetmw.core.html.marker_scanner import MarkerScanner, has_foreign_base
from widgetmw.core.reasons import SkipReason

# The scanner gives up by itself after 64 KiB of the page. A compressed stream can go on without yielding any of it.
_MAX_HELD_BYTES = 131_072
_NOTHING: Iterator[bytes] = iter(())


class BodyRewriter:
    """Inserts the script into one page's body.

    Pass the app's chunks to :meth:`find_offset` until it no longer returns ``PENDING``. Then call :meth:`insert` once,
    and :meth:`rewrite` for each further chunk; or call :meth:`original` and nothing more.

    Args:
        charset_declared: whether the response headers declare the charset.
        coding: content coding of the body, ``""`` for none.
        marker: by which the page's template says where the script goes; ``None`` if it does not.

    Attributes:
        reason: why the page is skipped, after ``NO_OFFSET``.
    """

    # Class attributes for what most bodies never have: setting them would cost every page.
    reason: SkipReason | None = None
    _decoder: Decoder | None = None
    _encoder: Encoder | None = None
    _undecoded: Iterator[bytes] = _NOTHING
    _offset = PENDING
    _scanned_bytes = 0

    def __init__(self, charset_declared: bool, coding: str = "", marker: bytes | None = None) -> None:
        self._scanner: HeadScanner | MarkerScanner = (
            HeadScanner(charset_declared) if marker is None else MarkerScanner(charset_declared, marker)
        )
        self._is_plain = charset_declared and not coding and marker is None
        if coding:
            self._decoder, self._encoder = Decoder(coding), Encoder(coding)
        self._held: list[bytes] = []
        self._decoded: list[bytes] = []

    def find_offset(self, data: bytes, last: bool) -> int:
        """Takes the next chunk; returns the insertion offset in the decoded body, ``PENDING`` or ``NO_OFFSET``."""
        self._held.append(data)
        if self._is_plain and len(self._held) == 1:
            self._offset = fast_offset(data)
            if self._offset != PENDING:
                self._decoded = self._held
                return self._offset
        return self._scan(data, last)

    def _scan(self, data: bytes, last: bool) -> int:
        scanner = self._scanner
        # Decompress only as far as needed; a small input may expand to gigabytes.
        self._undecoded = self._decoder.decode(data) if self._decoder else iter((data,))
        try:
            for piece in self._undecoded:
                self._decoded.append(piece)
                self._offset = scanner.feed(piece)
                if self._offset != PENDING:
                    break
        except zlib.error:
            self.reason = SkipReason.CORRUPT
            return NO_OFFSET
        self._scanned_bytes += len(data)
        if self._offset == PENDING and (last or self._scanned_bytes > _MAX_HELD_BYTES):
            self._offset = scanner.finish()
        self.reason = scanner.reason
        if self._offset >= 0 and self._join_decoded().startswith(OWN_SCRIPTS, self._offset):
            self._offset, self.reason = NO_OFFSET, SkipReason.ALREADY_INJECTED
        elif self._offset >= 0 and is_amp(self._join_decoded()[: self._offset]):
            self._offset, self.reason = NO_OFFSET, SkipReason.AMP
        return self._offset

    def _join_decoded(self) -> bytes:
        if len(self._decoded) > 1:
            self._decoded = [b"".join(self._decoded)]
        return self._decoded[0]

    @property
    def can_be_remembered(self) -> bool:
        """Whether the offset depends only on the bytes before it, all of which are in the first chunk."""
        has_head_tag = isinstance(self._scanner, HeadScanner) and self._scanner.follows_head_tag
        return self._is_plain and len(self._held) == 1 and has_head_tag and self._offset > 0

    @property
    def follows_foreign_base(self) -> bool:
        """Whether a template has placed the script after a ``<base>`` that names an origin."""
        is_placed = isinstance(self._scanner, MarkerScanner) and self._offset >= 0
        return is_placed and has_foreign_base(self._join_decoded()[: self._offset])

    def original(self) -> bytes:
        """Returns everything that the app has sent so far, unmodified."""
        return self._held[0] if len(self._held) == 1 else b"".join(self._held)

    def insert(self, script: bytes, last: bool) -> bytes:
        """Returns everything that the app has sent so far, with the script at the insertion offset."""
        decoded = self._join_decoded()
        # Slicing a view copies nothing, so that a page is copied once, however large it is.
        data = b"".join((decoded[: self._offset], script, memoryview(decoded)[self._offset :]))
        source, undecoded = self._held[-1], self._undecoded
        self._held, self._decoded, self._undecoded = [], [], _NOTHING
        return data if self._decoder is None else self._encode(chain((data,), undecoded), source, last)

    def rewrite(self, data: bytes, last: bool) -> bytes:
        """Returns what to send for a chunk after the script."""
        return data if self._decoder is None else self._encode(self._decoder.decode(data), data, last)

    def _encode(self, pieces: Iterable[bytes], source: bytes, last: bool) -> bytes:
        assert self._encoder is not None
        assert self._decoder is not None
        out = self._encoder.encode(pieces, source)
        # A stream that the app left incomplete stays incomplete.
        return out + self._encoder.flush(finish=self._decoder.complete) if last else out
