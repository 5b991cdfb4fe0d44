"""The token endpoint and the scripts: a request in, a response out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from widgetmw.browser.assets import EMBED_PATH, ScriptFile
from widgetmw.core.errors import describe_error
from widgetmw.core.events import Events
from widgetmw.core.http.authorization_cookie import FORGOTTEN_AUTHORIZATION, lacks_authorization
from widgetmw.core.http.request_headers import without_default_port
from widgetmw.core.identity.user import User
from widgetmw.core.metrics import TOKEN_REQUESTS
from widgetmw.core.settings import Settings, normal_origin
from widgetmw.core.tokens.cache import TokenCache
from widgetmw.core.tokens.token import Token

MAX_DRAIN_BYTES: Final = 65_536
# The query of the second token request, which confirms a 401 before the browser cleans up. A POST adds a random number.
SIGN_OUT: Final = "signout"
INNER_CALL: Final = "widgetmw.inner_call"
TOKEN_REQUEST_HEADERS: Final = (
    *("host", "origin", "sec-fetch-site", "sec-fetch-dest", "accept-encoding", "authorization", "cookie"),
    *("access-control-request-method", "access-control-request-headers"),
)

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_CONTENT_TYPE: Final = ("Content-Type", "application/json")
_COMMON_HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("Vary", "Cookie, Origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_TOKEN_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_CACHE_FOREVER: Final = "public, max-age=31536000, immutable"
_CACHE_MINUTES: Final = "public, max-age=300"
_HEADER_NAME: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_MAX_REPORTED_ORIGINS: Final = 10
_MAX_ORIGIN: Final = 200
_PREFLIGHT_HEADERS: Final = (
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Max-Age", "600"),
)
_ERRORS: Final = {
    "not_authenticated": (401, "no user is signed in"),
    "cross_site": (403, "this origin may not request tokens"),
    "unknown_provider": (404, "no such vendor is active"),
    "not_found": (404, "there is nothing at this path; all paths below WIDGETMW_PATH belong to widgetmw"),
    "method_not_allowed": (405, "use GET or POST"),
    "token_unavailable": (503, "the token cannot be created right now"),
}
_AUTHORIZATION_MISSING: Final = (
    "no token: the browser has sent Authorization with a page, but sends none to the token endpoint. It does so only "
    "below the folder where its user has signed in; keep the user in a session, too"
)
_REFUSED_MESSAGE: Final = "the vendor cannot identify this user"


def is_drainable(content_length: str) -> bool:
    """Whether a Content-Length announces a body that is small enough to read and drop.

    We have no use for the body. But on HTTP/2, hypercorn (0.18) closes all other streams of the connection if a body is
    not read, so the end of the response waits until it is.
    """
    is_number = content_length.isascii() and content_length.isdigit() and len(content_length) < 6
    return is_number and 0 < int(content_length) <= MAX_DRAIN_BYTES


class TokenRequest(NamedTuple):
    """A request to one of the endpoints."""

    method: str
    path: str  # below the prefix, with its leading slash
    query: str = ""
    host: str = ""
    origin: str | None = None
    fetch_site: str | None = None  # the Sec-Fetch-Site header
    is_preflight: bool = False  # of CORS: it has Access-Control-Request-Method
    requested_headers: str = ""  # of a preflight: the Access-Control-Request-Headers header
    accept_encoding: str = ""
    fetch_destination: str = ""  # the Sec-Fetch-Dest header
    lacks_authorization: bool = False  # that the browser has sent with a page, see http/authorization_cookie.py

    @classmethod
    def read(cls, method: str, path: str, query: str, headers: Mapping[str, str]) -> TokenRequest:
        """Reads a request; the headers are those of ``TOKEN_REQUEST_HEADERS`` that it has."""
        get = headers.get
        return cls(
            method,
            path,
            query,
            get("host", ""),
            get("origin"),
            get("sec-fetch-site"),
            "access-control-request-method" in headers,
            get("access-control-request-headers", ""),
            get("accept-encoding", ""),
            get("sec-fetch-dest", ""),
            lacks_authorization(get("cookie", ""), get("authorization", "")),
        )


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """A response of an endpoint. The headers have no Content-Length, since HEAD has the one of GET."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    @property
    def length(self) -> int:
        """The value of Content-Length."""
        return len(self.body)

    def body_to_send(self, is_head: bool) -> bytes:
        """Returns the body, which a response to HEAD does not have.

        A method, for frames that call the server: some error reporters, such as Sentry with its
        ``PureEvalIntegration``, also record the attributes that the code of a frame names.
        """
        return b"" if is_head else self.body


