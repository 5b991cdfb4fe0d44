from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from widgetmw.core.html.head_scanner import OWN_SCRIPTS, PENDING, HeadScanner
from widgetmw.core.html.known_prefixes import KnownPrefixes

TAGS = [
    b"<!doctype html>",
    b"<html>",
    b"\n",
    b"<!-- a comment -->",
    b"<!-- <head -->",
    b"<!-- <head> -->",
    b"<!--><head>",
    b"<head>",
    b"<head lang=en>",
    b"<head a='>'>",
    b"<head-er>",
    b"<title>a</title>",
    b"<meta charset=latin-1>",
    b"<script><head></script>",
    b"<body>",
    b"text",
]
PAGES = st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=6).map(b"".join), min_size=2, max_size=5)


@given(PAGES)
@example([b"<!-- a --><head><title>", b"<!-- a --><head><p>", b"<!-- a --><title>", b"<!-- a --><p>"])
@example([b"<!-- <head --><title>", b"<!-- <head --><p>"])
@example([b"<!doctype html><html title='<head '><p>", b"<!doctype html><html title='<head '><head class=a>"])
@example([b"<!doctype html><?x <head ?><p>", b"<!doctype html><?x <head ?><html><head class=a>"])
@example([b'<!doctype html SYSTEM "<head "><p>', b'<!doctype html SYSTEM "<head "><html><head class=a>'])
@example([b"<!doctype html><!-- <head --!><p>", b"<!doctype html><!-- <head --!><html><head class=a>"])
def test_a_remembered_prefix_determines_the_insertion_offset(pages: list[bytes]) -> None:
    known = KnownPrefixes()
    for page in pages:
        scanner = HeadScanner(charset_declared=True)
        scanner.feed(page)
        place = scanner.finish()
        offset = known.insertion_offset("", page)
        if offset != PENDING:
            assert offset == place
        elif place > 0 and scanner.follows_head_tag:
            known.remember("", page, place)


@pytest.mark.parametrize("script", OWN_SCRIPTS)
@pytest.mark.parametrize("after", [b"", b"<", b"<title>", b"\n<meta>", b"<script src=a>", b"<script data-a>", b"text"])
def test_a_remembered_prefix_never_hides_that_a_page_holds_our_script(script: bytes, after: bytes) -> None:
    known, head = KnownPrefixes(), b"<!doctype html><head>"
    for page in (head, head + after, head + after + b"<p>", head + b"<title>"):
        for _ in range(2):
            assert known.insertion_offset("", page) == len(head)
            assert known.insertion_offset("", head + script + b">1</script>" + after) == PENDING
        known.remember("", page, len(head))
