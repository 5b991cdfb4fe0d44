"""The automaton by itself; what it makes of whole pages is tested with the head scanner."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from widgetmw.core.html.tokenizer import CODES, END, START, Row, Stop
from widgetmw.core.reasons import SkipReason

WIDTH = max(CODES) + 1


def rows() -> list[Row]:
    """Returns every row that can be reached from the first byte."""
    reached: dict[int, Row] = {}
    waiting = [START]
    while waiting:
        row = waiting.pop()
        if id(row) not in reached:
            reached[id(row)] = row
            targets = [target.then if isinstance(target, Stop) else target for target in row]
            waiting += [target for target in targets if target is not None]
    return list(reached.values())


def stops(page: bytes) -> Iterator[tuple[int, Stop]]:
    """Yields what the automaton finds in a page, with the number of bytes read; then what its end means."""
    row: Row | None = START
    for position, code in enumerate(page.translate(CODES), 1):
        assert row is not None
        target = row[code]
        if isinstance(target, Stop):
            yield position, target
            target = target.then
        row = target
        if row is None:
            return
    assert row is not None
    yield len(page), row[END]


def offset_of(page: bytes) -> int | None:
    """Returns the insertion offset, or ``None`` if the page is refused."""
    offset: int | None = None
    for position, stop in stops(page):
        if stop.reason is not None:
            return None
        if stop.back is not None:
            offset = position - stop.back
        if stop.then is None:
            return offset
    return offset


def test_every_row_has_a_target_for_each_byte_and_for_the_end() -> None:
    for row in rows():
        assert len(row) == WIDTH
        assert all(isinstance(target, list | Stop) for target in row)


def test_the_end_of_the_page_always_decides() -> None:
    for row in rows():
        assert isinstance(row[END], Stop)
        assert row[END].then is None


def test_a_stop_that_is_refused_has_no_offset_and_nothing_after_it() -> None:
    found = [target for row in rows() for target in row if isinstance(target, Stop)]
    assert {stop.reason for stop in found} == {
        None,
        SkipReason.FRAGMENT,
        SkipReason.HEAD_NOT_FOUND,
        SkipReason.NUL,
        SkipReason.ENCODING,
    }
    for stop in found:
        assert stop.reason is None or (stop.back is None and stop.then is None)


def test_white_space_is_one_code_and_the_end_is_no_byte() -> None:
    assert len(set(b"\t\n\f\r ".translate(CODES))) == 1
    assert CODES[0x0B] != CODES[0x20]  # a vertical tab is not white space in HTML
    assert END not in CODES


def test_case_matters_only_in_the_letters_of_character_references() -> None:
    different = {chr(byte) for byte in range(65, 91) if CODES[byte] != CODES[byte + 32]}
    assert different == set("ABEILNTW")


@pytest.mark.parametrize("tag", ["html", "head", "body", "title", "script", "frameset", "doctype"])
@pytest.mark.parametrize("before", ["<!doctype html>", ""])
def test_the_case_of_a_tag_never_matters(tag: str, before: str) -> None:
    page = f"{before}<{tag} a='b'>x</{tag}><body>"
    assert offset_of(page.encode()) == offset_of(page.upper().encode()) == offset_of(page.title().encode())


@pytest.mark.parametrize(
    ("page", "offset"),
    [
        (b"<head>", 6),
        (b"<html><head a='>'>x", 18),
        (b"<html>x", 6),
        (b"<html><title>", 6),
        (b"<html></p><title>", 10),
        (b"<html></head>", 6),
        (b"<html>&#32;x", 11),
        (b"<html>&#65;x", 6),
        (b"<html>", 6),
        (b"<title>x</title><body>", 0),
        (b" <!-- x --><title></title><!doctype html>", 11),
        (b"</body><body>", 0),
    ],
)
def test_the_offset_counts_back_from_the_byte_that_decides(page: bytes, offset: int) -> None:
    assert offset_of(page) == offset


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b"x", SkipReason.FRAGMENT),
        (b"", SkipReason.FRAGMENT),
        (b"<title>x</title><p>", SkipReason.FRAGMENT),
        (b"<html><!-- ", SkipReason.HEAD_NOT_FOUND),
        (b"<html>\0", SkipReason.NUL),
        (b"\xff\xfe", SkipReason.ENCODING),
        (b"\xfe\xff", SkipReason.ENCODING),
    ],
)
def test_the_reason_of_a_refusal(page: bytes, reason: SkipReason) -> None:
    *_, (_, stop) = stops(page)
    assert stop.reason is reason


def test_an_offset_is_stored_where_a_reference_may_turn_out_to_be_white_space() -> None:
    first, *_ = stops(b"<html>&#32;")
    assert first[0] == 7
    assert first[1].back == 1
    assert first[1].then is not None
