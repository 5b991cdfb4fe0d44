from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib

import pytest

from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.content_coding import Decoder, Encoder
from widgetmw.core.html.head_scanner import PENDING, REFUSED

PAGE = b"<!doctype html><html><head></head><body></body></html>"


def fastest(work: bytes) -> float:
    def once() -> float:
        start = time.process_time()
        for _ in Decoder("gzip").decode(work):
            pass
        return time.process_time() - start

    return min(once() for _ in range(3))


def test_many_members_take_linear_time() -> None:
    few, many = gzip.compress(b"") * 2_000, gzip.compress(b"") * 16_000
    assert fastest(many) < 24 * fastest(few) + 0.05


def test_a_bomb_takes_bounded_memory() -> None:
    bomb = gzip.compress(PAGE + b"\0" * 100_000_000)
    body = BodyRewriter(True, "gzip")
    tracemalloc.start()
    assert body.find_offset(bomb, True) >= 0
    out = body.insert(b"<script></script>", True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
    assert len(zlib.decompressobj(31).decompress(out, 1000)) == 1000


def test_a_coded_stream_that_says_nothing_is_given_up() -> None:
    empty = zlib.compressobj(6, zlib.DEFLATED, 31)
    nothing = empty.compress(b"") + empty.flush(zlib.Z_SYNC_FLUSH)
    body, place, fed = BodyRewriter(True, "gzip"), PENDING, 0
    while place == PENDING and fed < 10_000_000:
        place = body.find_offset(nothing, False)
        nothing = b"\x00\x00\x00\xff\xff" * 1000
        fed += len(nothing)
    assert place == REFUSED
    assert fed < 300_000


@pytest.mark.parametrize("cut", range(1, 5))
def test_a_flush_whose_mark_comes_in_two_chunks_is_a_flush(cut: int) -> None:
    source = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = source.compress(PAGE) + source.flush(zlib.Z_SYNC_FLUSH)
    decoder, encoder, reader = Decoder("gzip"), Encoder("gzip"), zlib.decompressobj(31)
    got = b""
    for chunk in (data[:-cut], data[-cut:]):
        got += reader.decompress(encoder.encode(decoder.decode(chunk), chunk))
    assert got == PAGE
