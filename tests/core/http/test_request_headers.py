from __future__ import annotations

import pytest

from widgetmw.core.http.request_headers import environ_name, has_identity_cookie


@pytest.mark.parametrize(
    ("cookies", "expected"),
    [
        ("widgetmw=1", True),
        ("a=b; widgetmw=1; c=d", True),
        ("widgetmw=1 ;a=b", True),
        ("widgetmw=10", False),
        ("xwidgetmw=1", False),
        ("a=widgetmw=1", False),
        ("", False),
    ],
)
def test_only_our_own_cookie_counts(cookies: str, expected: bool) -> None:
    assert has_identity_cookie(cookies) is expected


def test_a_header_has_one_key_in_an_environ() -> None:
    assert environ_name("if-none-match") == "HTTP_IF_NONE_MATCH"
