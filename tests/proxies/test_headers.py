"""Proxies that send plain headers: which user they name, and what happens to malformed values."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.proxy.proxies import PLAIN, REQUESTS, environ, resolver_for, scope
from widgetmw import User
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.resolver import ProxyResolver

KIND = "oauth2-proxy"
USER, NAME, EMAIL = PLAIN[KIND]
ADA = User("ada-1", "Ada", "ada@shop.example")
HEADERS = ((USER, "ada-1"), (NAME, "Ada"), (EMAIL, "ada@shop.example"))


def refusal(resolve: ProxyResolver, request: Any) -> ProxyReason:
    with pytest.raises(ProxyIdentityError) as caught:
        resolve(request)
    return caught.value.reason


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize("kind", PLAIN)
def test_each_proxy_is_read_from_its_own_headers_only(kind: str, make: Any) -> None:
    resolve, events = resolver_for(kind)
    assert resolve(make(*zip(PLAIN[kind], ("ada-1", "Ada", "ada@shop.example"), strict=True))) == ADA
    assert events.counts == {}
    for other in PLAIN.keys() - {kind}:
        assert resolve(make((PLAIN[other][0], "eve"))) is None
    assert events.counts == {"proxy:absent": len(PLAIN) - 1}


@pytest.mark.parametrize("make", REQUESTS)
def test_any_other_proxy_is_read_from_the_configured_headers(make: Any) -> None:
    resolve, _ = resolver_for("headers", USER_HEADER="X-Who", EMAIL_HEADER="X-MAIL")
    assert resolve(make(("X-Who", "ada-1"), ("X-Mail", "ada@shop.example"))) == User("ada-1", None, "ada@shop.example")
    same, _ = resolver_for("headers", USER_HEADER="X-Mail", EMAIL_HEADER="X-Mail")
    assert same(make(("X-Mail", "ada@shop.example"))) == User("ada@shop.example", None, "ada@shop.example")


@pytest.mark.parametrize("make", REQUESTS)
def test_name_and_email_may_be_missing(make: Any) -> None:
    resolve, events = resolver_for(KIND)
    assert resolve(make((USER, "ada-1"))) == User("ada-1")
    assert resolve(make((USER, "ada-1"), (NAME, ""), (EMAIL, " "))) == User("ada-1")
    assert events.counts == {}


@pytest.mark.parametrize("make", REQUESTS)
def test_text_in_any_language_is_accepted(make: Any) -> None:
    resolve, _ = resolver_for(KIND)
    assert resolve(make((USER, "Łukasz"), (NAME, "Zoë 李"))) == User("Łukasz", "Zoë 李")


# malformed ids


@pytest.mark.parametrize("make", REQUESTS)
def test_two_ids_are_refused(make: Any) -> None:
    resolve, events = resolver_for(KIND)
    for second in ("eve", "ada-1", ""):
        assert refusal(resolve, make((USER, "ada-1"), (USER, second))) is ProxyReason.HEADER_REPEATED
    assert refusal(resolve, make((USER, "ada-1, eve"))) is ProxyReason.HEADER_REPEATED
    assert events.counts == {"proxy:header_repeated": 4}


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize("value", ["Ada\x00", "a\nb", "a\x7fb", "a\u200bb", "a\u2028b", "a\u00a0b"])
def test_an_unprintable_id_is_refused(make: Any, value: str) -> None:
    assert refusal(resolver_for(KIND)[0], make((USER, value))) is ProxyReason.HEADER_MALFORMED


def test_an_id_that_is_not_utf_8_is_refused() -> None:
    resolve, _ = resolver_for(KIND)
    latin_1 = {**scope(), "headers": [(USER.lower().encode(), b"Zo\xeb")]}
    assert refusal(resolve, latin_1) is ProxyReason.HEADER_MALFORMED
    assert refusal(resolve, environ(HTTP_X_FORWARDED_USER="Zo\xeb")) is ProxyReason.HEADER_MALFORMED
    # Latin-1's no-break space is not blank here.
    assert refusal(resolve, environ(HTTP_X_FORWARDED_USER="\xa0")) is ProxyReason.HEADER_MALFORMED


# malformed names and emails


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize("value", ["Lovelace, Ada", "a\x01b"])
def test_a_malformed_name_or_email_is_dropped_and_logged_once(
    make: Any, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    resolve, events = resolver_for(KIND)
    caplog.clear()
    without_name, without_email = User("ada-1", None, "ada@shop.example"), User("ada-1", "Ada")
    for _ in range(3):
        assert resolve(make((USER, "ada-1"), (NAME, value), (EMAIL, "ada@shop.example"))) == without_name
        assert resolve(make((USER, "ada-1"), (NAME, "Ada"), (EMAIL, value))) == without_email
        assert resolve(make((USER, "ada-1"), (EMAIL, "a@b.example"), (EMAIL, "c@d.example"))) == User("ada-1")
    assert events.counts == {"proxy:value_left_out": 9}
    assert len(caplog.records) == 1
    assert value not in caplog.text


# underscores


def test_asgi_tells_an_underscore_from_a_hyphen() -> None:
    resolve, _ = resolver_for(KIND)
    user, email = USER.replace("-", "_"), EMAIL.replace("-", "_")
    assert resolve(scope((user, "eve"))) is None
    assert resolve(scope(*HEADERS, (user, "eve"), (email, "eve@shop.example"))) == ADA


def test_a_wsgi_server_that_joins_a_header_with_an_underscore_makes_it_two_values() -> None:
    resolve, events = resolver_for(KIND)
    assert refusal(resolve, environ(*HEADERS, (USER.replace("-", "_"), "eve"))) is ProxyReason.HEADER_REPEATED
    request = environ(*HEADERS, (NAME.replace("-", "_"), "Eve"))
    assert resolve(request) == User("ada-1", None, "ada@shop.example")
    assert events.counts["proxy:value_left_out"] == 1
