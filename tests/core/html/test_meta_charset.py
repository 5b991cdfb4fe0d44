from __future__ import annotations

import pytest

from tests.core.html.pages import REFUSED_UNDECLARED_PAGES, UNDECLARED_PAGES, locate, split
from widgetmw.core.html.head_scanner import NO_OFFSET, PENDING, HeadScanner
from widgetmw.core.html.meta_charset import PRESCAN, WINDOW
from widgetmw.core.reasons import SkipReason

BEFORE, META, AFTER = b"<!doctype html><html><head>", b"<meta charset=utf-8>", b"<title>x</title></head><body>"
FILLERS = {"comment": b"<!--%b-->", "title": b"<title>%b</title>", "value": b"<link href='%b'>", "space": b"%b"}


def page_with_meta_at(offset: int, filler: bytes = b"<!--%b-->", before: bytes = BEFORE) -> bytes:
    room = offset - len(before) - len(filler) + 2
    page = before + filler % ((b" " if filler == b"%b" else b"x") * room)
    assert len(page) == offset
    return page + META + AFTER


@pytest.mark.parametrize("name", UNDECLARED_PAGES)
def test_the_offset_is_after_the_charset_that_the_page_declares(name: str) -> None:
    page, offset = split(UNDECLARED_PAGES[name])
    assert locate(page, charset_declared=False) == (offset, None)


@pytest.mark.parametrize(
    "name", [name for name, (_, reason) in REFUSED_UNDECLARED_PAGES.items() if reason != "accepted"]
)
def test_a_page_whose_encoding_might_change_is_refused(name: str) -> None:
    page, reason = REFUSED_UNDECLARED_PAGES[name]
    assert locate(page.encode("latin-1"), charset_declared=False) == (NO_OFFSET, SkipReason[reason.upper()])


@pytest.mark.parametrize("name", REFUSED_UNDECLARED_PAGES)
def test_no_such_page_is_refused_if_its_content_type_declares_the_charset(name: str) -> None:
    assert locate(REFUSED_UNDECLARED_PAGES[name][0].encode("latin-1"), charset_declared=True)[1] is None


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("offset", [200, 900, PRESCAN - 21, PRESCAN - 20, PRESCAN - 19, PRESCAN - 1])
def test_a_charset_that_starts_in_the_first_1024_bytes_stays_before_the_script(offset: int, filler: str) -> None:
    page = page_with_meta_at(offset, FILLERS[filler])
    assert locate(page, charset_declared=False) == (offset + len(META), None)


@pytest.mark.parametrize("filler", FILLERS)
@pytest.mark.parametrize("offset", [PRESCAN, PRESCAN + 1, WINDOW - 1, WINDOW, 5000])
def test_a_charset_after_the_first_1024_bytes_does_not_matter(offset: int, filler: str) -> None:
    page = page_with_meta_at(offset, FILLERS[filler])
    assert locate(page, charset_declared=False) == (len(BEFORE), None)


def test_the_first_1024_bytes_start_with_the_page_even_if_the_head_is_late() -> None:
    page = page_with_meta_at(1500, before=b"<!doctype html><!--" + b"x" * 1300 + b"--><head>")
    assert locate(page, charset_declared=False) == (page.index(b"<head>") + 6, None)


def test_the_result_waits_for_the_charset_and_no_longer() -> None:
    page = BEFORE + META + AFTER
    scanner = HeadScanner(charset_declared=False)
    results = [scanner.feed(page[at : at + 1]) for at in range(len(page))]
    offset = len(BEFORE + META)
    assert results == [PENDING] * (offset - 1) + [offset] * (len(page) - offset + 1)


def test_without_a_charset_the_result_waits_for_the_bytes_that_browsers_read() -> None:
    page = BEFORE + b"<title>x</title><p>" + b"x" * 5000
    scanner = HeadScanner(charset_declared=False)
    assert scanner.feed(page[:PRESCAN]) == PENDING
    assert scanner.feed(page[PRESCAN:WINDOW]) == len(BEFORE)


def test_a_tag_is_read_a_little_beyond_the_first_1024_bytes() -> None:
    for length, expected in ((400, None), (2000, SkipReason.CHARSET_LATE)):
        page = page_with_meta_at(1000).replace(b"charset=utf-8", b"name='" + b"x" * length + b"' charset=utf-8")
        offset, reason = locate(page, charset_declared=False)
        assert reason == expected
        assert offset == (NO_OFFSET if expected else page.index(b"<title>"))


def test_text_outside_ascii_after_the_window_does_not_matter() -> None:
    page = BEFORE + b"<title>x</title><p>" + b"x" * WINDOW
    assert locate(page + b"\xe9", charset_declared=False) == (len(BEFORE), None)
    assert locate(page[: WINDOW - 1] + b"\xe9", charset_declared=False) == (NO_OFFSET, SkipReason.CHARSET_MISSING)


@pytest.mark.parametrize(
    "label", ["iso-88591", "utf_8", "latin7", "iso-8859-12", "iso_8859-10", "windows-1259", "cp437", "utf8mb4", "l7"]
)
def test_the_search_goes_on_after_an_unknown_label(label: str) -> None:
    page = BEFORE + f"<meta charset={label}><script></script><meta charset=utf-8>".encode()
    assert locate(page, charset_declared=False) == (NO_OFFSET, SkipReason.CHARSET_LATE)


@pytest.mark.parametrize(
    "label", ["utf-8", "UTF8", "latin1", "iso-8859-9", "iso8859-15", "windows-1258", "Shift_JIS", "euc-kr", "koi8-u"]
)
def test_a_known_label_ends_the_search(label: str) -> None:
    page = BEFORE + f"<meta charset='{label}'>|<script></script><meta charset=utf-8>".encode()
    assert locate(page.replace(b"|", b""), charset_declared=False) == (page.index(b"|"), None)
