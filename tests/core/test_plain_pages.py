"""The short way that most pages take says what the long way says; and what is remembered is never another page's."""

from __future__ import annotations

from copy import copy
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from widgetmw import Settings, User
from widgetmw.core.headers import private
from widgetmw.core.response import Page, inspect
from widgetmw.core.widget import Widget

ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"}
POOL = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Type", "text/html"),
    ("content-length", "85"),
    ("Content-Length", " 85 "),
    ("Content-Length", "8_5"),
    ("Cache-Control", "no-cache"),
    ("Cache-Control", "private, no-cache"),
    ("Cache-Control", "no-store"),
    ("Cache-Control", "public"),
    ("CDN-Cache-Control", "no-store"),
    ("Vary", "Accept-Language"),
    ("vary", "Cookie, Accept"),
    ("Vary", ""),
    ("ETag", '"1"'),
    ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2"),
    ("X-Frame-Options", "DENY"),
    ("Clear-Site-Data", '"cookies"'),
    ("Content-Encoding", "identity"),
    ("Content-Security-Policy", "script-src 'self'"),
]
HEADERS = st.lists(st.sampled_from(POOL), min_size=1, max_size=8)
KINDS = st.sampled_from([str, bytes])


def of_kind(headers: list[tuple[str, str]], kind: type) -> list[tuple[Any, Any]]:
    return headers if kind is str else [(name.encode(), value.encode()) for name, value in headers]


def widget(**variables: str) -> Widget:
    return Widget(Settings.from_env({**ENV, **variables}), clock=lambda: 1_700_000_000.0)


STRICT, LENIENT = widget(), widget(WIDGETMW_CACHE_CONTROL="private, no-cache")
FACTS: Any = SimpleNamespace(mount="/shop", framed=False, ahead=False, marked=False, origin=None)


@given(HEADERS, KINDS, st.sampled_from([STRICT, LENIENT]), st.sampled_from(["ada", "bob"]))
def test_the_short_way_says_what_the_long_way_says(
    headers: list[tuple[str, str]], kind: type, widget: Widget, id: str
) -> None:
    given = of_kind(headers, kind)
    page = inspect(200, given)
    if not isinstance(page, Page):
        return
    before = list(given)
    long = copy(page)
    long.plain = False
    assert widget.dress(FACTS, page, given, User(id)) == widget.dress(FACTS, long, given, User(id))
    assert given == before


@given(st.lists(st.tuples(HEADERS, KINDS), min_size=2, max_size=6))
def test_what_is_remembered_of_one_answer_is_never_said_of_another(
    answers: list[tuple[list[tuple[str, str]], type]],
) -> None:
    def judged(headers: list[tuple[Any, Any]]) -> Any:
        page = inspect(200, headers)
        return page if isinstance(page, str) else private(headers, page, "private, no-store", 7)

    every = [of_kind(headers, kind) for headers, kind in answers]
    first = [judged(headers) for headers in every]
    assert [judged(headers) for headers in reversed(every)] == first[::-1]
    for headers, result in zip(every, first, strict=True):
        if isinstance(result, str):
            continue
        kept = [pair for pair in result if pair in headers]
        left = iter(headers)
        assert all(pair in left for pair in kept)  # in the app's order
        names = [str(name if isinstance(name, str) else name.decode()).lower() for name, _ in result]
        assert "etag" not in names
        assert names.count("content-length") <= 1
        assert "cache-control" in names
        assert "vary" in names
