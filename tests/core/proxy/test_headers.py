"""Plain headers of a proxy: whom they name, from where they are believed, and what is left of odd ones."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.core.proxy.proxies import PLAIN, PROXY, REQUESTS, environ, front, scope, signed, variables
from widgetmw import Settings, User
from widgetmw.core.events import Events
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.resolver import ProxyResolver

KIND = "oauth2-proxy"
USER, NAME, EMAIL = PLAIN[KIND]
ADA = User("ada-1", "Ada", "ada@shop.example")
WHOLE = ((USER, "ada-1"), (NAME, "Ada"), (EMAIL, "ada@shop.example"))


def refusal(found: ProxyResolver, request: Any) -> str:
    with pytest.raises(ProxyIdentityError) as caught:
        found(request)
    return caught.value.reason.code


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize("kind", PLAIN)
def test_each_proxy_is_read_by_its_own_headers_and_no_others(kind: str, make: Any) -> None:
    found, events = front(kind)
    assert found(make(*zip(PLAIN[kind], ("ada-1", "Ada", "ada@shop.example"), strict=True))) == ADA
    assert events.counts == {}
    for other in PLAIN.keys() - {kind}:
        assert found(make((PLAIN[other][0], "eve"))) is None
    assert events.counts == {"proxy:absent": len(PLAIN) - 1}


@pytest.mark.parametrize("make", REQUESTS)
def test_any_other_proxy_is_read_by_headers_that_are_named(make: Any) -> None:
    found, _ = front("headers", USER_HEADER="X-Who", EMAIL_HEADER="X-MAIL")
    assert found(make(("X-Who", "ada-1"), ("X-Mail", "ada@shop.example"))) == User("ada-1", None, "ada@shop.example")
    same, _ = front("headers", USER_HEADER="X-Mail", EMAIL_HEADER="X-Mail")
    assert same(make(("X-Mail", "ada@shop.example"))) == User("ada@shop.example", None, "ada@shop.example")


@pytest.mark.parametrize("make", REQUESTS)
def test_name_and_email_may_be_missing(make: Any) -> None:
    found, events = front(KIND)
    assert found(make((USER, "ada-1"))) == found(make((USER, "ada-1"), (NAME, ""), (EMAIL, " "))) == User("ada-1")
    assert events.counts == {}


@pytest.mark.parametrize("make", REQUESTS)
def test_no_header_and_an_empty_one_mean_nobody(make: Any) -> None:
    found, events = front(KIND)
    assert found(make()) is None
    assert found(make((NAME, "Eve"), (EMAIL, "eve@shop.example"))) is None
    for blank in ("", " ", "\t"):
        assert found(make((USER, blank))) is None
    assert events.counts == {"proxy:absent": 2, "proxy:blank": 3}


# odd values


@pytest.mark.parametrize("make", REQUESTS)
def test_two_ids_are_no_id(make: Any) -> None:
    found, events = front(KIND)
    for second in ("eve", "ada-1", ""):
        assert refusal(found, make((USER, "ada-1"), (USER, second))) == "header_repeated"
    assert refusal(found, make((USER, "ada-1, eve"))) == "header_repeated"
    assert events.counts == {"proxy:header_repeated": 4}


def test_an_underscore_is_no_hyphen_by_asgi() -> None:
    found, _ = front(KIND)
    assert found(scope((USER.replace("-", "_"), "eve"))) is None
    assert found(scope(*WHOLE, (USER.replace("-", "_"), "eve"), (EMAIL.replace("-", "_"), "eve@shop.example"))) == ADA


def test_an_underscore_that_a_wsgi_server_takes_for_a_hyphen_makes_two_of_it() -> None:
    found, events = front(KIND)
    assert refusal(found, environ(*WHOLE, (USER.replace("-", "_"), "eve"))) == "header_repeated"
    assert found(environ(*WHOLE, (NAME.replace("-", "_"), "Eve"))) == User("ada-1", None, "ada@shop.example")
    assert events.counts["proxy:value_left_out"] == 1


@pytest.mark.parametrize("server", [{"SERVER_SOFTWARE": "Cheroot/11.1.2 Server"}, {"SERVER_SOFTWARE": "Granian"}])
def test_a_server_that_lets_the_underscore_win_is_not_believed(server: dict[str, str]) -> None:
    """What it hands over may be the client's, and nothing tells."""
    found, events = front(KIND)
    for request in (environ(*WHOLE, **server), environ(*WHOLE, **{"uwsgi.version": b"2.0.30"})):
        assert refusal(found, request) == "server_ambiguous"
    assert found(environ(**server)) is None
    assert events.counts == {"proxy:server_ambiguous": 2, "proxy:absent": 1}
    for safe in ("gunicorn/27.0.1", "waitress", "Werkzeug/3.1.9", "Apache/2.4 (Unix) mod_wsgi/5"):
        assert found(environ(*WHOLE, SERVER_SOFTWARE=safe)) == ADA
    assert found(scope(*WHOLE, SERVER_SOFTWARE="Granian")) == ADA


