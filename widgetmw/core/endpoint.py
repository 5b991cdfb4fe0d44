"""The token endpoint and ``runtime.js``, as a function of facts about the request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings, normal_origin
from widgetmw.core.tokens.cache import Grant, Token, Tokens

_FIXED: Final = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Vary", "Cookie, Origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_encode = json.JSONEncoder(separators=(",", ":")).encode
MOST_DRAINED: Final = 65_536  # bytes of a body that nobody reads
_TOKEN_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_MESSAGES: Final = {
    "not_authenticated": "nobody is signed in",
    "cross_site": "this origin may not ask for tokens",
    "unknown_provider": "no such vendor is active",
    "not_found": "there is nothing at this path",
    "method_not_allowed": "use GET or POST",
    "token_unavailable": "the token cannot be made right now",
}
_STATUS: Final = {
    "not_authenticated": 401,
    "cross_site": 403,
    "unknown_provider": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "token_unavailable": 503,
}


def bounded(length: str) -> bool:
    """Whether a Content-Length announces a body that is small enough to be taken and dropped.

    Nothing is in it for us, but a server may hang up on a body that an app leaves unread: uWSGI on the connection, and
    hypercorn (0.18) on all that goes on at the same time on an HTTP/2 connection. Where none is announced nothing may
    be waited for: uvicorn's zttp (0.0.35) does not say that there is none.
    """
    return length.isascii() and length.isdigit() and len(length) < 6 and 0 < int(length) <= MOST_DRAINED


class Call(NamedTuple):
    """A request to one of our endpoints.

    Attributes:
        method: upper case.
        path: behind the prefix, with its leading slash.
        query: as it came.
        host: the Host header, empty where there was none.
        origin: the Origin header, or ``None``.
        site: the Sec-Fetch-Site header, or ``None``.
        preflight: whether it asks for leave to make another request (``Access-Control-Request-Method``).
    """

    method: str
    path: str
    query: str = ""
    host: str = ""
    origin: str | None = None
    site: str | None = None
    preflight: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; the headers hold no length, since HEAD has the one of GET."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)


class Endpoint:
    """Answers calls below the prefix.

    A driver asks :meth:`refusal` first, finds out who is signed in only if that is ``None``, and then asks for
    :meth:`tokens`, :meth:`nobody` or :meth:`unavailable`.
    """

    def __init__(
        self, settings: Settings, tokens: Tokens, runtime: bytes, version: str, clock: Callable[[], float]
    ) -> None:
        self._origins = settings.allowed_origins
        self._providers = {vendor.provider.name: vendor.provider for vendor in settings.vendors}
        self._tokens = tokens
        self._runtime = runtime
        self._version = version
        self._clock = clock

    def refusal(self, call: Call) -> Answer | None:
        """Returns the answer to all that does not depend on the user; ``None`` where a token may be given."""
        if call.path == "/runtime.js":
            return self._script(call)
        provider = _provider(call.path)
        if provider is None:
            return self._error(call, "not_found")
        if provider and provider not in self._providers:
            return self._error(call, "unknown_provider")
        if call.method == "OPTIONS" and call.preflight and self._listed(call):
            return self._preflight(call)
        if call.method not in _TOKEN_METHODS:
            return self._error(call, "method_not_allowed", ("Allow", "GET, HEAD, POST"))
        if not self._welcome(call):
            return self._error(call, "cross_site")
        return None

    def tokens(self, call: Call, user: User) -> Answer:
        """Returns the token of the vendor in the path, or of all; the call was not refused."""
        grant, now = self._tokens.get(user), self._clock()
        provider = _provider(call.path)
        if not provider:
            return self._all(call, grant, now)
        if provider in grant.failed:
            return self.unavailable(call)
        return self._json(call, 200, self._object(grant.tokens[provider], now))

    def nobody(self, call: Call) -> Answer:
        """Returns the answer for a caller who is not signed in."""
        return self._error(call, "not_authenticated")

    def unavailable(self, call: Call) -> Answer:
        """Returns the answer where the token, or who is signed in, cannot be found out."""
        return self._error(call, "token_unavailable", ("Retry-After", "5"))

    def _all(self, call: Call, grant: Grant, now: float) -> Answer:
        body: dict[str, Any] = {
            "user": grant.mark,
            "tokens": {name: self._object(token, now) for name, token in grant.tokens.items()},
        }
        if grant.failed:
            body["errors"] = {name: _problem("token_unavailable") for name in grant.failed}
        return self._json(call, 200, body)

    def _object(self, token: Token, now: float) -> dict[str, Any]:
        derived = self._providers[token.provider].derived(token.value)
        return {
            **token.facts(),
            "expires_in": _seconds(token.expires_at, now),
            "refresh_in": _seconds(token.refresh_at, now),
            **derived,
        }

    def _welcome(self, call: Call) -> bool:
        if self._listed(call):
            return True
        if call.site is not None:
            # the browser's own word; a proxy may have rewritten Host
            return call.site in ("same-origin", "same-site", "none")
        if call.origin is None:
            return True
        scheme = "https" if call.origin.lower().startswith("https:") else "http"
        host = _host(f"{scheme}://{call.host}")
        return host is not None and _host(call.origin) == host

    def _listed(self, call: Call) -> bool:
        return call.origin is not None and call.origin in self._origins

    def _preflight(self, call: Call) -> Answer:
        headers = (
            ("Access-Control-Allow-Methods", "GET, POST"),
            ("Access-Control-Allow-Headers", "Accept, Content-Type"),
            ("Access-Control-Max-Age", "600"),
        )
        return Answer(204, (*_FIXED[1:], *headers, *self._cors(call)), b"")

    def _cors(self, call: Call) -> tuple[tuple[str, str], ...]:
        if not self._listed(call):
            return ()
        origin = call.origin or ""
        return (("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"))

    def _error(self, call: Call, code: str, *headers: tuple[str, str]) -> Answer:
        return self._json(call, _STATUS[code], _problem(code), *headers)

    def _json(self, call: Call, status: int, body: dict[str, Any], *headers: tuple[str, str]) -> Answer:
        return Answer(status, (*_FIXED, *headers, *self._cors(call)), _encode(body).encode())

    def _script(self, call: Call) -> Answer:
        if call.method not in ("GET", "HEAD"):
            return self._error(call, "method_not_allowed", ("Allow", "GET, HEAD"))
        asked = [item for item in call.query.split("&") if item.startswith("v=")]
        cache = _FOR_EVER if asked == [f"v={self._version}"] else "no-store"
        headers = (
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("Cache-Control", cache),
            ("X-Content-Type-Options", "nosniff"),
        )
        return Answer(200, headers, self._runtime)


def _provider(path: str) -> str | None:
    """The vendor named in the path; empty for all of them, ``None`` where the path is none of ours."""
    if path == "/token":
        return ""
    start, _, name = path.rpartition("/")
    return name if start == "/token" and name else None


def _problem(code: str) -> dict[str, str]:
    return {"error": code, "message": _MESSAGES[code]}


def _seconds(at: int | None, now: float) -> int | None:
    return None if at is None else max(0, int(at - now))


def _host(origin: str) -> str | None:
    """Host and port, without the port that is usual for its scheme; ``None`` for what is no origin of web pages."""
    normal = normal_origin(origin)
    if normal is None or not normal.startswith(("http://", "https://")):
        return None
    return normal.partition("://")[2]
