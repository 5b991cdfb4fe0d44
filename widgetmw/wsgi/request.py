"""The parts of a WSGI request that pages and the token endpoint need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, Final, TypeAlias

from widgetmw.core.endpoint import TOKEN_REQUEST_HEADERS, TokenRequest
from widgetmw.core.engine import Engine
from widgetmw.core.http.authorization_cookie import is_sent_by_browsers
from widgetmw.core.http.request_headers import (
    CONDITIONAL_HEADERS,
    FOREIGN_SITES,
    HTMX_PAGE_HEADERS,
    PURPOSE_HEADERS,
    environ_name,
    is_shown_elsewhere,
    supported_codings,
    without_default_port,
)
from widgetmw.core.http.root_path import root_path_of_app
from widgetmw.core.identity.resolvers import Environ
from widgetmw.core.memo import Memo

StartResponse: TypeAlias = Callable[..., Callable[[bytes], Any]]
App: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers: TypeAlias = list[tuple[str, str]]

_CONDITIONAL: Final = frozenset(map(environ_name, CONDITIONAL_HEADERS))
_NOT_INNER: Final = _CONDITIONAL | {"CONTENT_TYPE", "HTTP_EXPECT", "HTTP_TRANSFER_ENCODING"}
_HTMX: Final = frozenset(map(environ_name, HTMX_PAGE_HEADERS))
_PURPOSES: Final = frozenset(map(environ_name, PURPOSE_HEADERS))
_RARE: Final = _PURPOSES | _CONDITIONAL
_CODINGS: Final = "HTTP_ACCEPT_ENCODING"
_HIDDEN_CODINGS: Final = "widgetmw.accept_encoding"
_TOKEN_REQUEST_HEADERS: Final = {name: environ_name(name) for name in TOKEN_REQUEST_HEADERS}
_SUPPORTED_CODINGS: Final = Memo(supported_codings, 64)


class PageRequest:
    """The request for a page; see :class:`widgetmw.core.script_choice.AnyPageRequest`."""

    __slots__ = ("_environ", "cookies", "in_cross_site_frame", "is_prefetch", "path", "root_path")

    _environ: Environ
    cookies: str  # unmodified: a middleware that decrypts cookies would drop our mark, which is not encrypted
    path: str
    root_path: str
    in_cross_site_frame: bool
    is_prefetch: bool

    def read_request_headers(self) -> bool:
        """Reads why the browser asks for the page; returns whether :func:`edit_request_headers` has to be called."""
        names, get = self._environ.keys(), self._environ.get
        self.in_cross_site_frame = self.is_prefetch = False
        self.cookies = get("HTTP_COOKIE", "")
        site, codings = get("HTTP_SEC_FETCH_SITE"), get(_CODINGS, "")
        if site in FOREIGN_SITES:
            self.in_cross_site_frame = is_shown_elsewhere(
                site, get("HTTP_SEC_FETCH_MODE", ""), get("HTTP_SEC_FETCH_DEST", "")
            )
        must_edit: bool = _SUPPORTED_CODINGS[codings] != codings
        if names.isdisjoint(_RARE):
            return must_edit
        self.is_prefetch = any(get(name, "").lower().startswith("prefetch") for name in _PURPOSES)
        return must_edit or not names.isdisjoint(_CONDITIONAL)

    @property
    def sends_authorization(self) -> bool:
        authorization = authorization_of(self._environ)
        return authorization != "" and is_sent_by_browsers(authorization)

    @property
    def has_credentials(self) -> bool:
        return carries_credentials(self._environ)

    @property
    def host(self) -> str:
        return self._environ.get("HTTP_HOST", "")  # type: ignore[no-any-return]

    @property
    def mark_path(self) -> str:
        return self.root_path

    @property
    def origin(self) -> str | None:
        return f"{self._environ['wsgi.url_scheme']}://{without_default_port(self.host)}" if self.host else None


def page_request(environ: Environ, root_path: str) -> PageRequest:
    """Returns the request for a page."""
    request = PageRequest()
    request._environ, request.root_path, request.path = environ, root_path, environ.get("PATH_INFO", "")
    request.read_request_headers()
    return request


def final_root_path(environ: Environ, known: str, root_path: str, path: str) -> str:
    """Returns the root path with which the app makes its URLs: its layers may have changed it since we saw it.

    ``known`` is what a plugin has found, or empty. The path is the one that we saw, as in the environ.
    """
    new_root_path = decode_path(environ.get("SCRIPT_NAME", ""))
    if known or new_root_path == root_path:
        return known or root_path
    new_path = decode_path(environ.get("PATH_INFO", ""))
    return root_path_of_app(root_path, decode_path(path), new_root_path.rstrip("/"), new_path)


def decode_path(path: str) -> str:
    """Decodes a path of the environ, whose UTF-8 bytes are presented as Latin-1."""
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def edit_request_headers(engine: Engine, environ: Environ, path: str) -> bool:
    """Hides from the app what would keep our script out of its page; returns whether there was anything to hide.

    * Conditional headers: the app could answer 304 or 206 for the page of another user.
    * Content codings that we cannot decode. :func:`restore_codings` shows them again, to compression outside of us.
    """
    accept, method = environ.get("HTTP_ACCEPT", ""), environ["REQUEST_METHOD"]
    if not _HTMX.isdisjoint(environ):
        accept = "text/html"
    if not engine.may_carry_script(environ, method, path, accept, carries_credentials(environ)):
        return False
    hides_conditions = engine.is_inline_delivery and method != "POST" and not environ.keys().isdisjoint(_CONDITIONAL)
    if hides_conditions:
        for name in _CONDITIONAL:
            environ.pop(name, None)
    codings = environ.get(_CODINGS, "")
    if (supported := _SUPPORTED_CODINGS[codings]) != codings:
        environ[_CODINGS], environ[_HIDDEN_CODINGS] = supported, codings
        return True
    return hides_conditions


def restore_codings(environ: Environ) -> bool:
    """Undoes what :func:`edit_request_headers` has done to ``Accept-Encoding``; returns whether there was anything."""
    if _HIDDEN_CODINGS not in environ:
        return False
    environ[_CODINGS] = environ.pop(_HIDDEN_CODINGS)
    return True


def authorization_of(environ: Environ) -> str:
    """Returns the ``Authorization`` header, or its scheme alone if the server has checked it, or an empty string."""
    return environ.get("HTTP_AUTHORIZATION") or environ.get("AUTH_TYPE") or ""


def carries_credentials(environ: Environ) -> bool:
    """Whether a request has cookies or ``Authorization``. Most apps sign nobody in without them."""
    return "HTTP_COOKIE" in environ or "HTTP_AUTHORIZATION" in environ


def inner_environ(environ: Environ) -> Environ:
    """Returns the environ of an inner request, which asks the app's layers for the user.

    It is always a GET without conditional headers, so that CSRF and caching hooks do not interfere, and without a body,
    so that no hook waits for the client's.
    """
    kept = {name: value for name, value in environ.items() if name not in _NOT_INNER}
    return {**kept, "REQUEST_METHOD": "GET", "CONTENT_LENGTH": "0", "wsgi.input": BytesIO()}


def token_request(environ: Environ, path: str) -> TokenRequest:
    """Returns a request to the endpoint; the path is the one below its prefix."""
    headers = {name: environ[key] for name, key in _TOKEN_REQUEST_HEADERS.items() if key in environ}
    headers["authorization"] = authorization_of(environ)
    return TokenRequest.read(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers)