def test_what_is_signed_is_believed_from_any_server() -> None:
    found, _ = front("google-iap")
    header = ("X-Goog-Iap-Jwt-Assertion", signed("google-iap"))
    assert found(environ(header, SERVER_SOFTWARE="Granian")) == User("ada-1", "Ada Lovelace", "ada@shop.example")


def test_behind_a_bridge_that_tells_the_scope_is_read() -> None:
    found, _ = front(KIND)
    folded = environ((USER.replace("-", "_"), "eve"), **{"asgi.scope": scope((USER.replace("-", "_"), "eve"))})
    assert found(folded) is None
    assert found(environ(**{"asgi.scope": scope(*WHOLE)})) == ADA


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize("value", ["Ada\x00", "a\nb", "a\x7fb", "a\u200bb", "a\u2028b", "a\u00a0b"])
def test_an_id_that_does_not_print_is_refused(make: Any, value: str) -> None:
    assert refusal(front(KIND)[0], make((USER, value))) == "header_malformed"


def test_an_id_that_is_not_utf_8_is_refused() -> None:
    found, _ = front(KIND)
    assert refusal(found, {**scope(), "headers": [(USER.lower().encode(), b"Zo\xeb")]}) == "header_malformed"
    assert refusal(found, environ(HTTP_X_FORWARDED_USER="Zo\xeb")) == "header_malformed"
    assert refusal(found, environ(HTTP_X_FORWARDED_USER="\xa0")) == "header_malformed"  # no blank of Latin-1


