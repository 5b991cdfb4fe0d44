"""The parts of an ASGI request that pages and the token endpoint need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from widgetmw.core.endpoint import MAX_DRAIN_BYTES, TokenRequest, is_drainable
from widgetmw.core.engine import Engine
from widgetmw.core.http.mark import MARK_PREFIX
from widgetmw.core.http.request_headers import (
    CONDITIONAL_HEADERS,
    FOREIGN_SITES,
    PURPOSE_HEADERS,
    is_shown_elsewhere,
    supported_codings,
)
from widgetmw.core.http.root_path import root_path_of_app
from widgetmw.core.identity.request_identity import KEY
from widgetmw.core.identity.resolvers import AsyncResolver
from widgetmw.core.identity.user import User
from widgetmw.core.memo import Memo

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

_SET_BY_MOUNTS: Final = ("app_root_path", "root_path")

FILE_MESSAGES: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend"})

_CONDITIONAL: Final = frozenset(name.encode() for name in CONDITIONAL_HEADERS)
_PURPOSES: Final = frozenset(name.encode() for name in PURPOSE_HEADERS)
_FETCH_HEADERS: Final = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
_FOREIGN_SITES: Final = frozenset(name.encode() for name in FOREIGN_SITES)
_PAGE_HEADERS: Final = _PURPOSES | _CONDITIONAL | {b"accept-encoding", b"sec-fetch-site"}
_MARK: Final = MARK_PREFIX.encode()
_CREDENTIALS: Final = frozenset({b"cookie", b"authorization"})
_SUPPORTED_CODINGS: Final = Memo(lambda value: supported_codings(value.decode("latin-1")).encode("latin-1"), 64)
_TOKEN_REQUEST_HEADERS: Final = {
    name.encode(): name
    for name in (
        "host",
        "origin",
        "sec-fetch-site",
        "access-control-request-method",
        "access-control-request-headers",
        "accept-encoding",
    )
}


class PageRequest:
    """The request for a page; see :class:`widgetmw.core.engine.PageRequest`."""

    __slots__ = ("_scope", "in_cross_site_frame", "is_prefetch", "path", "root_path")

    _scope: Scope
    path: str
    root_path: str
    in_cross_site_frame: bool
    is_prefetch: bool

    def read_page_headers(self) -> None:
        """Reads the headers that :func:`has_page_headers` looks for."""
        headers = dict(self._scope["headers"])  # browsers never repeat these
        fetch_headers = (headers.get(name, b"").decode("latin-1") for name in _FETCH_HEADERS)
        self.in_cross_site_frame = is_shown_elsewhere(*fetch_headers)
        self.is_prefetch = any(headers.get(name, b"").lower().startswith(b"prefetch") for name in _PURPOSES)

    @property
    def cookies(self) -> str:
        found = ""  # HTTP/2 allows several headers
        for name, value in self._scope["headers"]:
            # bytes.find is twice as fast as "in", which first tries whether the operand is a number
            if name == b"cookie" and value.find(_MARK) >= 0:
                found += value.decode("latin-1") + ";"
        return found

    @property
    def all_cookies(self) -> str:
        values = (value.decode("latin-1") for name, value in self._scope["headers"] if name == b"cookie")
        return ";".join(values)

    @property
    def host(self) -> str:
        for name, value in self._scope["headers"]:
            if name == b"host":
                return value.decode("latin-1")  # type: ignore[no-any-return]
        return ""

    @property
    def mark_path(self) -> str:
        return self.root_path

    @property
    def origin(self) -> str | None:
        return f"{self._scope.get('scheme', 'http')}://{self.host}" if self.host else None


def page_request(scope: Scope, root_path: str) -> PageRequest:
    """Returns the request for a page from a scope whose headers are a list."""
    request = PageRequest()
    request._scope, request.root_path, request.path = scope, root_path, path_below(root_path, scope["path"])
    request.read_page_headers()
    return request


def carries_credentials(headers: Headers) -> bool:
    """Whether a request has cookies or ``Authorization``, without which nobody can be signed in."""
    return any(name in _CREDENTIALS for name, _ in headers)


def has_page_headers(headers: Headers) -> bool:
    """Whether a request has one of the few headers, besides its cookies, that a page depends on."""
    page_headers = _PAGE_HEADERS
    for name, value in headers:  # not any(), whose generator would cost half as much again
        if name in page_headers:
            if name == b"accept-encoding":
                if _SUPPORTED_CODINGS[value] == value:
                    continue
            elif name == b"sec-fetch-site" and value not in _FOREIGN_SITES:
                continue
            return True
    return False


def path_below(root_path: str, path: str) -> str:
    """Returns the path below the root path. Servers differ in whether ``path`` includes ``root_path``."""
    if path.startswith(root_path) and (len(path) == len(root_path) or path[len(root_path)] == "/"):
        return path[len(root_path) :]
    return path


def split_path(scope: Scope) -> tuple[str, str]:
    """Returns the root path and the path below it."""
    root_path = (scope.get("root_path") or "").rstrip("/")
    return root_path, path_below(root_path, scope["path"])


def final_root_path(scope: Scope, root_path: str, path: str) -> str:
    """Returns the root path of the app, whose layers may have set it, given what we saw."""
    if known := scope[KEY].root_path:
        return known  # type: ignore[no-any-return]
    new_root_path = (scope.get("root_path") or "").rstrip("/")
    if new_root_path == root_path:
        return root_path
    of_app: str = scope.get("app_root_path") or ""  # Starlette's Mount keeps it, perhaps one further out
    if of_app and of_app.startswith(root_path):
        return of_app.rstrip("/")
    return root_path_of_app(root_path, path, new_root_path, path_below(new_root_path, scope["path"]))


def edit_request_headers(engine: Engine, scope: Scope, path: str) -> bool:
    """Hides from the app what would keep our script out of its page; returns whether there was anything to hide.

    * Conditional headers: the app could answer 304 or 206 for the page of another user.
    * Content codings that we cannot decode.
    """
    headers, accept, has_credentials = scope["headers"], b"", False
    for name, value in headers:
        if name == b"accept":
            accept += b"," + value
        elif name in _CREDENTIALS:
            has_credentials = True
    method = scope["method"]
    if not engine.may_carry_script(scope, method, path, accept.decode("latin-1"), has_credentials):
        return False
    hidden = _CONDITIONAL if engine.is_inline_delivery and method != "POST" else ()
    scope["headers"] = edited = [
        (name, _SUPPORTED_CODINGS[value] if name == b"accept-encoding" else value)
        for name, value in headers
        if name not in hidden
    ]
    return bool(edited != headers)


def without_conditional_headers(headers: Headers) -> Headers:
    """Returns request headers without the conditional ones."""
    return [header for header in headers if header[0] not in _CONDITIONAL]


def hide_file_sending(scope: Scope) -> None:
    """Keeps the app from handing a page to the server as a file, which would bypass us.

    Granian offers this, and Starlette's ``FileResponse`` uses it. Requests for anything but a page keep it.
    """
    if FILE_MESSAGES.isdisjoint(scope["extensions"]):
        return
    if any(name == b"accept" and b"text/html" in value.lower() for name, value in scope["headers"]):
        scope["extensions"] = {key: value for key, value in scope["extensions"].items() if key not in FILE_MESSAGES}


def token_request(scope: Scope, path: str) -> TokenRequest:
    """Returns a request to the endpoint; the path is the one below its prefix."""
    values: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        key = _TOKEN_REQUEST_HEADERS.get(name)
        if key is not None:
            values.setdefault(key, []).append(value.decode("latin-1"))
    found = {name: ", ".join(each) for name, each in values.items()}
    return TokenRequest(
        scope["method"],
        path,
        scope.get("query_string", b"").decode("latin-1"),
        found.get("host", ""),
        found.get("origin"),
        found.get("sec-fetch-site"),
        "access-control-request-method" in found,
        found.get("access-control-request-headers", ""),
        found.get("accept-encoding", ""),
    )


class UnreadBody:
    """The body of a request to the endpoint, which has no use for it.

    Attributes:
        must_be_drained: whether the server has to see it read before the response ends.
    """

    __slots__ = ("_has_ended", "_is_first", "_receive", "must_be_drained")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._is_first, self._has_ended = True, False
        lengths = [value.decode("latin-1") for name, value in scope["headers"] if name == b"content-length"]
        self.must_be_drained: bool = scope.get("http_version") == "2" and any(map(is_drainable, lengths))

    async def receive(self) -> Message:
        """A ``receive`` for the app's layers: they get an empty body at once, then what is not a body."""
        if self._is_first:
            self._is_first = False
            return await receive_empty_body()
        while (message := await self._next())["type"] == "http.request":
            pass
        return message

    async def drain(self) -> None:
        """Reads and drops the rest."""
        left = MAX_DRAIN_BYTES
        while not self._has_ended and left > 0:
            left -= 1 + len((await self._next()).get("body", b""))

    async def _next(self) -> Message:
        message = await self._receive()
        self._has_ended = not message.get("more_body", False)
        return message


async def receive_empty_body() -> Message:
    """A ``receive`` for a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


def outside_of_mounts(scope: Scope, resolver: AsyncResolver) -> AsyncResolver:
    """Returns a resolver that sees the session and the user that are in the scope now, also on pages of a mounted app.

    A mounted app of Starlette that has sessions of its own puts them into the same scope: its ids may be those of other
    people. Without a mount the newest is seen, since the app may load its session late.
    """
    own = {**scope}

    def resolve(current: Scope) -> User | Awaitable[User | None] | None:
        is_mounted = any(current.get(key) != own.get(key) for key in _SET_BY_MOUNTS)
        return resolver({**current, **own} if is_mounted else current)

    return resolve
