from __future__ import annotations

import pytest

from widgetmw.core.http.authorization_cookie import authorization_cookie, is_sent_by_browsers, lacks_authorization


@pytest.mark.parametrize("value", ["Basic YTpi", "basic YTpi", 'Digest username="a"', "Negotiate YII=", "NTLM TlRM"])
def test_browsers_send_these_schemes_by_themselves(value: str) -> None:
    assert is_sent_by_browsers(value)


@pytest.mark.parametrize("value", ["", "Bearer eyJ", "Token abc", "Basically x"])
def test_only_scripts_and_proxies_send_others(value: str) -> None:
    assert not is_sent_by_browsers(value)


def test_only_the_endpoint_gets_the_cookie_until_the_browser_is_closed() -> None:
    value = "widgetmw_authorization=1; Path=/shop/_widgetmw; HttpOnly; SameSite=Lax"
    assert authorization_cookie("/shop/_widgetmw", is_https=False) == value
    assert authorization_cookie("/shop/_widgetmw", is_https=True) == f"{value}; Secure"


def test_a_path_adds_no_attribute_to_the_cookie() -> None:
    assert "Path=/a%3BDomain=b;" in authorization_cookie("/a;Domain=b", is_https=False)


@pytest.mark.parametrize(
    ("cookies", "authorization", "expected"),
    [
        ("a=b; widgetmw_authorization=1", "", True),
        ("a=b; widgetmw_authorization=1", "Basic YTpi", False),
        ("a=b; widgetmw_0a1b2c3d=1", "", False),
        ("", "", False),
    ],
)
def test_a_token_request_without_what_the_page_had_does_not_show_the_user(
    cookies: str, authorization: str, expected: bool
) -> None:
    assert lacks_authorization(cookies, authorization) is expected
