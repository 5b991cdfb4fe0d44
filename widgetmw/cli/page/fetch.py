"""Fetches pages for ``widgetmw check --url`` as a browser does, with the standard library alone.

Cookies and headers of the command line go only to the origin of the first URL, also across redirects. No message of
this module holds a value of either.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from queue import Empty, Queue
from threading import Thread
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import SplitResult, quote, urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from widgetmw import __version__
from widgetmw.cli.page.report import Finding
from widgetmw.core.html.content_coding import Decoder
from widgetmw.core.settings import normal_origin

MAX_REDIRECTS: Final = 20  # as in browsers
MAX_BYTES: Final = 8_388_608
SILENCE_SECONDS: float = 10.0
TOTAL_SECONDS: float = 30.0
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
PAGE_HEADERS: Final = (
    ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("Accept-Encoding", "gzip, deflate"),  # what can be decoded here
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
)
SCRIPT_HEADERS: Final = (
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
    ("Sec-Fetch-Dest", "empty"),
    ("Sec-Fetch-Mode", "same-origin"),
    ("Sec-Fetch-Site", "same-origin"),
)
_READ_BYTES: Final = 65_536
_URL_CHARACTERS: Final = "%/:=&?~#+!$,;'@()*[]"
_HEADER_NAME: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_COOKIE: Final = re.compile(r"[^\s=;,\x00-\x1f\x7f]+=[^;\x00-\x1f\x7f]*", re.ASCII)
_COOKIE_PREFIX: Final = re.compile(r"\s*cookie:\s*", re.IGNORECASE)


class FetchError(Exception):
    """A page cannot be fetched; ``finding`` says why."""

    def __init__(self, code: str, text: str, remedy: str) -> None:
        self.finding: Finding = Finding(code, text, remedy)
        super().__init__(text)


@dataclass(frozen=True)
class Response:
    """A response as it arrived.

    Attributes:
        url: of the request.
        headers: names and values, in their order.
        body: its first ``MAX_BYTES``, still encoded.
        is_complete: whether all of the body arrived.
        is_cut: whether there was more of it than we read.
        sent: the headers of the request; names begin with a capital and continue in lower case.
    """

    url: str
    status: int
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)
    is_complete: bool = True
    is_cut: bool = False
    sent: Mapping[str, str] = field(default_factory=dict, repr=False)

    def values(self, name: str) -> list[str]:
        """Returns the values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def decoded(self) -> bytes | None:
        """Returns the body without its content coding, as far as it is valid; ``None`` if we cannot decode it."""
        coding = ",".join(self.values("Content-Encoding")).strip().lower().removeprefix("x-")
        if coding in ("", "identity"):
            return self.body
        if coding not in ("gzip", "deflate"):
            return None
        parts, size = [], 0
        try:
            for piece in Decoder(coding).decode(self.body):
                parts.append(piece)
                size += len(piece)
                if size > MAX_BYTES:  # a small body may stand for gigabytes
                    break
        except zlib.error:
            pass
        return b"".join(parts)


