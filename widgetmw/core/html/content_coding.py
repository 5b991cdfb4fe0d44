"""A body that the app has compressed: taken apart and put together again as it streams by."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_PIECE = 65_536
_SLICE = 16_384
_WBITS = {"gzip": 31, "deflate": 15}
_RAW = -15
_LEVEL = 5
# where a compressor was flushed for the sake of the reader, its output ends so
_FLUSHED = b"\x00\x00\xff\xff"


class Corrupt(Exception):
    """The bytes are not what ``Content-Encoding`` says."""


class Decoder:
    """Undoes gzip or deflate, in pieces of bounded size however much a byte unfolds to.

    Args:
        coding: ``"gzip"``, which may come in several members, or ``"deflate"``, which servers send with the zlib
            wrapper (RFC 9110) or without.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflater = zlib.decompressobj(_WBITS[coding])
        self._head: bytes | None = b"" if coding == "deflate" else None

    @property
    def complete(self) -> bool:
        """Whether the stream has come to its own end."""
        return self._inflater.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yields what the data unfolds to, at most 64 KiB at a time.

        Raises:
            Corrupt: it cannot be undone.
        """
        data = self._opened(data)
        # in slices: what is left over at the end of each of many members would be copied every time
        for start in range(0, len(data), _SLICE):
            yield from self._unfolded(data[start : start + _SLICE])

    def _unfolded(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflater.eof and not self._next_member(data):
                return  # what stands behind the end is for nobody
            try:
                piece = self._inflater.decompress(data, _PIECE)
                data = self._inflater.unused_data or self._inflater.unconsumed_tail
                while piece:
                    yield piece
                    # a full piece may have left output behind without leaving input
                    full = len(piece) == _PIECE and not data and not self._inflater.eof
                    piece = self._inflater.decompress(b"", _PIECE) if full else b""
            except zlib.error as error:
                raise Corrupt(str(error)) from None

    def _opened(self, data: bytes) -> bytes:
        """Tells by the first two bytes whether deflate comes with its wrapper (RFC 1950)."""
        if self._head is None:
            return data
        self._head += data
        if len(self._head) < 2:
            return b""
        data, self._head = self._head, None
        if data[0] & 15 != 8 or int.from_bytes(data[:2], "big") % 31:
            self._inflater = zlib.decompressobj(_RAW)
        return data

    def _next_member(self, data: bytes) -> bool:
        if self._coding != "gzip" or not data.startswith(b"\x1f"):
            return False
        self._inflater = zlib.decompressobj(_WBITS["gzip"])
        return True


class Encoder:
    """Does gzip or deflate again; flushes where the app did, so that its stream stays one."""

    def __init__(self, coding: str) -> None:
        self._deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WBITS[coding])
        self._end = b""

    def encode(self, pieces: Iterable[bytes], source: bytes = b"") -> bytes:
        """Returns the coded bytes of the pieces that ``source``, the app's own bytes, unfolded to."""
        out = b"".join([self._deflater.compress(piece) for piece in pieces])
        self._end = (self._end + source[-4:])[-4:]  # the mark may come in two chunks
        return out + self.flush() if self._end == _FLUSHED else out

    def flush(self) -> bytes:
        """Returns what has been taken and not yet given; the stream goes on."""
        return self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        """Returns the end of the coded stream."""
        return self._deflater.flush()
