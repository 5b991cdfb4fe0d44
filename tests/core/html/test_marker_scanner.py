"""The place that a template marks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import PENDING, REFUSED
from widgetmw.core.html.marker_scanner import MARKER, MarkerScanner
from widgetmw.core.reasons import SkipReason

START = b"<!doctype html><html><head><title>Shop</title>"
PAGE = START + MARKER + b"</head><body>Hello"


def place(*pieces: bytes) -> int:
    scanner = MarkerScanner(True)
    for piece in pieces:
        found = scanner.feed(piece)
        if found != PENDING:
            return found
    return scanner.finish()


@given(cuts=st.lists(st.integers(0, len(PAGE)), max_size=8))
def test_the_mark_is_found_however_the_page_is_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(PAGE)]
    assert place(*(PAGE[a:b] for a, b in pairwise(edges))) == len(START)


def test_single_bytes() -> None:
    assert place(*(PAGE[i : i + 1] for i in range(len(PAGE)))) == len(START)


def test_without_a_mark_it_is_the_start_of_head() -> None:
    assert place(START + b"</head><body>") == START.index(b"<title>")
    assert place(START[:20], START[20:], b"<!--widgetmw ->") == START.index(b"<title>")


def test_a_mark_makes_a_page_of_what_would_be_none() -> None:
    fragment = b"<p>part</p>"
    assert place(fragment + MARKER) == len(fragment)
    scanner = MarkerScanner(True)
    assert scanner.feed(fragment) == PENDING
    assert scanner.finish() == REFUSED
    assert scanner.reason is SkipReason.FRAGMENT


def test_the_first_of_two_marks_counts() -> None:
    assert place(PAGE + MARKER) == len(START)


def test_a_page_is_not_held_for_ever() -> None:
    scanner = MarkerScanner(True)
    assert scanner.feed(START) == PENDING
    fed = 0
    while scanner.feed(b"x" * 65_536) == PENDING:
        fed += 65_536
        assert fed < 2_000_000
    assert fed > 900_000


@pytest.mark.parametrize("size", [3, 10_000])
def test_a_body_opens_at_the_mark(size: int) -> None:
    body = BodyRewriter(True, has_marker=True)
    for i in range(0, len(PAGE), size):
        if body.find_offset(PAGE[i : i + size], i + size >= len(PAGE)) != PENDING:
            break
    out = body.insert(b"<script>", True)
    assert out.startswith(START + b"<script>" + MARKER)
