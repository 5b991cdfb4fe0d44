from __future__ import annotations

from widgetmw.core.http.request_headers import environ_name


def test_a_header_has_one_key_in_an_environ() -> None:
    assert environ_name("if-none-match") == "HTTP_IF_NONE_MATCH"
