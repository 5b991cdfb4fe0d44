from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.html.pages import PAGES, REFUSED_PAGES, REFUSED_UNDECLARED_PAGES, UNDECLARED_PAGES, locate, soup, split
from tests.growth import assert_linear
from widgetmw.core.html.head_scanner import LIMIT, NO_OFFSET, PENDING, HeadScanner, fast_offset
from widgetmw.core.html.meta_charset import WINDOW
from widgetmw.core.reasons import SkipReason

HEAD = "<!doctype html><html><head>|<title>x</title>"


def scan(chunks: Iterable[bytes], declared: bool = True, limit: int = LIMIT) -> tuple[int, SkipReason | None]:
    scanner = HeadScanner(declared, limit)
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.finish(), scanner.reason


def cut(page: bytes, size: int) -> list[bytes]:
    return [page[start : start + size] for start in range(0, len(page), size)]


@pytest.mark.parametrize("name", PAGES)
def test_the_offset_is_at_the_start_of_the_head(name: str) -> None:
    page, offset = split(PAGES[name])
    assert locate(page, charset_declared=True) == (offset, None)


@pytest.mark.parametrize("name", REFUSED_PAGES)
def test_a_page_without_an_offset_is_refused_with_a_reason(name: str) -> None:
    page, reason = REFUSED_PAGES[name]
    assert locate(page.encode("latin-1"), charset_declared=True) == (NO_OFFSET, SkipReason[reason.upper()])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("declared", [True, False])
def test_every_difficult_page_has_one_result_for_every_chunk_size(size: int, declared: bool) -> None:
    pages = [split(page)[0] for page in (*PAGES.values(), *UNDECLARED_PAGES.values())]
    pages += [page.encode("latin-1") for page, _ in (*REFUSED_PAGES.values(), *REFUSED_UNDECLARED_PAGES.values())]
    for page in pages:
        assert scan(cut(page, size), declared) == locate(page, declared), page


@given(soup | st.binary(max_size=60), st.booleans(), st.lists(st.integers(0, 9), max_size=30))
def test_the_result_does_not_depend_on_the_chunks(page: bytes, declared: bool, sizes: list[int]) -> None:
    chunks, rest = [], page
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    chunks.append(rest)
    assert scan(chunks, declared) == scan([page], declared) == locate(page, declared)


@given(soup, st.booleans(), st.integers(1, 40))
def test_only_the_bytes_up_to_the_limit_count(page: bytes, declared: bool, limit: int) -> None:
    result = locate(page, declared, limit)
    assert scan(cut(page, 1), declared, limit) == result
    assert scan(cut(page, 3), declared, limit) == result
    if len(page) >= limit:
        assert locate(page[:limit] + b"<head>", declared, limit) == result


@given(soup, soup)
def test_a_result_stays_whatever_follows(page: bytes, more: bytes) -> None:
    scanner = HeadScanner(charset_declared=True)
    if (result := scanner.feed(page)) != PENDING:
        assert scanner.feed(more) == result
        assert scanner.finish() == result
        assert locate(page + more, charset_declared=True)[0] == result


@given(soup)
def test_the_offset_lies_within_the_page(page: bytes) -> None:
    offset, reason = locate(page, charset_declared=True)
    assert (0 <= offset <= len(page)) if reason is None else offset == NO_OFFSET


def test_the_result_comes_with_the_byte_that_decides_it() -> None:
    page, offset = split(HEAD)
    scanner = HeadScanner(charset_declared=True)
    results = [scanner.feed(page[at : at + 1]) for at in range(len(page))]
    assert results == [PENDING] * (offset - 1) + [offset] * (len(page) - offset + 1)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("filler", [0, 5000])
def test_any_bytes_like_object_is_accepted(kind: Callable[[bytes], bytes], filler: int) -> None:
    page, offset = split("<!--" + "x" * filler + "-->" + HEAD)
    assert scan([kind(page)]) == (offset, None)
    assert scan([kind(page)], declared=False) == (offset, None)


def test_no_reference_to_the_callers_buffer_is_kept() -> None:
    page = bytearray(split(HEAD)[0][:10])
    scanner = HeadScanner(charset_declared=False)
    scanner.feed(page)
    page.clear()  # fails while there is a view of the bytearray
    scanner.feed(split(HEAD)[0][10:])
    assert scanner.finish() == split(HEAD)[1]


def test_a_head_beyond_the_limit_is_not_found() -> None:
    for size in (LIMIT - 5, LIMIT, 2 * LIMIT):
        page = b"<!doctype html>" + b" " * size + b"<head>"
        assert locate(page, charset_declared=True) == (NO_OFFSET, SkipReason.HEAD_NOT_FOUND)
        assert scan(cut(page, 1000)) == (NO_OFFSET, SkipReason.HEAD_NOT_FOUND)


def test_a_head_that_ends_at_the_limit_is_found() -> None:
    page = b"<!doctype html>" + b" " * (LIMIT - 21) + b"<head>"
    assert len(page) == LIMIT
    assert locate(page + b"x", charset_declared=True) == scan(cut(page, 1000)) == (LIMIT, None)