class InnerCall:
    """A token request that is sent through the app's own layers, because only there session and user are available.

    The outer part of a plugin sends an inner request through all layers, with this object under ``INNER_CALL``. The
    inner part stores the response here, and sends ``STAND_IN`` through the layers. The outer part compares that with
    what came out of them.
    """

    # Not 200: a cache inside the app may store every 200, whatever its Cache-Control says, and answer the next request
    # with it.
    STAND_IN: Final = TokenResponse(202, (_CONTENT_TYPE, ("Cache-Control", "private, no-store")), b"")

    def __init__(self, endpoint: Endpoint, request: TokenRequest) -> None:
        self._endpoint = endpoint
        self.request = request
        self.response: TokenResponse | None = None
        self.may_be_signed_in = False  # set if is_interrupted(): a user is known, or cannot be resolved

    def is_interrupted(self, status: int) -> bool:
        """Whether a layer answered in our place, with a status that means anonymous only if no user is signed in."""
        return self.response is None and (200 <= status < 400 or status == 403)

    def conclude(self, status: int, location: str = "") -> TokenResponse:
        """Returns the response for the browser, given what came out of the layers; status 0: nothing was sent."""
        # Besides that of the stand-in, the status of our own response is accepted: a layer may wrap the body of every
        # response in an envelope, and give each the status 200.
        if self.response is not None and status in (self.STAND_IN.status, self.response.status, 0):
            return self.response
        # A middleware replaced our response, so treat it as refused.
        may_be_signed_in = self.may_be_signed_in if self.response is None else self.response.status == 200
        return self._endpoint.interrupted_response(self.request, status, location, may_be_signed_in)

    def fail(self, error: Exception) -> TokenResponse:
        """Returns the response for the browser after an error in the layers."""
        return self._endpoint.failed(self.request, "internal_error", describe_error(error), error)


