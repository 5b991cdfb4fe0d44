"""What the resolver decides for every kind of proxy: who is trusted, what is remembered, which keys count."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.conftest import Clock
from tests.core.proxy.proxies import (
    HEADER,
    NOW,
    PLAIN,
    PROXY,
    REQUESTS,
    environ,
    jwks,
    resolver_for,
    scope,
    signed,
    variables,
)
from widgetmw import Settings, User
from widgetmw.core.env.secret_file import SecretFile
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.reasons import ProxyReason
from widgetmw.core.proxy.resolver import ProxyResolver

PLAIN_KIND, SIGNED_KIND = "oauth2-proxy", "google-iap"
USER, NAME, EMAIL = PLAIN[PLAIN_KIND]
ADA = User("ada-1", "Ada Lovelace", "ada@shop.example")
HEADERS = ((USER, "ada-1"), (NAME, "Ada Lovelace"), (EMAIL, "ada@shop.example"))


def refusal(resolve: ProxyResolver, request: Any) -> ProxyReason:
    with pytest.raises(ProxyIdentityError) as caught:
        resolve(request)
    return caught.value.reason


def assertion(text: str) -> dict[str, Any]:
    return scope((HEADER[SIGNED_KIND], text))


# no user


@pytest.mark.parametrize("make", REQUESTS)
def test_a_missing_or_blank_header_means_anonymous(make: Any) -> None:
    resolve, events = resolver_for(PLAIN_KIND)
    assert resolve(make()) is None
    assert resolve(make((NAME, "Eve"), (EMAIL, "eve@shop.example"))) is None
    for blank in ("", " ", "\t"):
        assert resolve(make((USER, blank))) is None
    assert events.counts == {"proxy:absent": 2, "proxy:blank": 3}


@pytest.mark.parametrize("make", REQUESTS)
def test_an_identity_header_shows_that_a_request_may_have_a_user(make: Any) -> None:
    resolve, _ = resolver_for(PLAIN_KIND)
    assert resolve.has_identity_header(make(*HEADERS))
    assert resolve.has_identity_header(make((USER, "x"), client=None))
    assert not resolve.has_identity_header(make((EMAIL, "ada@shop.example")))


# the peer


@pytest.mark.parametrize("make", REQUESTS)
def test_headers_from_an_untrusted_peer_mean_anonymous(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    resolve, events = resolver_for(PLAIN_KIND)
    caplog.clear()
    for peer in ("10.0.0.6", "203.0.113.9", "::1", "proxy.internal", "10.0.0.5x", "10.0.0.5, 10.0.0.6"):
        client = (peer, 50000) if make is scope else peer
        assert resolve(make(*HEADERS, client=client)) is None
    assert events.counts == {"proxy:address_not_listed": 6}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "WIDGETMW_PROXY_ADDRESSES" in record.getMessage()
    assert "ada" not in record.getMessage()


@pytest.mark.parametrize("make", REQUESTS)
def test_an_untrusted_peer_without_identity_headers_is_not_logged(make: Any) -> None:
    resolve, events = resolver_for(PLAIN_KIND)
    assert resolve(make(client=("203.0.113.9", 50000) if make is scope else "203.0.113.9")) is None
    assert events.counts == {"proxy:absent": 1}


@pytest.mark.parametrize("make", REQUESTS)
def test_a_peer_behind_a_unix_socket_is_trusted_only_by_its_own_word(make: Any) -> None:
    request = make(*HEADERS, client=None)
    assert resolver_for(PLAIN_KIND)[0](dict(request)) is None
    assert resolver_for(PLAIN_KIND, ADDRESSES="unix")[0](dict(request)) == ADA
    assert resolver_for(PLAIN_KIND, ADDRESSES=f"{PROXY},unix")[0](dict(request)) == ADA


@pytest.mark.parametrize("make", REQUESTS)
def test_the_word_for_unix_sockets_trusts_no_address(make: Any) -> None:
    resolve, _ = resolver_for(PLAIN_KIND, ADDRESSES="unix")
    assert resolve(make(*HEADERS)) is None
    assert resolve(environ(*HEADERS, client="localhost")) is None
    for port in (8000, "8000"):
        request = scope(*HEADERS, client=None, server=("10.0.0.1", port))
        assert refusal(resolve, request) is ProxyReason.ADDRESS_REWRITTEN


def test_an_address_that_a_server_took_from_a_header_is_refused() -> None:
    resolve, events = resolver_for(PLAIN_KIND)
    request = scope(*HEADERS, ("X-Forwarded-For", PROXY), client=(PROXY, 0))
    assert refusal(resolve, request) is ProxyReason.ADDRESS_REWRITTEN
    assert events.counts == {"proxy:address_rewritten": 1}


@pytest.mark.parametrize("client", ["10.0.0.5", ("10.0.0.5",), 5, {"10.0.0.5": 1}])
def test_a_malformed_peer_is_not_trusted(client: Any) -> None:
    resolve, _ = resolver_for(PLAIN_KIND, ADDRESSES="10.0.0.5, unix")
    request = scope(*HEADERS, client=client)
    resolve.record_peer(request)
    assert resolve(request) is None


def test_the_address_that_proxyfix_replaced_counts() -> None:
    resolve, _ = resolver_for(PLAIN_KIND)
    replaced = {"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": PROXY}}
    assert resolve(environ(*HEADERS, ("X-Forwarded-For", f"{PROXY}:50000"), **replaced)) == ADA
    for original, current, user in ((PROXY, "203.0.113.9", ADA), ("203.0.113.9", PROXY, None), ("", PROXY, None)):
        request = environ(*HEADERS, client=current, **{"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": original}})
        assert resolve(request) == user


def test_the_address_from_before_the_apps_own_middleware_counts() -> None:
    """As with uvicorn's ProxyHeadersMiddleware around the app, and inside our middleware."""
    resolve, _ = resolver_for(PLAIN_KIND)
    calls: list[Any] = []

    def app(request: Any, *rest: Any) -> str:
        request["client"] = (request["rewritten"], 0)
        calls.append((resolve(request), rest))
        return "result"

    for client, rewritten in ((PROXY, "203.0.113.9"), ("203.0.113.9", PROXY)):
        request = scope(*HEADERS, ("X-Forwarded-For", rewritten), client=(client, 50000), rewritten=rewritten)
        assert resolve.record_peer_middleware(app)(request, "receive", "send") == "result"
    assert calls == [(ADA, ("receive", "send")), (None, ("receive", "send"))]


