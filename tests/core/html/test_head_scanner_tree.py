"""With our script inserted, two independent parsers see the same tree with our script first in its head."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.core.html.pages import PAGES, SCRIPT, documents, locate, soup, split
from tests.core.html.trees import by_html5lib, by_lexbor, scripts, without_ours
from widgetmw.core.html.head_scanner import NO_OFFSET


def assert_same_tree(page: bytes, offset: int) -> None:
    injected = page[:offset] + SCRIPT + page[offset:]
    for parse in (by_html5lib, by_lexbor):
        before, after = parse(page), parse(injected)
        if before is None:  # the parser itself failed
            continue
        assert after is not None
        assert without_ours(after.tree) == before.tree, parse.__name__
        assert after.mode == before.mode, parse.__name__
        all_scripts = scripts(after.tree)
        assert [ours for ours, _ in all_scripts].count(True) == 2
        assert [(ours, parents[1:]) for ours, parents in all_scripts[:2]] == [(True, ("html", "head"))] * 2


@pytest.mark.parametrize("name", PAGES)
def test_a_difficult_page_keeps_its_tree(name: str) -> None:
    assert_same_tree(*split(PAGES[name]))


@given(soup)
def test_tag_soup_keeps_its_tree(page: bytes) -> None:
    offset, _ = locate(page, charset_declared=True)
    if offset != NO_OFFSET:
        assert_same_tree(page, offset)


@given(soup)
def test_tag_soup_keeps_its_tree_if_the_script_comes_after_its_charset(page: bytes) -> None:
    offset, _ = locate(b"<!doctype html><meta charset=utf-8>" + page, charset_declared=False)
    assert offset == 35
    assert_same_tree(b"<!doctype html><meta charset=utf-8>" + page, offset)


@given(documents)
def test_a_document_with_optional_tags_left_out_keeps_its_tree(page: bytes) -> None:
    offset, reason = locate(page, charset_declared=True)
    assert reason is None
    assert_same_tree(page, offset)


def test_more_than_99_of_100_documents_have_an_offset() -> None:
    outcomes: list[str | None] = []

    @settings(max_examples=1000)
    @given(documents)
    def count(page: bytes) -> None:
        outcomes.append(locate(page, charset_declared=True)[1])

    count()
    assert len(outcomes) >= 1000
    assert outcomes.count(None) > 0.99 * len(outcomes)


def test_the_comparison_detects_a_script_at_a_wrong_offset() -> None:
    page = b"<!doctype html><!-- x --><html><head></head><body>x</body></html>"
    for wrong in (0, 15, page.index(b"x -->"), page.index(b"</body>")):
        with pytest.raises(AssertionError):
            assert_same_tree(page, wrong)