class Endpoint:
    """Answers requests below the prefix.

    A driver calls :meth:`response_without_user`; if that returns ``None``, :meth:`respond` or :meth:`failed`.
    """

    def __init__(
        self,
        settings: Settings,
        tokens: TokenCache,
        scripts: Mapping[str, ScriptFile],
        clock: Callable[[], float],
        events: Events,
    ) -> None:
        self._allowed_origins = settings.allowed_origins
        self._providers = {vendor.provider.name: vendor.provider for vendor in settings.vendors}
        self._expired_cookies = tuple(_expired_cookies(settings))
        self._tokens = tokens
        self._scripts = scripts
        self._clock = clock
        self._events = events
        self._reported_origins: set[str] = set()

    def has_script(self, path: str) -> bool:
        """Whether a path below the prefix is that of a script."""
        return path in self._scripts

    def response_without_user(self, request: TokenRequest) -> TokenResponse | None:
        """Returns the response if it does not depend on the user; ``None`` if a token may be given."""
        if script := self._scripts.get(request.path):
            return self._script(request, script)
        provider = _provider(request.path)
        if provider is None:
            return self._error(request, "not_found")
        if provider and provider not in self._providers:
            return self._error(request, "unknown_provider")
        is_allowed_origin = request.origin in self._allowed_origins
        if request.origin is not None and not is_allowed_origin:
            self._report_origin(request)
        if request.method == "OPTIONS" and request.is_preflight and is_allowed_origin:
            # A page may authenticate its requests with any header, see setRequestHeaders in widgetmw.d.ts.
            names = ", ".join(_HEADER_NAME.findall(request.requested_headers)) or "Accept, Content-Type"
            allowed = ("Access-Control-Allow-Headers", names)
            return TokenResponse(204, (*_COMMON_HEADERS, *_PREFLIGHT_HEADERS, allowed, *self._cors(request)), b"")
        if request.method not in _TOKEN_METHODS:
            return self._error(request, "method_not_allowed", ("Allow", "GET, HEAD, POST"))
        if not (is_allowed_origin or _is_same_site(request)):
            return self._error(request, "cross_site")
        return None

    def respond(self, request: TokenRequest, user: User | None) -> TokenResponse:
        """Returns the token of the vendor in the path, or of all vendors. First ask :meth:`response_without_user`."""
        if user is None:
            return self._not_authenticated(request)
        token_set, now = self._tokens.get(user), self._clock()
        provider = _provider(request.path)
        wanted = [token for token in token_set.tokens if provider in ("", token.provider)]
        objects = {token.provider: self._token_object(token, now) for token in wanted}
        tokens = {name: value for name, value in objects.items() if value is not None}
        refused = dict(token_set.refused)
        if provider in refused:
            return self._json(request, 409, {"error": refused[provider], "message": _REFUSED_MESSAGE})
        if provider:
            return self._json(request, 200, tokens[provider]) if tokens else self._unavailable(request)
        body: dict[str, Any] = {"user": token_set.user_hash, "now": round(float(now), 1), "tokens": tokens}
        failed = dict.fromkeys([*token_set.failed, *(objects.keys() - tokens.keys())], "token_unavailable")
        if errors := {**refused, **failed}:
            body["errors"] = errors
        # A session names the user without the header that the cookie tells of: from now on, a 401 is a sign-out.
        headers = (FORGOTTEN_AUTHORIZATION,) if request.lacks_authorization else ()
        return self._json(request, 200, body, *headers)

    def count(self, request: TokenRequest, response: TokenResponse) -> None:
        """Counts a response that is about to be sent, unless it is one of the scripts."""
        if _provider(request.path) is not None:
            TOKEN_REQUESTS.record(self._events, str(response.status))

    def failed(
        self, request: TokenRequest, code: str, message: str, error: BaseException | None = None
    ) -> TokenResponse:
        """Counts and logs a failure to resolve the user; returns the response, a 503."""
        self._events.count_and_warn("endpoint", code, message, error)
        return self._unavailable(request)

    def interrupted_response(
        self, request: TokenRequest, status: int, location: str = "", may_be_signed_in: bool = False
    ) -> TokenResponse:
        """Returns the response if a layer of the app answered before the user could be resolved.

        A 401 means anonymous. So does a 403, a page or a redirect to a login page, unless a user is signed in: a layer
        may forbid what it does not know, or ask that user to confirm the single sign-on or to accept new terms. A
        cached stand-in is no evidence either way.
        """
        is_stand_in = status == InnerCall.STAND_IN.status
        is_same_path = location.partition("?")[0].endswith(request.path)  # a redirect to this very URL, e.g. on https
        is_login = status == 403 or (200 <= status < 400 and not is_same_path and not is_stand_in)
        if status == 401 or (is_login and not may_be_signed_in):
            return self._not_authenticated(request)
        if status:  # without one, nothing was sent, since the client has left
            message = f"a layer of the app answered {status} before the user was resolved"
            remedy = ": let requests for tokens through, with their user" if status < 500 else ""
            self._events.warn("endpoint", "interrupted", message + remedy)
        return self._unavailable(request)

    def _not_authenticated(self, request: TokenRequest) -> TokenResponse:
        """Returns the response for an anonymous visitor.

        The one that confirms a sign-out also deletes the cookies of the vendors. Only a script may request that: an
        image or a link that somebody has posted must not end the chats of anonymous visitors.
        """
        if request.lacks_authorization:
            return self.failed(request, "authorization_missing", _AUTHORIZATION_MISSING)
        is_script = request.fetch_destination in ("", "empty")
        confirms = request.query.partition("&")[0] == SIGN_OUT
        expired = self._expired_cookies if confirms and is_script else ()
        return self._error(request, "not_authenticated", *expired)

    def _token_object(self, token: Token, now: float) -> dict[str, Any] | None:
        """Returns the JSON object of a token; ``None`` if the vendor's class fails."""
        try:
            extras = dict(self._providers[token.provider].endpoint_extras(token.value))
            _encode(extras)
        except Exception as error:  # third-party code may raise anything
            message = f"{token.provider}: endpoint_extras() failed: {describe_error(error)}"
            self._events.count_and_warn("endpoint", "token_unavailable", message, error)
            return None
        times = {"expires_in": token.expires_at, "refresh_in": token.refresh_at}
        seconds = {name: None if time is None else max(0, int(time - now)) for name, time in times.items()}
        return {**token.as_json(), **seconds, **extras}

    def _report_origin(self, request: TokenRequest) -> None:
        """Logs an origin whose pages cannot read the response, once each and up to a limit.

        The browser's console only says that a CORS header is missing, which no CORS middleware adds here.
        """
        if request.fetch_site != "same-site" and _is_same_site(request):
            return  # a page of our own origin, which needs no CORS headers
        origin = normal_origin(request.origin or "")[:_MAX_ORIGIN]
        if origin and origin not in self._reported_origins and len(self._reported_origins) < _MAX_REPORTED_ORIGINS:
            self._reported_origins.add(origin)
            remedy = "if that page is yours, list its origin in WIDGETMW_ALLOWED_ORIGINS"
            if _lacks_port(request, origin):
                remedy = f"if that is this site, let the proxy keep the port in Host (nginx: $http_host); {remedy}"
            self._events.warn_always("endpoint", "cross_site", f"no token for a page of {origin}: {remedy}")

    def _cors(self, request: TokenRequest) -> tuple[tuple[str, str], ...]:
        if request.origin is None or request.origin not in self._allowed_origins:
            return ()
        return (("Access-Control-Allow-Origin", request.origin), ("Access-Control-Allow-Credentials", "true"))

    def _unavailable(self, request: TokenRequest) -> TokenResponse:
        return self._error(request, "token_unavailable", ("Retry-After", "5"))

    def _error(self, request: TokenRequest, code: str, *headers: tuple[str, str]) -> TokenResponse:
        status, message = _ERRORS[code]
        return self._json(request, status, {"error": code, "message": message}, *headers)

    def _json(self, request: TokenRequest, status: int, body: object, *headers: tuple[str, str]) -> TokenResponse:
        all_headers = (_CONTENT_TYPE, *_COMMON_HEADERS, *headers, *self._cors(request))
        return TokenResponse(status, all_headers, _encode(body).encode())

    def _script(self, request: TokenRequest, script: ScriptFile) -> TokenResponse:
        if request.method not in ("GET", "HEAD"):
            return self._error(request, "method_not_allowed", ("Allow", "GET, HEAD"))
        versions = [item for item in request.query.split("&") if item.startswith("v=")]
        if request.path == EMBED_PATH:
            cache_control = _CACHE_MINUTES
        else:
            cache_control = _CACHE_FOREVER if versions == [f"v={script.version}"] else "no-store"
        headers: tuple[tuple[str, str], ...] = (
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("Cache-Control", cache_control),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
            # nothing in it is personal, and pages of other origins may load it
            ("Cross-Origin-Resource-Policy", "cross-origin"),
        )
        if not _accepts_gzip(request.accept_encoding):
            return TokenResponse(200, headers, script.content)
        return TokenResponse(200, (*headers, ("Content-Encoding", "gzip")), script.gzipped)