class Browser:
    """Sends requests with the cookies and headers of the command line, and keeps the cookies that it is sent.

    Args:
        url: the first page, whose origin the cookies and headers are for.
        cookies: names and values.
        headers: names and values; those of a page replace ours.

    Attributes:
        origin: of the first page.
        has_credentials: whether there are cookies or headers that may sign in.
    """

    def __init__(
        self, url: str, cookies: Sequence[tuple[str, str]] = (), headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.origin: str = origin_of(url)
        self._headers = headers
        given = {name.lower() for name, _ in headers}
        self._page_headers = [header for header in PAGE_HEADERS if header[0].lower() not in given]
        # As in browsers: without this, subdomains would get cookies that name no domain, too.
        self._jar = CookieJar(DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain))
        self.has_credentials: bool = bool(cookies or headers)
        for name, value in cookies:
            self._jar.set_cookie(_cookie_for(url, name, value))

    def open(self, url: str) -> tuple[Response, list[str]]:
        """Fetches a page, following redirects; returns its response and the URLs that led there."""
        passed: list[str] = []
        while True:
            response = self.get(url, self._page_headers)
            location = next(iter(response.values("Location")), "")
            if response.status not in REDIRECTS or not location:
                return response, passed
            passed.append(url)
            if len(passed) > MAX_REDIRECTS:
                text = f"The site redirects more than {MAX_REDIRECTS} times, the last time to {shown(url)}."
                raise FetchError("redirect_loop", text, "Pass a cookie that is signed in, or fix the site's redirects.")
            url = absolute_url(url, quote(location.encode("latin-1", "replace"), safe=_URL_CHARACTERS))
            if not url:
                text = f"{shown(passed[-1])} redirects to what is not an http(s) URL."
                raise FetchError("redirect_invalid", text, "Fix the Location header.")

    def get(self, url: str, headers: Iterable[tuple[str, str]]) -> Response:
        """Sends one request; a redirect is a response.

        Raises:
            FetchError: no response arrived.
        """
        done: Queue[Response | Exception] = Queue()
        Thread(target=self._send, args=(url, headers, done), daemon=True).start()
        # The timeout of a socket begins again with each byte, and a response may have no end even before its body.
        try:
            result = done.get(timeout=TOTAL_SECONDS + SILENCE_SECONDS)
        except Empty:
            result = TimeoutError()
        if isinstance(result, Response):
            return result
        raise _explain(url, result.reason if isinstance(result, URLError) else result) from None

    def _send(self, url: str, headers: Iterable[tuple[str, str]], done: Queue[Response | Exception]) -> None:
        own = self._headers if origin_of(url) == self.origin else ()
        agent = f"Mozilla/5.0 (compatible; widgetmw/{__version__})"
        try:
            request = Request(url, headers=dict((("User-Agent", agent), *own, *headers)))  # noqa: S310  see normal_url
            self._jar.add_cookie_header(request)
            raw: Any = _opener(urlsplit(url)).open(request, timeout=SILENCE_SECONDS)
            with raw:
                self._jar.extract_cookies(raw, request)
                done.put(_read(url, raw, dict(request.header_items())))
        except Exception as error:
            done.put(error)

    def without_credentials(self) -> Browser:
        """Returns a browser without any cookie or header of the command line."""
        return Browser(self.origin)


class _FinalResponse(HTTPResponse):
    """Skips early hints and the like, which http.client takes for the response (all but 100)."""

    def begin(self) -> None:
        super().begin()
        while 101 < self.status < 200:
            self.headers = None  # type: ignore[assignment]  # where http.client looks whether to read on
            super().begin()


class _Handler(HTTPHandler, HTTPSHandler):
    def do_open(self, http_class: Any, req: Request, **options: Any) -> HTTPResponse:
        connection: Any = type(http_class.__name__, (http_class,), {"response_class": _FinalResponse})
        return super().do_open(connection, req, **options)


