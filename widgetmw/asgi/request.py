"""The parts of an ASGI request that pages and the token endpoint need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from widgetmw.core.endpoint import MAX_DRAIN_BYTES, TOKEN_REQUEST_HEADERS, TokenRequest, is_drainable
from widgetmw.core.engine import Engine
from widgetmw.core.http.authorization_cookie import is_sent_by_browsers
from widgetmw.core.http.request_headers import (
    CONDITIONAL_HEADERS,
    FOREIGN_SITES,
    HTMX_PAGE_HEADERS,
    PURPOSE_HEADERS,
    is_shown_elsewhere,
    supported_codings,
    without_default_port,
)
from widgetmw.core.http.root_path import root_path_of_app
from widgetmw.core.identity.request_identity import IDENTITY_KEY
from widgetmw.core.memo import Memo

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]


FILE_MESSAGES: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend"})

_CONDITIONAL: Final = frozenset(name.encode() for name in CONDITIONAL_HEADERS)
_HTMX: Final = frozenset(name.encode() for name in HTMX_PAGE_HEADERS)
_ACCEPT: Final = _HTMX | {b"accept"}
_NOT_INNER: Final = _CONDITIONAL | {b"content-length", b"content-type", b"expect", b"transfer-encoding"}
_PURPOSES: Final = frozenset(name.encode() for name in PURPOSE_HEADERS)
_FETCH_METADATA: Final = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
_FOREIGN_SITES: Final = frozenset(name.encode() for name in FOREIGN_SITES)
_CREDENTIALS: Final = frozenset({b"cookie", b"authorization"})
# what read_request_headers and edit_request_headers look at
_READ: Final = _PURPOSES | _CONDITIONAL | {b"accept-encoding", b"authorization", b"sec-fetch-site"}
_EDITED: Final = _CONDITIONAL | _CREDENTIALS | _HTMX | {b"accept", b"accept-encoding"}
_TOKEN_REQUEST_HEADERS: Final = {name.encode(): name for name in TOKEN_REQUEST_HEADERS}
_SUPPORTED_CODINGS: Final = Memo(lambda value: supported_codings(value.decode("latin-1")).encode("latin-1"), 64)


class PageRequest:
    """The request for a page; see :class:`widgetmw.core.script_choice.AnyPageRequest`."""

    __slots__ = ("_headers", "_scope", "in_cross_site_frame", "is_prefetch", "path", "root_path", "sends_authorization")

    _headers: Headers  # unmodified: a middleware that decrypts cookies would drop our mark, which is not encrypted
    _scope: Scope
    path: str
    root_path: str
    in_cross_site_frame: bool
    is_prefetch: bool
    sends_authorization: bool

    def read_request_headers(self) -> bool:
        """Reads why the browser asks for the page; returns whether :func:`edit_request_headers` has to be called.

        This is one loop because it runs for every request, and a browser sends many headers.
        """
        self.is_prefetch = self.sends_authorization = must_edit = is_foreign = False
        self._headers = headers = self._scope["headers"]
        for name, value in headers:
            if name in _READ:
                if name == b"accept-encoding":
                    must_edit = must_edit or _SUPPORTED_CODINGS[value] != value
                elif name == b"sec-fetch-site":
                    is_foreign = value in _FOREIGN_SITES
                elif name == b"authorization":
                    self.sends_authorization = is_sent_by_browsers(value.decode("latin-1"))
                elif name in _PURPOSES:
                    self.is_prefetch = self.is_prefetch or value.lower().startswith(b"prefetch")
                else:
                    must_edit = True
        self.in_cross_site_frame = False
        if is_foreign:
            found = dict(headers)  # browsers never repeat these
            site, mode, destination = (found.get(name, b"").decode("latin-1") for name in _FETCH_METADATA)
            self.in_cross_site_frame = is_shown_elsewhere(site, mode, destination)
        return must_edit

    @property
    def cookies(self) -> str:
        found = [value.decode("latin-1") for name, value in self._headers if name == b"cookie"]
        return ";".join(found)  # HTTP/2 allows several headers

    @property
    def accept(self) -> str:
        return accepted_types(self._headers)

    @property
    def has_credentials(self) -> bool:
        return carries_credentials(self._headers)

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
        return f"{self._scope.get('scheme', 'http')}://{without_default_port(self.host)}" if self.host else None


def page_request(scope: Scope) -> PageRequest:
    """Returns the request for a page from a scope whose headers are a list."""
    request = PageRequest()
    request._scope = scope
    request.root_path, request.path = split_path(scope)
    request.read_request_headers()
    return request


def carries_credentials(headers: Headers) -> bool:
    """Whether a request has cookies or ``Authorization``. Most apps sign nobody in without them."""
    return any(name in _CREDENTIALS for name, _ in headers)


def accepted_types(headers: Headers) -> str:
    """Returns the ``Accept`` header, with ``text/html`` where htmx asks for a whole page."""
    values = (value if name == b"accept" else b"text/html" for name, value in headers if name in _ACCEPT)
    return b",".join(values).decode("latin-1")


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
    """Returns the root path with which the app makes its URLs: its layers may have changed it since we saw it."""
    if known := scope[IDENTITY_KEY].root_path:
        return known  # type: ignore[no-any-return]
    new_root_path = (scope.get("root_path") or "").rstrip("/")
    if new_root_path == root_path:
        return root_path
    of_app: str = scope.get("app_root_path") or ""  # Starlette's Mount keeps it, perhaps one further out
    if of_app and of_app.startswith(root_path):
        return of_app.rstrip("/")
    return root_path_of_app(root_path, path, new_root_path, path_below(new_root_path, scope["path"]))


def edit_request_headers(engine: Engine, scope: Scope, path: str) -> None:
    """Hides from the app what would keep our script out of its page.

    * Conditional headers: the app could answer 304 or 206 for the page of another user.
    * Content codings that we cannot decode.
    """
    method = scope["method"]
    hides_conditions = engine.is_inline_delivery and method != "POST"
    accepts: Headers = []
    edited: Headers = []
    has_credentials = False
    for header in scope["headers"]:  # one loop: most requests of browsers come here, since they offer Brotli
        name, value = header
        if name in _EDITED:
            if name in _ACCEPT:
                accepts.append(header)
            elif name in _CREDENTIALS:
                has_credentials = True
            elif name == b"accept-encoding":
                header = name, _SUPPORTED_CODINGS[value]
            elif hides_conditions:
                continue
        edited.append(header)
    if engine.may_carry_script(scope, method, path, accepted_types(accepts), has_credentials):
        scope["headers"] = edited


def inner_headers(headers: Headers) -> Headers:
    """Returns the headers of an inner request, which asks the app's layers for the user: a GET without a body.

    Without conditional headers, so that caching middleware does not interfere.
    """
    return [header for header in headers if header[0] not in _NOT_INNER]


def hide_file_sending(scope: Scope) -> None:
    """Keeps the app from handing a page to the server as a file, which would bypass us.

    Granian offers this, and Starlette's ``FileResponse`` uses it. Requests for anything but a page keep it.
    """
    if FILE_MESSAGES.isdisjoint(scope["extensions"]):
        return
    if "text/html" in accepted_types(scope["headers"]).lower():
        scope["extensions"] = {key: value for key, value in scope["extensions"].items() if key not in FILE_MESSAGES}


def token_request(scope: Scope, path: str) -> TokenRequest:
    """Returns a request to the endpoint; the path is the one below its prefix."""
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        if name in _TOKEN_REQUEST_HEADERS:
            found.setdefault(_TOKEN_REQUEST_HEADERS[name], []).append(value.decode("latin-1"))
    headers = {name: ", ".join(values) for name, values in found.items()}
    return TokenRequest.read(scope["method"], path, scope.get("query_string", b"").decode("latin-1"), headers)


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
