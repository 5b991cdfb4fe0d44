"""Templates escape what is not markup."""

from __future__ import annotations

import pytest

from widgetmw.demo.render import Markup, join, render


def test_a_value_is_text_and_never_markup() -> None:
    page = render("fact", name="<b>", value="\"'&</script>")
    assert "&lt;b&gt;" in page
    assert "&quot;&#x27;&amp;&lt;/script&gt;" in page


def test_markup_goes_in_as_it_is() -> None:
    assert "<b>x</b>" in render("fact", name="n", value=Markup("<b>x</b>"))


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("fact", name="n")


def test_joined_markup_is_markup() -> None:
    assert isinstance(join([Markup("a"), Markup("b")]), Markup)
