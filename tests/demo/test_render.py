"""Template rendering and escaping."""

from __future__ import annotations

import pytest

from widgetmw.demo.render import Markup, code_spans, join, render


def test_a_value_is_escaped() -> None:
    page = render("claim", name="<b>", value="\"'&</script>")
    assert "&lt;b&gt;" in page
    assert "&quot;&#x27;&amp;&lt;/script&gt;" in page


def test_markup_is_not_escaped() -> None:
    assert "<b>x</b>" in render("claim", name="n", value=Markup("<b>x</b>"))


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("claim", name="n")


def test_joined_markup_is_markup() -> None:
    assert isinstance(join([Markup("a"), Markup("b")]), Markup)


def test_backticks_become_code_and_everything_is_escaped() -> None:
    assert code_spans("a `<b>` & `c`") == "a <code>&lt;b&gt;</code> &amp; <code>c</code>"
    assert isinstance(code_spans("a"), Markup)
