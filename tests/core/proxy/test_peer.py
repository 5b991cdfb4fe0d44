from __future__ import annotations

from typing import Any

import pytest

from tests.core.proxy.proxies import environ, scope
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.peer import (
    FORWARDING_HEADERS,
    Connection,
    connection,
    header_values,
    is_scope,
    normalizes_underscores,
    peer_address,
    scope_behind_bridge,
)

PEER = "10.0.0.5"
CLIENT = "203.0.113.9"


def address_of(request: dict[str, Any]) -> str | None:
    return peer_address(request, connection(request), header_values(request, FORWARDING_HEADERS))


def test_a_request_with_a_request_method_is_an_environ() -> None:
    assert is_scope(scope())
    assert not is_scope(environ())


# headers


def test_the_values_of_a_header_are_separate_in_asgi() -> None:
    request = scope(("X-User", "ada"), ("X-Other", "x"), ("x-user", "eve"))
    assert header_values(request, ("x-user", "x-mail")) == {"x-user": ["ada", "eve"]}


def test_the_values_of_a_header_are_joined_in_wsgi() -> None:
    request = environ(("X-User", "ada"), ("X-Other", "x"), ("x-user", "eve"))
    assert header_values(request, ("x-user", "x-mail")) == {"x-user": ["ada,eve"]}


@pytest.mark.parametrize("make", [scope, environ])
def test_values_are_latin_1_text(make: Any) -> None:
    assert header_values(make(("X-User", "Zoë")), ("x-user",)) == {"x-user": ["Zo\xc3\xab"]}


def test_a_scope_without_headers_has_no_values() -> None:
    assert header_values({"type": "http"}, ("x-user",)) == {}
    assert header_values({"type": "http", "headers": None}, ("x-user",)) == {}


@pytest.mark.parametrize("server", ["Cheroot/11.1.2 Server", "Granian", "Granian/2.8"])
def test_some_wsgi_servers_treat_an_underscore_as_a_hyphen(server: str) -> None:
    assert normalizes_underscores(environ(SERVER_SOFTWARE=server))
    assert not normalizes_underscores(scope(SERVER_SOFTWARE=server))


def test_uwsgi_treats_an_underscore_as_a_hyphen() -> None:
    assert normalizes_underscores(environ(**{"uwsgi.version": b"2.0.30"}))


@pytest.mark.parametrize("server", ["gunicorn/27.0.1", "waitress", "Werkzeug/3.1.9", "Apache/2.4 (Unix) mod_wsgi/5"])
def test_other_wsgi_servers_do_not(server: str) -> None:
    assert not normalizes_underscores(environ(SERVER_SOFTWARE=server))
    assert not normalizes_underscores(environ())


def test_the_scope_behind_a_bridge_is_the_one_that_it_stores() -> None:
    inner = scope()
    assert scope_behind_bridge(environ(**{"asgi.scope": inner})) is inner
    request = environ()
    assert scope_behind_bridge(request) is request


# the connection


def test_a_connection_is_the_client_of_a_scope() -> None:
    assert connection(scope(client=(PEER, 50000))) == Connection(PEER, 50000)
    assert connection(scope(client=[PEER, 50000])) == Connection(PEER, 50000)
    assert connection(scope(client=None)) == Connection(None, None)


@pytest.mark.parametrize("client", [PEER, (PEER,), 5, {PEER: 1}])
def test_a_malformed_client_is_no_address(client: Any) -> None:
    assert connection(scope(client=client)) == Connection("unknown", None)


def test_a_connection_is_the_remote_address_of_an_environ() -> None:
    assert connection(environ(client=PEER)) == Connection(PEER, "50000")
    assert connection(environ(client=None)) == Connection(None, None)


def test_the_address_that_werkzeugs_proxyfix_replaced_is_the_original_one() -> None:
    request = environ(client=CLIENT, **{"werkzeug.proxy_fix.orig": {"REMOTE_ADDR": PEER}})
    assert connection(request) == Connection(PEER, "50000", is_original=True)


# the peer's address


@pytest.mark.parametrize("make", [scope, environ])
def test_without_forwarding_headers_the_peer_is_who_is_connected(make: Any) -> None:
    assert address_of(make()) == PEER


@pytest.mark.parametrize(
    "request_",
    [
        environ(client=None),
        environ(client=""),  # gunicorn
        environ(client="localhost") | {"REMOTE_PORT": "None"},  # waitress
        environ(client="0.0.0.0"),  # uWSGI
        scope(client=None),  # hypercorn, daphne
        scope(client=None, server=("/run/app.sock", None)),  # uvicorn
        scope(client=None, server=("/", "r")),  # gunicorn
        scope(client=("", "0"), server=("/run/app.sock", "0")),  # Granian
    ],
)
def test_behind_a_unix_socket_there_is_no_address(request_: dict[str, Any]) -> None:
    assert address_of(request_) is None


@pytest.mark.parametrize("port", [8000, "8000"])
def test_a_missing_address_behind_a_tcp_port_is_unknown(port: object) -> None:
    with pytest.raises(ProxyIdentityError):
        address_of(scope(client=None, server=("10.0.0.1", port)))


@pytest.mark.parametrize(
    "request_",
    [
        scope(("X-Forwarded-For", PEER), client=(PEER, 0)),  # uvicorn, hypercorn
        scope(("Forwarded", f"for={PEER}"), client=(PEER, 0)),  # hypercorn
        scope(("X-Forwarded-For", PEER), client=(PEER, None)),
        scope(("X-Forwarded-For", PEER), client=(PEER, "0")),  # Granian
        scope(("X-Forwarded-For", f"1.2.3.4, {PEER}:4444"), client=(PEER, 4444)),  # uvicorn
        scope(("X-Forwarded-For", PEER), ("X-Forwarded-Port", "443"), client=(PEER, 443)),  # daphne
        scope(("X-Forwarded-For", "[2001:db8::5]:4444"), client=("2001:db8::5", 4444)),
        environ(("X-Forwarded-For", f"{PEER}:50000")),  # waitress
    ],
)
def test_an_address_that_a_server_took_from_a_header_is_unknown(request_: dict[str, Any]) -> None:
    with pytest.raises(ProxyIdentityError):
        address_of(request_)


@pytest.mark.parametrize("make", [scope, environ])
@pytest.mark.parametrize("value", [CLIENT, f"{CLIENT}, {PEER}", f"{CLIENT}:4444", "unknown", ""])
def test_what_the_peer_forwards_changes_nothing(make: Any, value: str) -> None:
    assert address_of(make(("X-Forwarded-For", value), ("X-Forwarded-Port", "443"))) == PEER


def test_port_zero_alone_means_nothing() -> None:
    """Test clients use it, for example Django's."""
    assert address_of(scope(client=(PEER, 0))) == PEER


def test_an_original_address_is_known_whatever_the_headers_say() -> None:
    request = environ(("X-Forwarded-For", f"{PEER}:50000"))
    headers = header_values(request, FORWARDING_HEADERS)
    assert peer_address(request, Connection(PEER, "50000", is_original=True), headers) == PEER
    with pytest.raises(ProxyIdentityError):
        peer_address(request, Connection(PEER, "50000"), headers)