def _opener(url: SplitResult) -> OpenerDirector:
    """Returns what sends requests, through the proxy of the environment, except to this machine."""
    opener = OpenerDirector()  # without the handlers for errors and redirects, so that every status is a response
    opener.add_handler(_Handler())
    host = url.hostname or ""
    if not (host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")):
        opener.add_handler(ProxyHandler())
    return opener


def _read(url: str, raw: HTTPResponse, sent: Mapping[str, str]) -> Response:
    parts, size, is_complete = [], 0, True
    deadline = time.monotonic() + TOTAL_SECONDS
    try:
        while size <= MAX_BYTES and (part := raw.read1(_READ_BYTES)):
            parts.append(part)
            size += len(part)
            if time.monotonic() > deadline:
                raise TimeoutError
        is_complete = size > MAX_BYTES or not raw.length
    except (OSError, HTTPException):
        is_complete = False
    body = b"".join(parts)[:MAX_BYTES]
    return Response(url, raw.status, raw.getheaders(), body, is_complete, size > MAX_BYTES, sent)


def _explain(url: str, error: object) -> FetchError:
    """Says why no response arrived. The message of the error is left out, unless it can hold nothing of the request."""
    where = shown(url)
    if isinstance(error, TimeoutError):
        text = f"{where} did not answer in time."
        return FetchError("timeout", text, "Check that the site runs and that this machine can reach it.")
    if isinstance(error, ConnectionRefusedError):
        return FetchError("connection_refused", f"Nothing listens at {where}.", "Start the site, or correct the port.")
    if isinstance(error, socket.gaierror):
        return FetchError("host_not_found", f"The host of {where} is not known.", "Correct the host name.")
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or error.reason or "no common protocol"
        remedy = "Install a valid certificate with its chain, add its issuer to SSL_CERT_FILE, or use http."
        return FetchError("tls_error", f"No TLS connection to {where}: {why}.", remedy)
    text = f"The connection to {where} failed: {type(error).__name__}."
    return FetchError("connection_failed", text, "Check that an HTTP server listens there, and look into its log.")


def _cookie_for(url: str, name: str, value: str) -> Cookie:
    """Returns a cookie that goes to the origin of the URL alone."""
    parts = urlsplit(url)
    port = str(parts.port or {"http": 80, "https": 443}[parts.scheme])
    name_or_address = parts.netloc.removesuffix(f":{parts.port}")
    domain = name_or_address if "." in name_or_address else f"{name_or_address}.local"  # as CookieJar names it
    place = {"port": port, "port_specified": True, "path": "/", "path_specified": True}
    host = {"domain": domain, "domain_specified": False, "domain_initial_dot": False}
    rest: dict[str, Any] = {"secure": parts.scheme == "https", "expires": None, "discard": True}
    return Cookie(0, name, value, **place, **host, **rest, comment=None, comment_url=None, rest={})  # type: ignore[arg-type]


# the command line, and what is printed


def normal_url(text: str) -> str:
    """Returns an http(s) URL as it is sent, without its fragment.

    Raises:
        ValueError: the text is not such a URL, or it holds a user name.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", "" if parts.port is None else f":{parts.port}"
        authority = (f"[{host}]" if ":" in host else host.encode("idna").decode()) + port
    except ValueError:
        parts, authority = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise ValueError("must be an http:// or https:// URL with a valid host and port, and without a user name")
    if not normal_origin(f"{parts.scheme}://{authority}"):
        raise ValueError("must have a valid host and port")
    path, query = (quote(part, safe=_URL_CHARACTERS) for part in (parts.path or "/", parts.query))
    return f"{parts.scheme}://{authority}{path}" + (f"?{query}" if query else "")


def absolute_url(base: str, reference: str) -> str:
    """Returns the http(s) URL that a page at ``base`` refers to; empty if it is none."""
    try:
        return normal_url(urljoin(base, reference))
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Returns ``scheme://host[:port]`` of a URL."""
    parts = urlsplit(url)
    return normal_origin(f"{parts.scheme}://{parts.netloc}")


def shown(url: str) -> str:
    """Returns a URL for the output: without its query, which may hold a secret."""
    start, has_query, _ = url.partition("?")
    return start + ("?..." if has_query else "")


def parse_cookies(text: str) -> list[tuple[str, str]]:
    """Parses ``NAME=VALUE``, or a whole ``Cookie`` header.

    Raises:
        ValueError: the text is neither; the message does not show it.
    """
    items = [item.strip() for item in _COOKIE_PREFIX.sub("", text, count=1).split(";") if item.strip()]
    if not items or not all(item.isascii() and _COOKIE.fullmatch(item) for item in items):
        raise ValueError("must be NAME=VALUE, or a whole Cookie header")
    return [(name.strip(), value.strip()) for name, _, value in (item.partition("=") for item in items)]


def parse_header(text: str) -> tuple[str, str]:
    """Parses ``Name: value``.

    Raises:
        ValueError: the text is something else; the message does not show it.
    """
    name, colon, value = text.partition(":")
    if not (colon and _HEADER_NAME.fullmatch(name.strip()) and _HEADER_VALUE.fullmatch(value.strip())):
        raise ValueError("must be Name: value")
    return name.strip(), value.strip()