@pytest.mark.parametrize("make", REQUESTS)
def test_text_of_any_language_comes_through(make: Any) -> None:
    found, _ = front(KIND)
    assert found(make((USER, "Łukasz"), (NAME, "Zoë 李"))) == User("Łukasz", "Zoë 李")


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize("odd", ["Lovelace, Ada", "a\x01b"])
def test_a_name_or_email_in_doubt_is_left_out_and_said_once(
    make: Any, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    found, events = front(KIND)
    caplog.clear()
    for _ in range(3):
        assert found(make((USER, "ada-1"), (NAME, odd), (EMAIL, "ada@shop.example"))) == User(
            "ada-1", None, "ada@shop.example"
        )
        assert found(make((USER, "ada-1"), (NAME, "Ada"), (EMAIL, odd))) == User("ada-1", "Ada")
        assert found(make((USER, "ada-1"), (EMAIL, "a@b.example"), (EMAIL, "c@d.example"))) == User("ada-1")
    assert events.counts == {"proxy:value_left_out": 9}
    assert len(caplog.records) == 1
    assert odd not in caplog.text


# from where


@pytest.mark.parametrize("make", REQUESTS)
def test_headers_from_elsewhere_mean_nobody(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    found, events = front(KIND)
    caplog.clear()
    for peer in ("10.0.0.6", "203.0.113.9", "::1", "proxy.internal", "10.0.0.5x", "10.0.0.5, 10.0.0.6"):
        client = (peer, 50000) if make is scope else peer
        assert found(make(*WHOLE, client=client)) is None
    assert events.counts == {"proxy:address_not_listed": 6}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "WIDGETMW_PROXY_ADDRESSES" in record.getMessage()
    assert "ada" not in record.getMessage()


@pytest.mark.parametrize("make", REQUESTS)
def test_who_is_not_listed_and_says_nothing_is_no_event(make: Any) -> None:
    found, events = front(KIND)
    assert found(make(client=("203.0.113.9", 50000) if make is scope else "203.0.113.9")) is None
    assert events.counts == {"proxy:absent": 1}


def unix(make: Any) -> list[Any]:
    if make is environ:
        return [
            environ(*WHOLE, client=None),
            environ(*WHOLE, client=""),  # gunicorn
            environ(*WHOLE, client="localhost") | {"REMOTE_PORT": "None"},  # waitress
            environ(*WHOLE, client="0.0.0.0"),  # uWSGI
        ]
    sockets = (None, ("/run/app.sock", None), ("/", "r"))  # hypercorn, daphne; uvicorn; gunicorn
    granian = scope(*WHOLE, client=("", "0"), server=("/run/app.sock", "0"))
    return [granian, *(scope(*WHOLE, client=None, server=server) for server in sockets)]


@pytest.mark.parametrize("make", REQUESTS)
def test_a_unix_socket_has_a_word_of_its_own(make: Any) -> None:
    for request in unix(make):
        assert front(KIND)[0](dict(request)) is None
        assert front(KIND, ADDRESSES="unix")[0](dict(request)) == ADA
        assert front(KIND, ADDRESSES=f"{PROXY},unix")[0](dict(request)) == ADA


@pytest.mark.parametrize("make", REQUESTS)
def test_the_word_is_for_unix_sockets_only(make: Any) -> None:
    found, _ = front(KIND, ADDRESSES="unix")
    assert found(make(*WHOLE)) is None
    assert found(environ(*WHOLE, client="localhost")) is None
    for port in (8000, "8000"):
        assert refusal(found, scope(*WHOLE, client=None, server=("10.0.0.1", port))) == "address_rewritten"


def test_any_is_for_what_is_signed() -> None:
    with pytest.raises(ValueError, match="WIDGETMW_PROXY_ADDRESSES must list addresses"):
        Settings.from_env(variables(KIND, ADDRESSES="any"))


# servers and layers that put an address of X-Forwarded-For in place of the peer's


@pytest.mark.parametrize(
    "request_",
    [
        scope(*WHOLE, ("X-Forwarded-For", PROXY), client=(PROXY, 0)),  # uvicorn, hypercorn
        scope(*WHOLE, ("Forwarded", f"for={PROXY}"), client=(PROXY, 0)),  # hypercorn
        scope(*WHOLE, ("X-Forwarded-For", PROXY), client=(PROXY, None)),
        scope(*WHOLE, ("X-Forwarded-For", PROXY), client=(PROXY, "0")),  # Granian
        scope(*WHOLE, ("X-Forwarded-For", f"1.2.3.4, {PROXY}:4444"), client=(PROXY, 4444)),  # uvicorn
        scope(*WHOLE, ("X-Forwarded-For", PROXY), ("X-Forwarded-Port", "443"), client=(PROXY, 443)),  # daphne
        scope(*WHOLE, ("X-Forwarded-For", "[2001:db8::5]:4444"), client=("2001:db8::5", 4444)),
        environ(*WHOLE, ("X-Forwarded-For", f"{PROXY}:50000")),  # waitress
    ],
)
def test_an_address_that_the_client_may_have_written_is_not_believed(request_: dict[str, Any]) -> None:
    found, events = front(KIND, ADDRESSES=f"{PROXY}, 2001:db8::5")
    assert refusal(found, request_) == "address_rewritten"
    assert events.counts == {"proxy:address_rewritten": 1}


@pytest.mark.parametrize("make", REQUESTS)
@pytest.mark.parametrize("said", ["203.0.113.9", f"203.0.113.9, {PROXY}", "203.0.113.9:4444", "unknown", ""])
def test_what_the_proxy_forwards_changes_nothing(make: Any, said: str) -> None:
    assert front(KIND)[0](make(*WHOLE, ("X-Forwarded-For", said), ("X-Forwarded-Port", "443"))) == ADA


def test_a_port_of_zero_says_nothing_by_itself() -> None:
    """Test clients have it, Django's for one."""
    assert front(KIND)[0](scope(*WHOLE, client=(PROXY, 0))) == ADA


def test_the_address_that_proxyfix_found_counts() -> None:
    found, _ = front(KIND)
    known = {"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": PROXY}}
    assert found(environ(*WHOLE, ("X-Forwarded-For", f"{PROXY}:50000"), **known)) == ADA
    for original, said, wanted in ((PROXY, "203.0.113.9", ADA), ("203.0.113.9", PROXY, None), ("", PROXY, None)):
        request = environ(*WHOLE, client=said, **{"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": original}})
        assert found(request) == wanted


