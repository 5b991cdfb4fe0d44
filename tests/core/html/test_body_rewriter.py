from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import NO_OFFSET, OWN_SCRIPTS, PENDING, fast_offset
from widgetmw.core.html.marker_scanner import new_marker
from widgetmw.core.reasons import SkipReason

MARKER = new_marker()
HEAD = b"<!doctype html><html><head>"
PAGE = HEAD + b"<title>Shop</title></head><body>Hello</body></html>"
SCRIPT = b"<script>1</script>"
RESULT = HEAD + SCRIPT + PAGE[len(HEAD) :]


def deflate_without_wrapper(page: bytes) -> bytes:
    return zlib.compress(page)[2:-4]


def gzip_of_two_members(page: bytes) -> bytes:
    return gzip.compress(page[:40]) + gzip.compress(page[40:])


ENCODERS = {
    "gzip": ("gzip", gzip.compress),
    "gzip of two members": ("gzip", gzip_of_two_members),
    "deflate": ("deflate", zlib.compress),
    "deflate without wrapper": ("deflate", deflate_without_wrapper),
}


def decompress(coding: str, data: bytes) -> tuple[bytes, bool]:
    """Returns the decoded bytes, and whether the stream is complete."""
    decoder = zlib.decompressobj({"gzip": 31, "deflate": 15}[coding])
    return decoder.decompress(data), decoder.eof


def rewrite(body: BodyRewriter, chunks: Iterable[bytes]) -> bytes:
    """Passes chunks through; the last one ends the body."""
    chunks = list(chunks)
    out, offset = b"", PENDING
    for i, chunk in enumerate(chunks):
        last = i + 1 == len(chunks)
        if offset >= 0:
            out += body.rewrite(chunk, last)
            continue
        offset = body.find_offset(chunk, last)
        if offset == NO_OFFSET:
            return body.original() + b"".join(chunks[i + 1 :])
        if offset >= 0:
            out += body.insert(SCRIPT, last)
    return out


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


# plain bodies


@pytest.mark.parametrize("size", [1, 7, 20, 1000])
def test_the_script_is_inserted_and_every_other_byte_stays(size: int) -> None:
    assert rewrite(BodyRewriter(True), cut(PAGE, size)) == RESULT


def test_the_offset_is_pending_until_the_chunk_that_decides_it() -> None:
    body = BodyRewriter(True)
    assert body.find_offset(HEAD[:20], False) == PENDING
    assert body.find_offset(PAGE[20:], False) == len(HEAD)
    assert body.reason is None


def test_an_offset_can_be_remembered_if_a_head_tag_of_the_first_chunk_decides_it() -> None:
    page = b"<!-- not for the fast way -->" + PAGE
    body = BodyRewriter(True)
    body.find_offset(page, False)
    assert body.can_be_remembered
    for other, chunks in [
        (BodyRewriter(True), [page[:20], page[20:]]),
        (BodyRewriter(False), [b"<!doctype html><head><meta charset=utf-8>" + PAGE]),
        (BodyRewriter(True, "gzip"), [gzip.compress(page)]),
        (BodyRewriter(True, marker=MARKER), [HEAD + MARKER]),
    ]:
        for chunk in chunks:
            other.find_offset(chunk, False)
        assert not other.can_be_remembered


def test_a_later_chunk_of_a_plain_body_passes_as_the_same_object() -> None:
    body, later = BodyRewriter(True), b"<p>later</p>"
    body.find_offset(PAGE, False)
    body.insert(SCRIPT, False)
    assert body.rewrite(later, False) is later


def test_the_original_is_the_apps_own_chunk_or_all_of_them() -> None:
    body, chunk = BodyRewriter(True), b"<p>a</p>"
    assert body.find_offset(chunk, True) == NO_OFFSET
    assert body.reason is SkipReason.FRAGMENT
    assert body.original() is chunk
    body = BodyRewriter(True)
    for data in cut(HEAD, 5):
        body.find_offset(data, False)
    assert body.original() == HEAD


def test_the_offset_of_an_implied_head_cannot_be_remembered() -> None:
    body = BodyRewriter(True)
    assert body.find_offset(b"<!doctype html><title>x</title>", True) == len(b"<!doctype html>")
    assert not body.can_be_remembered


# the fast way


def test_the_fast_way_decides_the_first_chunk_alone() -> None:
    body = BodyRewriter(True)
    assert body.find_offset(PAGE, False) == fast_offset(PAGE) == len(HEAD)
    assert body.insert(SCRIPT, False) == RESULT


