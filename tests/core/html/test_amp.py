from __future__ import annotations

import pytest

from widgetmw.core.html.amp import is_amp
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import NO_OFFSET, PENDING, fast_offset
from widgetmw.core.reasons import SkipReason

AMP = [
    "<html amp>",
    "<html ⚡>",
    '<HTML lang="en" AMP>',
    "<html ⚡4email data-css-strict>",
    "<html amp4ads>",
    '<html amp="">',
    "<html\n\tclass=x\n\tamp\n>",
    "<html class='a > b' amp>",
]
OTHERS = [
    "<html>",
    '<html lang="amp">',
    "<html class='x amp y'>",
    "<html data-amp amplifier>",
    "<html-amp amp>",
    "<!-- <html amp> --><html>",
    "",
]


@pytest.mark.parametrize("tag", AMP)
def test_an_amp_page_is_skipped_however_it_arrives(tag: str) -> None:
    start = f"<!doctype html>{tag}<head>".encode()
    page = start + b"<meta charset=utf-8><title>x</title></head><body></body></html>"
    assert is_amp(start)
    assert fast_offset(page) == PENDING
    for size in (1, 7, len(page)):
        body = BodyRewriter(charset_declared=True)
        pieces = [page[at : at + size] for at in range(0, len(page), size)]
        offsets = (body.find_offset(piece, last=False) for piece in pieces)
        found = next(offset for offset in offsets if offset != PENDING)
        assert (found, body.reason) == (NO_OFFSET, SkipReason.AMP)


@pytest.mark.parametrize("tag", OTHERS)
def test_other_pages_are_not_amp(tag: str) -> None:
    page = f"<!doctype html>{tag}<head><title>x</title></head><body></body></html>".encode()
    assert not is_amp(page)
    assert BodyRewriter(charset_declared=True).find_offset(page, True) > 0


def test_hostile_attributes_take_linear_time() -> None:
    for part in (b" a=", b' "', b"<!--", b" =", b"/", b"<html "):
        assert not is_amp(b"<html" + part * 60_000)


@pytest.mark.parametrize("comment", ["<!-- <html amp> -->", "<!--><html amp-x><!--->", "<!----><!-- amp -->"])
def test_comments_do_not_count(comment: str) -> None:
    assert not is_amp(f"{comment}<html lang=en>".encode())
    assert is_amp(f"{comment.replace('<html amp-x>', '')}<html ⚡>".encode())
