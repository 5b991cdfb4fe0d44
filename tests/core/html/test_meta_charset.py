from __future__ import annotations

import pytest

from tests.core.html.pages import DECLARING, UNSURE, split
from widgetmw.core.html.head_scanner import PENDING, REFUSED, HeadScanner, locate
from widgetmw.core.html.meta_charset import PRESCAN, WINDOW
from widgetmw.core.reasons import SkipReason

BEFORE, META, AFTER = b"<!doctype html><html><head>", b"<meta charset=utf-8>", b"<title>x</title></head><body>"
FILLERS = {"comment": b"<!--%b-->", "title": b"<title>%b</title>", "value": b"<link href='%b'>", "space": b"%b"}


def page_with_meta_at(offset: int, filler: bytes = b"<!--%b-->", before: bytes = BEFORE) -> bytes:
    room = offset - len(before) - len(filler) + 2
    page = before + filler % ((b" " if filler == b"%b" else b"x") * room)
    assert len(page) == offset
    return page + META + AFTER


@pytest.mark.parametrize("name", DECLARING)
def test_the_place_is_behind_the_charset_that_the_page_declares(name: str) -> None:
    page, place = split(DECLARING[name])
    assert locate(page, charset_declared=False) == (place, None)


@pytest.mark.parametrize("name", [name for name, (_, reason) in UNSURE.items() if reason != "placed"])
def test_a_page_whose_encoding_we_might_change_is_refused(name: str) -> None:
    page, reason = UNSURE[name]
    assert locate(page.encode("latin-1"), charset_declared=False) == (REFUSED, SkipReason[reason.upper()])


@pytest.mark.parametrize("name", UNSURE)
def test_no_such_page_is_refused_where_its_content_type_names_the_charset(name: str) -> None:
    assert locate(UNSURE[name][0].encode("latin-1"), charset_declared=True)[1] is None


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("offset", [200, 900, PRESCAN - 21, PRESCAN - 20, PRESCAN - 19, PRESCAN - 1])
def test_a_charset_that_begins_in_the_first_1024_bytes_stays_before_us(offset: int, filler: str) -> None:
    page = page_with_meta_at(offset, FILLERS[filler])
    assert locate(page, charset_declared=False) == (offset + len(META), None)


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("offset", [PRESCAN, PRESCAN + 1, WINDOW - 1, WINDOW, 5000])
def test_a_charset_behind_the_first_1024_bytes_is_out_of_reach_already(offset: int, filler: str) -> None:
    page = page_with_meta_at(offset, FILLERS[filler])
    assert locate(page, charset_declared=False) == (len(BEFORE), None)


def test_the_first_1024_bytes_count_from_the_start_of_the_page_also_where_the_head_is_late() -> None:
    page = page_with_meta_at(1500, before=b"<!doctype html><!--" + b"x" * 1300 + b"--><head>")
    assert locate(page, charset_declared=False) == (page.index(b"<head>") + 6, None)


def test_the_answer_waits_for_the_charset_and_no_longer() -> None:
    page = BEFORE + META + AFTER
    found = HeadScanner(charset_declared=False)
    answers = [found.feed(page[at : at + 1]) for at in range(len(page))]
    place = len(BEFORE + META)
    assert answers == [PENDING] * (place - 1) + [place] * (len(page) - place + 1)


def test_without_a_charset_the_answer_waits_for_the_bytes_that_browsers_look_at() -> None:
    page = BEFORE + b"<title>x</title><p>" + b"x" * 5000
    found = HeadScanner(charset_declared=False)
    assert found.feed(page[:PRESCAN]) == PENDING
    assert found.feed(page[PRESCAN:WINDOW]) == len(BEFORE)


def test_the_tag_is_followed_a_little_beyond_the_first_1024_bytes() -> None:
    for length, expected in ((400, None), (2000, SkipReason.CHARSET_LATE)):
        page = page_with_meta_at(1000).replace(b"charset=utf-8", b"name='" + b"x" * length + b"' charset=utf-8")
        place, reason = locate(page, charset_declared=False)
        assert reason == expected
        assert place == (REFUSED if expected else page.index(b"<title>"))


def test_text_outside_ascii_behind_the_bytes_that_are_looked_at_does_not_matter() -> None:
    page = BEFORE + b"<title>x</title><p>" + b"x" * WINDOW
    assert locate(page + b"\xe9", charset_declared=False) == (len(BEFORE), None)
    assert locate(page[: WINDOW - 1] + b"\xe9", charset_declared=False) == (REFUSED, SkipReason.CHARSET_MISSING)


@pytest.mark.parametrize(
    "label", ["iso-88591", "utf_8", "latin7", "iso-8859-12", "iso_8859-10", "windows-1259", "cp437", "utf8mb4", "l7"]
)
def test_a_label_that_browsers_do_not_know_ends_no_search(label: str) -> None:
    page = BEFORE + f"<meta charset={label}><script></script><meta charset=utf-8>".encode()
    assert locate(page, charset_declared=False) == (REFUSED, SkipReason.CHARSET_LATE)


@pytest.mark.parametrize(
    "label", ["utf-8", "UTF8", "latin1", "iso-8859-9", "iso8859-15", "windows-1258", "Shift_JIS", "euc-kr", "koi8-u"]
)
def test_a_label_that_browsers_know_ends_the_search(label: str) -> None:
    page = BEFORE + f"<meta charset='{label}'>|<script></script><meta charset=utf-8>".encode()
    assert locate(page.replace(b"|", b""), charset_declared=False) == (page.index(b"|"), None)
