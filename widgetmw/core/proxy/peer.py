"""Finds the peer address of an ASGI scope or a WSGI environ, or reports that it cannot be trusted."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, Final, NamedTuple

from widgetmw.core.http.request_headers import environ_name
from widgetmw.core.memo import Memo
from widgetmw.core.proxy.base import ProxyIdentityError
from widgetmw.core.proxy.reasons import ProxyReason

FORWARDING_HEADERS: Final = ("x-forwarded-for", "forwarded", "x-forwarded-port")
"""Headers from which servers and middleware take a peer address."""

_PROXY_FIX_KEY: Final = "werkzeug.proxy_fix.orig"
_SERVERS_THAT_NORMALIZE: Final = ("Cheroot/", "Granian")
_NAMES_BY_SCOPE_KEY: Final = Memo(lambda names: {name.encode(): name for name in names})
_NAMES_BY_ENVIRON_KEY: Final = Memo(lambda names: {environ_name(name): name for name in names})
_NO_ADDRESS: Final = (None, "", "0.0.0.0")  # noqa: S104  the last is uWSGI's for a peer behind a Unix socket


class Connection(NamedTuple):
    """The peer as the server names it. Behind a Unix socket there is no host."""

    host: str | None
    port: object
    is_original: bool = False  # whether this is known to be from before any middleware replaced it


def scope_behind_bridge(request: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Returns the ASGI scope from which a bridge made a WSGI environ, if it stores one (a2wsgi); else the request."""
    return request.get("asgi.scope") or request


def is_scope(request: Mapping[str, Any]) -> bool:
    """Whether a request is an ASGI scope rather than a WSGI environ."""
    return "REQUEST_METHOD" not in request


def header_values(request: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, list[str]]:
    """Returns the values of headers by name, as Latin-1 text. The names are in lower case, with hyphens."""
    if not is_scope(request):  # one value for each name: WSGI servers join several with commas, or keep one
        return {name: [request[key]] for key, name in _NAMES_BY_ENVIRON_KEY[names].items() if key in request}
    names_by_key: dict[bytes, str] = _NAMES_BY_SCOPE_KEY[names]
    values: dict[str, list[str]] = {}
    for key, value in request.get("headers") or ():
        if key in names_by_key:
            values.setdefault(names_by_key[key], []).append(value.decode("latin-1"))
    return values


def normalizes_underscores(request: Mapping[str, Any]) -> bool:
    """Whether the server treats an underscore in a header name as a hyphen, and the last of two such headers wins.

    With such a server a client's ``X_Forwarded_User`` replaces the proxy's ``X-Forwarded-User`` (seen with Cheroot 11
    and Granian's WSGI 2.8; uWSGI 2.0 joins the two, and takes the client's if it is the only one).
    """
    if is_scope(request):
        return False
    return "uwsgi.version" in request or str(request.get("SERVER_SOFTWARE")).startswith(_SERVERS_THAT_NORMALIZE)


def connection(request: Mapping[str, Any]) -> Connection:
    """Returns the peer as the request names it now."""
    if is_scope(request):
        client = request.get("client")
        if client and not (isinstance(client, list | tuple) and len(client) > 1):
            return Connection("unknown", None)  # malformed: no trusted address matches this
        return Connection(client[0], client[1]) if client else Connection(None, None)
    host, port = request.get("REMOTE_ADDR"), request.get("REMOTE_PORT")
    original = request.get(_PROXY_FIX_KEY)  # the values that Werkzeug's ProxyFix replaced
    if original is not None:
        host = original.get("REMOTE_ADDR")
    if host == "localhost" and port == "None":  # waitress, behind a Unix socket
        host = None
    return Connection(host, port, original is not None)


def peer_address(request: Mapping[str, Any], connected: Connection, forwarding: Mapping[str, list[str]]) -> str | None:
    """Returns the address of the peer, which was recorded before the app's own middleware ran.

    It is ``None`` for a Unix socket.

    Raises:
        ProxyIdentityError: a server or middleware replaced it with an address that the peer itself may have written.
    """
    host, port, is_original = connected
    if host in _NO_ADDRESS:
        server = request.get("server")
        # For a Unix socket, the server is a path without a port.
        is_replaced = bool(server and str(server[1]).isdecimal() and int(server[1]))
        host = None
    elif is_original or forwarding.keys().isdisjoint(FORWARDING_HEADERS):
        is_replaced = False
    # uvicorn, hypercorn and Granian set port 0 if the header has none; daphne sets the one in X-Forwarded-Port.
    elif is_scope(request) and (not port or port == "0" or [str(port)] == forwarding.get("x-forwarded-port")):
        is_replaced = True
    else:
        # Together with its port, the peer's own address cannot be in the header: only other addresses can.
        items = ",".join(forwarding.get("x-forwarded-for", ())).split(",")
        is_replaced = any(item.strip() in (f"{host}:{port}", f"[{host}]:{port}") for item in items)
    if is_replaced:
        raise ProxyIdentityError(ProxyReason.ADDRESS_REWRITTEN)
    return host
