"""Decodes and encodes a compressed body while it streams by."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_MAX_PIECE_BYTES = 65_536
_SLICE_BYTES = 16_384
_WBITS = {"gzip": 31, "deflate": 15}
_WBITS_WITHOUT_WRAPPER = -15
_LEVEL = 5
_SYNC_FLUSH_END = b"\x00\x00\xff\xff"  # the last bytes of a sync flush


class Decoder:
    """Decodes gzip or deflate in pieces of bounded size, however much the input expands.

    Gzip may consist of several members; servers send deflate with the zlib wrapper (RFC 9110) or without.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflater = zlib.decompressobj(_WBITS[coding])
        # The first bytes of a deflate stream, until they tell whether it has its wrapper.
        self._start: bytes | None = b"" if coding == "deflate" else None

    @property
    def complete(self) -> bool:
        """Whether the end of the stream has been reached."""
        return self._inflater.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yields the decoded bytes, at most 64 KiB at a time.

        Raises:
            zlib.error: the data is malformed.
        """
        if self._start is not None:
            self._start = data = self._start + data
            if len(data) < 2:
                return
            self._start = None
            if data[0] & 15 != 8 or int.from_bytes(data[:2], "big") % 31:  # not the start of a wrapper (RFC 1950)
                self._inflater = zlib.decompressobj(_WBITS_WITHOUT_WRAPPER)
        # In slices: the rest of the input is copied at the end of each member, and there may be many.
        for start in range(0, len(data), _SLICE_BYTES):
            yield from self._decode_slice(data[start : start + _SLICE_BYTES])

    def _decode_slice(self, data: bytes) -> Iterator[bytes]:
        piece = b""
        while data or len(piece) == _MAX_PIECE_BYTES:  # after a full piece there may be more without any input
            if self._inflater.eof:
                if self._coding != "gzip" or not data.startswith(b"\x1f"):
                    return  # ignore trailing data
                self._inflater = zlib.decompressobj(_WBITS["gzip"])  # the next member
            piece = self._inflater.decompress(data, _MAX_PIECE_BYTES)
            data = self._inflater.unused_data or self._inflater.unconsumed_tail
            if piece:
                yield piece


class Encoder:
    """Encodes ``"gzip"`` or ``"deflate"``. Flushes where the app did, so that its stream stays a stream."""

    def __init__(self, coding: str) -> None:
        self._deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WBITS[coding])
        self._source_end = b""

    def encode(self, pieces: Iterable[bytes], source: bytes = b"") -> bytes:
        """Encodes pieces that are decoded from the app's own encoded bytes, the source, until one is malformed."""
        out: list[bytes] = []
        try:
            for piece in pieces:
                out.append(self._deflater.compress(piece))
        except zlib.error:
            pass  # too late to report: part of the body has been sent
        self._source_end = (self._source_end + source[-4:])[-4:]  # may be split over two chunks
        if self._source_end == _SYNC_FLUSH_END:
            out.append(self.flush())
        return b"".join(out)

    def flush(self, finish: bool = False) -> bytes:
        """Returns the pending output, with ``finish`` also the end of the stream."""
        return self._deflater.flush(zlib.Z_FINISH if finish else zlib.Z_SYNC_FLUSH)