def test_the_address_is_the_one_before_any_layer_of_the_app() -> None:
    """As with uvicorn's ProxyHeadersMiddleware around the app and inside of ours."""
    found, _ = front(KIND)
    seen: list[Any] = []

    def app(request: Any, *rest: Any) -> str:
        request["client"] = (request["rewritten"], 0)
        seen.append((found(request), rest))
        return "answer"

    for client, rewritten in ((PROXY, "203.0.113.9"), ("203.0.113.9", PROXY)):
        request = scope(*WHOLE, ("X-Forwarded-For", rewritten), client=(client, 50000), rewritten=rewritten)
        assert found.record_peer_middleware(app)(request, "receive", "send") == "answer"
    assert seen == [(ADA, ("receive", "send")), (None, ("receive", "send"))]


def test_what_is_no_http_passes_as_it_is() -> None:
    found, _ = front(KIND)
    for kind in ("lifespan", "websocket"):
        request = scope(*WHOLE, type=kind)
        before = dict(request)
        assert found.record_peer_middleware(lambda request: request)(request) == before


@pytest.mark.parametrize("client", ["10.0.0.5", ("10.0.0.5",), 5, {"10.0.0.5": 1}])
def test_a_peer_in_a_form_that_is_none_is_not_listed(client: Any) -> None:
    found, _ = front(KIND, ADDRESSES="10.0.0.5, unix")
    request = scope(*WHOLE, client=client)
    found.record_peer(request)
    assert found(request) is None


def test_two_of_them_in_one_request_note_for_themselves() -> None:
    outer, inner = (front(KIND)[0] for _ in range(2))
    request = scope(*WHOLE, ("X-Forwarded-For", "203.0.113.9"))
    outer.record_peer(request)
    request["client"] = ("203.0.113.9", 0)
    inner.record_peer(request)
    assert outer(request) == ADA
    assert refusal(inner, request) == "address_rewritten"


@pytest.mark.parametrize("make", REQUESTS)
def test_a_request_announces_somebody_by_the_deciding_header(make: Any) -> None:
    found, _ = front(KIND)
    assert found.has_identity_header(make(*WHOLE))
    assert found.has_identity_header(make((USER, "x"), client=None))
    assert not found.has_identity_header(make((EMAIL, "ada@shop.example")))


def test_nothing_of_the_proxy_prints() -> None:
    settings = Settings.from_env(variables("headers", USER_HEADER="X-Hidden"))
    for text in (repr(settings), repr(settings.proxy), str(settings.proxy and settings.proxy.addresses)):
        assert PROXY not in text
        assert "hidden" not in text.lower()
    assert ProxyResolver(settings.proxy, lambda: 0.0, Events()) is not None  # type: ignore[arg-type]