def test_a_nul_after_the_offset_does_not_matter() -> None:
    page, offset = split("<!doctype html><html><head>|<title>\0</title>\0")
    assert locate(page, charset_declared=True) == scan([page]) == (offset, None)


def test_the_fast_way_and_the_scanner_agree() -> None:
    simple = [split(page) for page in PAGES.values() if fast_offset(split(page)[0]) != PENDING]
    assert len(simple) > 5
    for page, offset in simple:
        scanner = HeadScanner(charset_declared=True)
        assert [scanner.feed(chunk) for chunk in cut(page, 16)][-1] == offset


# known mistakes of other products


def test_a_tag_split_over_two_chunks_is_found() -> None:
    page, offset = split(HEAD)
    for at in range(len(page)):
        assert scan([page[:at], page[at:]]) == (offset, None)


def test_an_empty_first_chunk_does_not_end_the_scan() -> None:
    page, offset = split(HEAD)
    scanner = HeadScanner(charset_declared=True)
    assert scanner.feed(b"") == PENDING
    assert scanner.feed(b"") == PENDING
    assert scanner.feed(page) == offset


def test_a_header_is_not_mistaken_for_a_head() -> None:
    page, offset = split("<!doctype html><html>|<body><header>x</header></body></html>")
    assert locate(page, charset_declared=True) == (offset, None)
    page, offset = split("<!doctype html><html>|<header>x</header>")
    assert locate(page, charset_declared=True) == (offset, None)


@pytest.mark.parametrize("text", ["İ", "ẞ", "ﬁ", "İ" * 500])
def test_letters_whose_lower_case_has_another_length_do_not_shift_the_offset(text: str) -> None:
    for before in (f"<!doctype html><!-- {text} --><HTML TITLE='{text}'>", f"<!DOCTYPE {text}><HTML>"):
        page = f"{before}<HEAD><title>{text}</title>".encode()
        assert locate(page, charset_declared=True) == (len(f"{before}<HEAD>".encode()), None)
        assert locate(page.decode().encode("iso-8859-9", "replace"), charset_declared=True)[1] is None


def test_a_head_in_a_string_of_a_script_is_ignored() -> None:
    page = b"""{"error": "<html><head></head>"}"""
    assert locate(page, charset_declared=True) == (NO_OFFSET, SkipReason.FRAGMENT)
    page, offset = split("""<!doctype html>|<script>var page = "<html><head></head>";</script><title>x</title>""")
    assert locate(page, charset_declared=True) == (offset, None)


HOSTILE = {
    "meta": b"<meta ",
    "link": b"<link>",
    "comment": b"<!--",
    "whole comments": b"<!-->",
    "nearly the end of a comment": b"<!-- --!-->-",
    "bogus comment": b"<?",
    "attributes": b"<a a=",
    "html attributes": b"<html a a ",
    "quotes": b"<html a=\"'>",
    "greater-than signs in quotes": b"<html a='>>>>>>>",
    "end tags": b"</a>",
    "end tags with attributes": b'</a a=">',
    "html tags": b"<html>",
    "doctypes": b"<!doctype html>",
    "white space": b" \n",
    "titles": b"<title></title>",
    "unfinished titles": b"<title></titl",
    "scripts": b"<script><!--<script </script",
    "metas with a charset": b"<meta charset=x>",
    "metas with a charset, and a quote": b"<meta charset=x a='>",
    "metas with a pragma": b"<meta http-equiv=content-type content=charset=charset=",
    "references": b"&#32;",
    "zeros of a reference": b"&#000000000",
    "NUL": b"\0",
    "bytes outside ASCII": b"\xff\xfe",
}
STARTS = (b"", b"<!doctype html>", b"<html ", b"<head>", b"<!doctype html><!--", b"<script>", b"<title>", b"<link a='")


def scan_in(size: int, declared: bool) -> Callable[[bytes], object]:
    """Returns what scans a page in chunks of a size."""
    return lambda page: scan(cut(page, size), declared)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_take_linear_time(name: str, declared: bool) -> None:
    for start in STARTS:
        page = (start + HOSTILE[name] * LIMIT)[:LIMIT]
        assert_linear(scan_in(LIMIT, declared), lambda size, page=page: page[:size], LIMIT)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_in_single_bytes_take_linear_time(name: str, declared: bool) -> None:
    start = STARTS[len(name) % len(STARTS)]
    page = (start + HOSTILE[name] * LIMIT)[:LIMIT]
    assert_linear(scan_in(1, declared), lambda size: page[:size], LIMIT // 2)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_window_of_a_page_without_a_charset_takes_linear_time(name: str) -> None:
    for start in STARTS:
        page = (start + HOSTILE[name] * WINDOW)[:WINDOW]
        assert_linear(scan_in(WINDOW, False), lambda size, page=page: page[:size], WINDOW)
