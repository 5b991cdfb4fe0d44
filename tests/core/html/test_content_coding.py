from __future__ import annotations

import gzip
import zlib

import pytest

from tests.growth import assert_linear
from widgetmw.core.html.content_coding import Decoder, Encoder

PAGE = b"<!doctype html><html><head></head><body></body></html>"


def decode(coding: str, *chunks: bytes) -> tuple[bytes, bool]:
    decoder = Decoder(coding)
    page = b"".join(piece for chunk in chunks for piece in decoder.decode(chunk))
    return page, decoder.complete


# decoding


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("gzip", gzip.compress(PAGE[:20]) + gzip.compress(PAGE[20:])),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),
    ],
    ids=["gzip", "gzip of two members", "deflate", "deflate without wrapper"],
)
def test_a_stream_is_decoded_however_it_is_cut(coding: str, data: bytes) -> None:
    for size in (1, 2, 3, len(data)):
        chunks = [data[start : start + size] for start in range(0, len(data), size)]
        assert decode(coding, *chunks) == (PAGE, True)


def test_a_stream_without_its_end_is_not_complete() -> None:
    assert decode("gzip", gzip.compress(PAGE)[:-4]) == (PAGE, False)
    assert decode("gzip", b"") == (b"", False)
    assert decode("deflate", b"\x78") == (b"", False)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_trailing_data_is_ignored(coding: str) -> None:
    data = gzip.compress(PAGE) if coding == "gzip" else zlib.compress(PAGE)
    assert decode(coding, data + b"trailing", b"data") == (PAGE, True)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_malformed_data_raises(coding: str) -> None:
    with pytest.raises(zlib.error):
        decode(coding, b"<!doctype html>" * 10)


def test_a_second_member_that_is_malformed_raises_after_the_first() -> None:
    decoder = Decoder("gzip")
    assert b"".join(decoder.decode(gzip.compress(PAGE))) == PAGE
    with pytest.raises(zlib.error):
        list(decoder.decode(b"\x1f\x8c" * 10))


def test_a_piece_has_at_most_64_kib() -> None:
    sizes = [len(piece) for piece in Decoder("gzip").decode(gzip.compress(b"\0" * 1_000_000))]
    assert sum(sizes) == 1_000_000
    assert max(sizes) == 65_536


def test_many_members_take_linear_time() -> None:
    assert_linear(lambda data: list(Decoder("gzip").decode(data)), lambda count: gzip.compress(b"") * count, 16_000)


# encoding


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15)])
def test_an_encoder_writes_the_coding_that_it_is_named_after(coding: str, wbits: int) -> None:
    encoder = Encoder(coding)
    data = encoder.encode([PAGE[:10], PAGE[10:]]) + encoder.flush(finish=True)
    assert zlib.decompress(data, wbits) == PAGE


def test_a_flush_makes_everything_readable_and_the_stream_goes_on() -> None:
    encoder, reader = Encoder("gzip"), zlib.decompressobj(31)
    assert reader.decompress(encoder.encode([PAGE]) + encoder.flush()) == PAGE
    assert not reader.eof
    assert reader.decompress(encoder.encode([PAGE]) + encoder.flush(finish=True)) == PAGE
    assert reader.eof


@pytest.mark.parametrize("cut", range(5))
def test_a_flush_of_the_app_is_repeated_wherever_its_end_is_cut(cut: int) -> None:
    source = zlib.compressobj(6, zlib.DEFLATED, 31)
    data = source.compress(PAGE) + source.flush(zlib.Z_SYNC_FLUSH)
    decoder, encoder, reader = Decoder("gzip"), Encoder("gzip"), zlib.decompressobj(31)
    page = b""
    for chunk in (data[: len(data) - cut], data[len(data) - cut :]):
        page += reader.decompress(encoder.encode(decoder.decode(chunk), chunk))
    assert page == PAGE