def test_the_scanner_goes_on_where_the_fast_way_cannot_tell() -> None:
    assert fast_offset(PAGE[:9]) == PENDING
    assert rewrite(BodyRewriter(True), cut(PAGE, 9)) == RESULT


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (BodyRewriter(False), PAGE),
        (BodyRewriter(True, "gzip"), gzip.compress(PAGE)),
        (BodyRewriter(True, marker=MARKER), HEAD + MARKER),
    ],
    ids=["charset not declared", "compressed", "with a marker"],
)
def test_the_fast_way_is_not_taken_where_it_does_not_apply(body: BodyRewriter, page: bytes) -> None:
    assert body.find_offset(page, True) == len(HEAD)


@pytest.mark.parametrize("size", [3, 10_000])
def test_the_script_goes_before_the_marker_of_a_template(size: int) -> None:
    before, after = HEAD + b"<title>Shop</title>", MARKER + b"</head><body>Hello"
    assert rewrite(BodyRewriter(True, marker=MARKER), cut(before + after, size)) == before + SCRIPT + after


@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("script", [script + b">1</script>" for script in OWN_SCRIPTS])
def test_a_page_that_holds_our_script_is_refused_unmodified(script: bytes, coding: str) -> None:
    page = HEAD + script + PAGE[len(HEAD) :]
    page = gzip.compress(page) if coding else page
    body = BodyRewriter(True, coding)
    assert body.find_offset(page, True) == NO_OFFSET
    assert body.reason is SkipReason.ALREADY_INJECTED
    assert body.original() == page


# compressed bodies


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("size", [1, 10, 1000])
def test_a_compressed_body_is_decoded_and_encoded_again(name: str, size: int) -> None:
    coding, encode = ENCODERS[name]
    out = rewrite(BodyRewriter(True, coding), cut(encode(PAGE), size))
    assert decompress(coding, out) == (RESULT, True)


@given(st.sampled_from(sorted(ENCODERS)), st.lists(st.integers(0, 90), max_size=6), st.binary(max_size=300))
def test_no_cut_of_a_compressed_body_changes_the_page(name: str, cuts: list[int], more: bytes) -> None:
    coding, encode = ENCODERS[name]
    data = encode(PAGE + more)
    edges = [0, *sorted(min(each, len(data)) for each in cuts), len(data)]
    out = rewrite(BodyRewriter(True, coding), [data[a:b] for a, b in pairwise(edges)])
    assert decompress(coding, out) == (RESULT + more, True)


def test_a_body_that_is_not_in_its_coding_is_refused_unmodified() -> None:
    body = BodyRewriter(True, "gzip")
    assert body.find_offset(PAGE, True) == NO_OFFSET
    assert body.reason is SkipReason.CORRUPT
    assert body.original() is PAGE


def test_an_incomplete_stream_stays_incomplete() -> None:
    data = gzip.compress(PAGE)
    page, complete = decompress("gzip", rewrite(BodyRewriter(True, "gzip"), [data[:-4], b""]))
    assert page == RESULT
    assert not complete


def test_an_error_after_the_script_ends_the_body_without_raising() -> None:
    encoder = zlib.compressobj(6, zlib.DEFLATED, 31)
    start = encoder.compress(PAGE) + encoder.flush(zlib.Z_FULL_FLUSH)
    page, complete = decompress("gzip", rewrite(BodyRewriter(True, "gzip"), [start, b"\xff" * 50, b""]))
    assert page == RESULT
    assert not complete


def test_what_the_app_flushes_goes_out_at_once() -> None:
    encoder, reader, body = zlib.compressobj(6, zlib.DEFLATED, 31), zlib.decompressobj(31), BodyRewriter(True, "gzip")
    body.find_offset(encoder.compress(PAGE) + encoder.flush(zlib.Z_SYNC_FLUSH), False)
    assert reader.decompress(body.insert(SCRIPT, False)) == RESULT
    for number in range(3):
        text = b"<p>%d</p>" % number
        chunk = encoder.compress(text) + encoder.flush(zlib.Z_SYNC_FLUSH)
        assert reader.decompress(body.rewrite(chunk, False)) == text


def test_a_decompression_bomb_takes_bounded_memory() -> None:
    bomb = gzip.compress(PAGE + b"\0" * 100_000_000)
    body = BodyRewriter(True, "gzip")
    tracemalloc.start()
    assert body.find_offset(bomb, True) >= 0
    out = body.insert(b"<script></script>", True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
    assert len(zlib.decompressobj(31).decompress(out, 1000)) == 1000


def test_a_compressed_stream_that_never_yields_a_byte_is_not_held_for_ever() -> None:
    encoder = zlib.compressobj(6, zlib.DEFLATED, 31)
    empty = encoder.compress(b"") + encoder.flush(zlib.Z_SYNC_FLUSH)
    body, offset, fed = BodyRewriter(True, "gzip"), PENDING, 0
    while offset == PENDING and fed < 10_000_000:
        offset = body.find_offset(empty, False)
        empty = b"\x00\x00\x00\xff\xff" * 1000
        fed += len(empty)
    assert offset == NO_OFFSET
    assert fed < 300_000
