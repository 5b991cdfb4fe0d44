"""The insertion offset that a template marks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.growth import assert_linear
from widgetmw.core.html.head_scanner import NO_OFFSET, PENDING
from widgetmw.core.html.marker_scanner import MarkerScanner, find_marker, has_foreign_base, new_marker
from widgetmw.core.reasons import SkipReason

MARKER = new_marker()
START = b"<!doctype html><html><head><title>Shop</title>"
PAGE = START + MARKER + b"</head><body>Hello"


def offset_of(*chunks: bytes) -> int:
    scanner = MarkerScanner(True, MARKER)
    for chunk in chunks:
        offset = scanner.feed(chunk)
        if offset != PENDING:
            return offset
    return scanner.finish()


@given(cuts=st.lists(st.integers(0, len(PAGE)), max_size=8))
def test_the_marker_is_found_however_the_page_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(PAGE)]
    assert offset_of(*(PAGE[a:b] for a, b in pairwise(edges))) == len(START)


def test_the_marker_is_found_in_single_bytes() -> None:
    assert offset_of(*(PAGE[i : i + 1] for i in range(len(PAGE)))) == len(START)


def test_without_a_marker_the_offset_is_the_start_of_the_head() -> None:
    assert offset_of(START + b"</head><body>") == START.index(b"<title>")
    assert offset_of(START[:20], START[20:], b"<!--widgetmw ->") == START.index(b"<title>")


def test_a_marker_makes_a_fragment_a_page() -> None:
    fragment = b"<p>part</p>"
    assert offset_of(fragment + MARKER) == len(fragment)
    scanner = MarkerScanner(True, MARKER)
    assert scanner.feed(fragment) == PENDING
    assert scanner.finish() == NO_OFFSET
    assert scanner.reason is SkipReason.FRAGMENT


def test_the_first_of_two_markers_counts() -> None:
    assert offset_of(PAGE + MARKER) == len(START)


def test_a_page_is_not_held_for_ever() -> None:
    scanner = MarkerScanner(True, MARKER)
    assert scanner.feed(START) == PENDING
    fed = 0
    while scanner.feed(b"x" * 65_536) == PENDING:
        fed += 65_536
        assert fed < 2_000_000
    assert fed > 900_000


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (b'<base href="https://cdn.example/">', True),
        (b"<BASE target=_blank HREF='//cdn.example'>", True),
        (b'<base href="/\n/cdn.example">', True),
        (b'<base href="\\\\cdn.example">', True),
        (b"<base href=https&colon;//cdn.example>", True),
        (b'<base href="/"><base href="https://cdn.example/">', True),
        (b'<base href="/">', False),
        (b'<base href="/shop/">', False),
        (b'<base href="./">', False),
        (b"<base target=_blank>", False),
        (b'<basefont href="https://cdn.example/">', False),
        (b'<link href="https://cdn.example/">', False),
    ],
)
def test_a_base_that_names_an_origin_is_recognized(html: bytes, expected: bool) -> None:
    assert has_foreign_base(START + html) is expected


@pytest.mark.parametrize("part", [b"<base ", b"<base href=", b'<base href="', b"<base href=/ ", b" / "])
def test_the_bases_of_any_page_are_found_in_linear_time(part: bytes) -> None:
    assert_linear(has_foreign_base, lambda size: b"<base href='" + part * size, 4000)


def test_the_marker_of_a_skipped_page_is_found_again() -> None:
    assert find_marker(PAGE) == MARKER
    assert find_marker(START + b"<!--widgetmw script--></head>") is None
