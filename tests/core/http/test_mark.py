from __future__ import annotations

import pytest

from widgetmw.core.http.mark import has_mark, mark_name


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ("widgetmw_1=1", True),
        ("a=b; widgetmw_1=1; c=d", True),
        ("widgetmw_1=1 ;a=b", True),
        ("widgetmw_1=10", False),
        ("xwidgetmw_1=1", False),
        ("a=widgetmw_1=1", False),
        ("widgetmw_2=1", False),
        ("", False),
    ],
)
def test_only_the_apps_own_mark_counts(cookies: str, expected: bool) -> None:
    assert has_mark(cookies, "widgetmw_1") is expected


def test_apps_of_a_host_have_different_marks() -> None:
    apps = [("/_widgetmw", "a.example"), ("/shop/_widgetmw", "a.example"), ("/_widgetmw", "a.example:8000")]
    assert len({mark_name(*app) for app in apps}) == 3


@pytest.mark.parametrize(
    ("host", "other"),
    [("a.example", ""), ("a.example:8000", "b.example:8000"), ("[::1]", "a.example"), ("[::1]:5", "a:5")],
)
def test_only_the_port_of_a_host_matters(host: str, other: str) -> None:
    assert mark_name("/_widgetmw", host) == mark_name("/_widgetmw", other)


@pytest.mark.parametrize("host", ["a.example:80", "a.example:443", "[::1]:443"])
def test_a_default_port_that_a_proxy_has_added_does_not_matter(host: str) -> None:
    assert mark_name("/_widgetmw", host) == mark_name("/_widgetmw", "a.example")