def test_the_middleware_leaves_other_protocols_alone() -> None:
    resolve, _ = resolver_for(PLAIN_KIND)
    for kind in ("lifespan", "websocket"):
        request = scope(*HEADERS, type=kind)
        before = dict(request)
        assert resolve.record_peer_middleware(lambda request: request)(request) == before


def test_two_resolvers_of_one_request_record_the_peer_separately() -> None:
    outer, inner = (resolver_for(PLAIN_KIND)[0] for _ in range(2))
    request = scope(*HEADERS, ("X-Forwarded-For", "203.0.113.9"))
    outer.record_peer(request)
    request["client"] = ("203.0.113.9", 0)
    inner.record_peer(request)
    assert outer(request) == ADA
    assert refusal(inner, request) is ProxyReason.ADDRESS_REWRITTEN


# the server


@pytest.mark.parametrize("server", [{"SERVER_SOFTWARE": "Cheroot/11.1.2 Server"}, {"SERVER_SOFTWARE": "Granian"}])
def test_plain_headers_from_a_server_that_normalizes_underscores_are_refused(server: dict[str, str]) -> None:
    """The client may have sent them, and nothing shows it."""
    resolve, events = resolver_for(PLAIN_KIND)
    for request in (environ(*HEADERS, **server), environ(*HEADERS, **{"uwsgi.version": b"2.0.30"})):
        assert refusal(resolve, request) is ProxyReason.SERVER_AMBIGUOUS
    assert resolve(environ(**server)) is None
    assert events.counts == {"proxy:server_ambiguous": 2, "proxy:absent": 1}
    assert resolve(scope(*HEADERS, SERVER_SOFTWARE="Granian")) == ADA


def test_a_signed_assertion_is_trusted_from_any_server() -> None:
    resolve, _ = resolver_for(SIGNED_KIND)
    header = (HEADER[SIGNED_KIND], signed(SIGNED_KIND))
    assert resolve(environ(header, SERVER_SOFTWARE="Granian")) == ADA


def test_behind_a_bridge_the_headers_of_the_scope_count() -> None:
    resolve, _ = resolver_for(PLAIN_KIND)
    underscore = (USER.replace("-", "_"), "eve")
    assert resolve(environ(underscore, **{"asgi.scope": scope(underscore)})) is None
    assert resolve(environ(**{"asgi.scope": scope(*HEADERS)})) == ADA


# verified assertions


