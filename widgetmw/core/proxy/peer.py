"""From where a request came, and whether that can be known; of ASGI scopes and WSGI environs alike."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from widgetmw.core.http.request_headers import environ_name

_WERKZEUG: Final = "werkzeug.proxy_fix.orig"
_FOLDING: Final = ("Cheroot/", "Granian")
_NO_ADDRESS: Final = (None, "", "0.0.0.0")  # noqa: S104  the last is uWSGI's for a peer behind a Unix socket
FORWARDED: Final = ("x-forwarded-for", "forwarded", "x-forwarded-port")


class Unknowable(Exception):
    """A layer has put what a header says in place of the peer's address."""


class Connection(NamedTuple):
    """Who is connected, as the server says it.

    Attributes:
        host: an address, where there is one: behind a Unix socket there is none.
        port: of the peer.
        certain: whether this is known to be from before any layer replaced it.
    """

    host: str | None
    port: object
    certain: bool = False


def carrier(request: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Returns the ASGI scope that a bridge has made an environ of, where it tells (a2wsgi does), else the request."""
    return request.get("asgi.scope") or request


def is_scope(request: Mapping[str, Any]) -> bool:
    """Whether a request is an ASGI scope, and not a WSGI environ."""
    return "REQUEST_METHOD" not in request


@lru_cache(64)
def _in_scope(names: tuple[str, ...]) -> dict[bytes, str]:
    return {name.encode(): name for name in names}


@lru_cache(64)
def _in_environ(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, environ_name(name)) for name in names)


def lines(request: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, list[str]]:
    """Returns the lines of headers by name, as Latin-1 text.

    WSGI knows one line for each name: its servers join several by commas, or keep one.

    Args:
        request: an ASGI scope or a WSGI environ.
        names: in lower case, with hyphens.
    """
    if not is_scope(request):
        return {name: [request[key]] for name, key in _in_environ(names) if key in request}
    wanted = _in_scope(names)
    found: dict[str, list[str]] = {}
    for key, value in request.get("headers") or ():
        if key in wanted:
            found.setdefault(wanted[key], []).append(value.decode("latin-1"))
    return found


def folds(request: Mapping[str, Any]) -> bool:
    """Whether the server takes an underscore in the name of a header for a hyphen, and the last of two lines wins.

    With such a one a client's ``X_Forwarded_User`` stands in place of the proxy's ``X-Forwarded-User`` (seen with
    Cheroot 11 and Granian's WSGI 2.8; uWSGI 2.0 joins the two, and takes the client's where it stands alone).
    """
    if is_scope(request):
        return False
    return "uwsgi.version" in request or str(request.get("SERVER_SOFTWARE")).startswith(_FOLDING)


def connection(request: Mapping[str, Any]) -> Connection:
    """Returns who is connected, as the request says it now."""
    if is_scope(request):
        client = request.get("client")
        if client and not (isinstance(client, list | tuple) and len(client) > 1):
            return Connection("unknown", None)  # to a server that does not keep to the specification nobody is listed
        return Connection(client[0], client[1]) if client else Connection(None, None)
    host, port = request.get("REMOTE_ADDR"), request.get("REMOTE_PORT")
    original = request.get(_WERKZEUG)  # what ProxyFix found
    if original is not None:
        host = original.get("REMOTE_ADDR")
    if host == "localhost" and port == "None":  # waitress, behind a Unix socket
        host = None
    return Connection(host, port, original is not None)


def peer(request: Mapping[str, Any], connected: Connection, said: Mapping[str, list[str]]) -> str | None:
    """Returns the address of who is connected; ``None`` for a Unix socket.

    Args:
        request: an ASGI scope or a WSGI environ.
        connected: from before the app's own layers.
        said: the lines of ``FORWARDED``.

    Raises:
        Unknowable: it was replaced, by one that the peer itself may have written.
    """
    host, port, certain = connected
    if host in _NO_ADDRESS:
        server = request.get("server")
        if server and str(server[1]).isdecimal() and int(server[1]):  # of a Unix socket it is the path, with no port
            raise Unknowable
        return None
    if not certain and _replaced(host, port, said, is_scope(request)):
        raise Unknowable
    return host


def _replaced(host: str | None, port: object, said: Mapping[str, list[str]], by_asgi: bool) -> bool:
    if not any(name in said for name in FORWARDED):
        return False
    # uvicorn, hypercorn and Granian write port 0 where the header has none, daphne that of X-Forwarded-Port
    if by_asgi and (not port or port == "0" or [str(port)] == said.get("x-forwarded-port")):
        return True
    # with its port, only the address of others can stand in the header
    pairs = (f"{host}:{port}", f"[{host}]:{port}")
    return any(item.strip() in pairs for line in said.get("x-forwarded-for", ()) for item in line.split(","))