def _expired_cookies(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yields headers that delete the vendors' cookies, where no script can: a page may lack the vendor's widget."""
    domains = [""] if settings.cookie_domain is None else ["", f"; Domain={settings.cookie_domain}"]
    for vendor in settings.vendors:
        for name in vendor.provider.cookies():
            yield from (("Set-Cookie", f"{name}=; Path=/; Max-Age=0{domain}") for domain in domains)


def _accepts_gzip(accept_encoding: str) -> bool:
    for offer in accept_encoding.lower().split(","):
        coding, _, parameter = offer.replace(" ", "").partition(";")
        if coding in ("gzip", "x-gzip"):
            return parameter.rstrip("0.") != "q="  # q=0, q=0.0 and so on refuse it
    return False


def _provider(path: str) -> str | None:
    """Returns the vendor in the path; an empty string for all vendors, ``None`` for a path that is not handled."""
    if path == "/token":
        return ""
    start, _, name = path.rpartition("/")
    return name if start == "/token" and name else None


def _lacks_port(request: TokenRequest, origin: str) -> bool:
    """Whether only the port tells the origin from our Host: nginx's ``$host``, for one, drops it."""
    site, _, _ = origin.rpartition(":")
    return request.fetch_site is None and site == normal_origin(f"{site.partition(':')[0]}://{request.host}")


def _is_same_site(request: TokenRequest) -> bool:
    if request.fetch_site is not None:
        # the browser's own word; a proxy may have rewritten Host
        return request.fetch_site in ("same-origin", "same-site", "none")
    if request.origin is None:
        return True
    # Without regard to http or https: a proxy may terminate TLS.
    origin = normal_origin(request.origin)
    scheme = origin.partition(":")[0]
    return scheme in ("http", "https") and origin == normal_origin(f"{scheme}://{without_default_port(request.host)}")