@pytest.mark.parametrize("kind", HEADER)
def test_an_assertion_is_verified_once_and_accepted_until_it_expires(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, verifications = Clock(NOW), []
    decode = jwt.PyJWT.decode
    monkeypatch.setattr(jwt.PyJWT, "decode", lambda *args, **more: verifications.append(1) or decode(*args, **more))
    resolve, _ = resolver_for(kind, clock)
    request = scope((HEADER[kind], signed(kind)))
    for _ in range(5):
        assert resolve(request) == ADA
    assert len(verifications) == 1
    clock.turn(151)
    assert refusal(resolve, request) is ProxyReason.ASSERTION_EXPIRED


def test_the_memory_of_verified_assertions_is_exact_and_bounded() -> None:
    resolve, _ = resolver_for(SIGNED_KIND)
    assert resolve(assertion(signed(SIGNED_KIND))) == ADA
    assert refusal(resolve, assertion(signed(SIGNED_KIND)[:-4] + "AAAA")) is ProxyReason.ASSERTION_SIGNATURE
    for number in range(1100):
        resolve(assertion(signed(SIGNED_KIND, sub=f"user-{number}")))
    assert len(resolve._state[1]) == 1024


def test_refused_assertions_are_not_remembered() -> None:
    resolve, _ = resolver_for(SIGNED_KIND)
    for number in range(50):
        text = signed(SIGNED_KIND, sub=f"eve-{number}", number=1)
        assert refusal(resolve, assertion(text)) is ProxyReason.ASSERTION_SIGNATURE
    assert resolve._state[1] == {}


@pytest.mark.parametrize("kind", HEADER)
def test_two_assertions_are_refused(kind: str) -> None:
    resolve, _ = resolver_for(kind)
    pair = ((HEADER[kind], signed(kind)), (HEADER[kind], signed(kind)))
    assert refusal(resolve, scope(*pair)) is ProxyReason.HEADER_REPEATED
    assert refusal(resolve, environ(*pair)) is ProxyReason.ASSERTION_MALFORMED


# keys that change


def test_a_new_key_counts_within_ten_seconds_and_ends_what_the_old_one_verified(tmp_path: Path) -> None:
    clock, path = Clock(NOW), tmp_path / "keys"
    path.write_text(jwks(SIGNED_KIND, 0))
    resolve, _ = resolver_for(SIGNED_KIND, clock, KEYS="", KEYS_FILE=str(path))
    old = assertion(signed(SIGNED_KIND))
    assert resolve(old) == ADA
    path.write_text(jwks(SIGNED_KIND, 1))
    for _ in range(2):
        clock.turn(5)
        assert resolve(scope()) is None
    assert resolve(assertion(signed(SIGNED_KIND, {"kid": "key-1"}, number=1))) == ADA
    assert refusal(resolve, old) is ProxyReason.ASSERTION_KEY


def test_a_missing_or_malformed_key_file_leaves_the_current_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = Clock(NOW), tmp_path / "keys"
    path.write_text(jwks(SIGNED_KIND, 0))
    resolve, events = resolver_for(SIGNED_KIND, clock, KEYS="", KEYS_FILE=str(path))
    for content in (None, "malformed-content", jwks("cloudflare-access")):
        path.unlink() if content is None else path.write_text(content)
        for _ in range(2):
            clock.turn(5)
            assert resolve(assertion(signed(SIGNED_KIND))) == ADA
    assert events.counts == {"proxy:key_file_unreadable": 2, "proxy:key_file_malformed": 2}
    assert "WIDGETMW_PROXY_KEYS_FILE" in caplog.text
    assert "malformed-content" not in caplog.text
    assert str(tmp_path) not in caplog.text


def test_the_key_file_is_not_read_for_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys"
    path.write_text(jwks(SIGNED_KIND, 0))
    resolve, _ = resolver_for(SIGNED_KIND, Clock(NOW), KEYS="", KEYS_FILE=str(path))
    reads = []
    original = SecretFile.read
    monkeypatch.setattr(SecretFile, "read", lambda self, **again: reads.append(self.path) or original(self, **again))
    for _ in range(20):
        resolve(assertion(signed(SIGNED_KIND)))
    assert reads == [str(path)]


def test_neither_the_settings_nor_the_proxy_show_addresses_or_headers() -> None:
    settings = Settings.from_env(variables("headers", USER_HEADER="X-Hidden"))
    assert settings.proxy is not None
    for text in (repr(settings), repr(settings.proxy), str(settings.proxy.addresses)):
        assert PROXY not in text
        assert "hidden" not in text.lower()
