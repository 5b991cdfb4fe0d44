"""With our span, two independent parsers see the same tree and our scripts first in its head."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.core.html.pages import PLACED, SPAN, documents, soup, split
from tests.core.html.trees import by_html5lib, by_lexbor, scripts, without_ours
from widgetmw.core.html.head_scanner import REFUSED, locate


def check(page: bytes, place: int) -> None:
    injected = page[:place] + SPAN + page[place:]
    for parse in (by_html5lib, by_lexbor):
        before, after = parse(page), parse(injected)
        if before is None:  # the parser's own failure
            continue
        assert after is not None
        assert without_ours(after.tree) == before.tree, parse.__name__
        assert after.mode == before.mode, parse.__name__
        found = scripts(after.tree)
        assert [ours for ours, _ in found].count(True) == 2
        assert [(ours, parents[1:]) for ours, parents in found[:2]] == [(True, ("html", "head"))] * 2


@pytest.mark.parametrize("name", PLACED)
def test_a_torture_page_keeps_its_tree(name: str) -> None:
    check(*split(PLACED[name]))


@given(soup)
def test_tag_soup_keeps_its_tree(page: bytes) -> None:
    place, _ = locate(page, charset_declared=True)
    if place != REFUSED:
        check(page, place)


@given(soup)
def test_tag_soup_keeps_its_tree_where_we_come_after_its_charset(page: bytes) -> None:
    place, _ = locate(b"<!doctype html><meta charset=utf-8>" + page, charset_declared=False)
    assert place == 35
    check(b"<!doctype html><meta charset=utf-8>" + page, place)


@given(documents)
def test_a_document_with_optional_tags_left_out_keeps_its_tree(page: bytes) -> None:
    place, reason = locate(page, charset_declared=True)
    assert reason is None
    check(page, place)


def test_more_than_99_in_100_documents_are_placed() -> None:
    outcomes: list[str | None] = []

    @settings(max_examples=1000)
    @given(documents)
    def count(page: bytes) -> None:
        outcomes.append(locate(page, charset_declared=True)[1])

    count()
    assert len(outcomes) >= 1000
    assert outcomes.count(None) > 0.99 * len(outcomes)


def test_the_comparison_notices_a_script_in_the_wrong_place() -> None:
    page = b"<!doctype html><!-- x --><html><head></head><body>x</body></html>"
    for wrong in (0, 15, page.index(b"x -->"), page.index(b"</body>")):
        with pytest.raises(AssertionError):
            check(page, wrong)
