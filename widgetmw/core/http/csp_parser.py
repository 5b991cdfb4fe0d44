"""Content-Security-Policy as text: policies, their directives and source lists, read as CSP Level 3 reads them.

Everything here takes any text, never raises, and needs time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

WORDS = re.compile(r"[^\t\n\f\r ]+")  # str.split() would also cut at control characters that CSP takes for text
SPACE = "\t\n\f\r "
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]++={0,2})'", re.IGNORECASE)
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/_-]++={0,2}'", re.IGNORECASE)
_URL_HASH = re.compile(r"'url-sha(?:256|384|512)-[A-Za-z0-9+/_-]++={0,2}'", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HOST = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?(\*|(?:\*\.)?[a-z0-9_-]++(?:\.[a-z0-9_-]++)*+)(?::([0-9]+|\*))?(/[^?#]*)?(?:[?#].*)?",
    re.IGNORECASE,
)
_URL = re.compile(r"(https?)://([^/:?#\[\]@]+|\[[^\]]*\])(?::([0-9]*))?(/[^?#]*)?(?:[?#].*)?", re.IGNORECASE)
_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Url:
    """An http(s) URL, as far as policies look at it.

    Attributes:
        schemes: what its scheme may be in the eyes of the browser.
        host: in lower case; empty where it is unknown.
        port: its digits; empty for the scheme's usual one.
        path: with its leading slash, without query.
    """

    schemes: tuple[str, ...]
    host: str
    port: str
    path: str


def absolute(text: str) -> Url | None:
    """Reads an http(s) URL; ``None`` for any other text."""
    match = _URL.fullmatch(text)
    if match is None:
        return None
    scheme, host, port, path = match.groups()
    scheme = scheme.lower()
    port = (port or "").lstrip("0")
    return Url((scheme,), host.lower(), "" if port == _PORTS[scheme] else port, path or "/")


def our_own(origin: str | None, path: str) -> Url:
    """Places a path of ours on the origin that the server believes to have.

    Behind a proxy that ends TLS the server may see http where the browser sees https. So http (or an unknown
    origin) stands for both, and a source that only https fits counts: a page that really came over http with such
    a policy would have locked out its own scripts too. The price of a mistake is a reported violation and no
    token; the other way round it would be no chat for everybody behind such a proxy.
    """
    known = absolute(origin) if origin else None
    if known is None:
        return Url(("http", "https"), "", "", path)
    return Url(("https",) if known.schemes == ("https",) else ("http", "https"), known.host, known.port, path)


@dataclass(frozen=True, slots=True)
class SourceList:
    """The value of a fetch directive, such as ``script-src``.

    Attributes:
        nonces: in their order, as keys.
        strict_dynamic: what a trusted script adds is trusted; hosts and ``'self'`` do not count for scripts.
        url_hashes: hosts and ``'self'`` do not count for scripts (in Chromium; not part of CSP Level 3).
        inline: plain inline scripts run: ``'unsafe-inline'``, and nothing there that switches it off.
        empty: nothing in it allows any script.
        needs_origin: whether it allows us cannot be told without our own host.
    """

    nonces: dict[str, None]
    hashes: frozenset[str]
    strict_dynamic: bool
    url_hashes: bool
    inline: bool
    own: bool
    schemes: frozenset[str]
    hosts: tuple[tuple[str, str, str, str], ...]
    empty: bool
    needs_origin: bool

    def reaches(self, url: Url) -> bool:
        """Whether one of its schemes or hosts matches the URL; says nothing of ``'self'``."""
        return any(
            _covers(self.schemes, scheme) or any(_host_matches(source, scheme, url) for source in self.hosts)
            for scheme in url.schemes
        )

    def loads_ours(self, url: Url) -> bool:
        """Whether a script element with a URL of our own origin runs, without a nonce, as part of the page."""
        return not (self.strict_dynamic or self.url_hashes) and self.reaches_us(url)

    def adds(self, url: Url | None) -> bool:
        """Whether a script that runs may add a script element with this URL, without a nonce."""
        return self.strict_dynamic or (url is not None and not self.url_hashes and self.reaches(url))

    def reaches_us(self, url: Url) -> bool:
        """Whether ``'self'``, a scheme or a host matches a URL of our own origin."""
        return self.own or self.reaches(url)


def source_list(value: str) -> SourceList:
    """Reads the value of a fetch directive; tokens that are no source expression are ignored."""
    tokens = WORDS.findall(value)
    words = {token.lower() for token in tokens}
    nonces = dict.fromkeys(match[1] for match in map(_NONCE.fullmatch, tokens) if match)
    hashes = frozenset(token for token in tokens if _HASH.fullmatch(token))
    schemes = frozenset(match[1].lower() for match in map(_SCHEME.fullmatch, tokens) if match)
    schemes |= {"http"} if "*" in words else set()
    hosts = tuple(_host(match) for match in map(_HOST.fullmatch, tokens) if match and match[0] != "*")
    own, dynamic, unsafe = ("'self'" in words, "'strict-dynamic'" in words, "'unsafe-inline'" in words)
    return SourceList(
        nonces=nonces,
        hashes=hashes,
        strict_dynamic=dynamic,
        url_hashes=any(map(_URL_HASH.fullmatch, tokens)),
        inline=unsafe and not (nonces or hashes or dynamic),
        own=own,
        schemes=schemes,
        hosts=hosts,
        empty=not (nonces or hashes or schemes or hosts or own or unsafe),
        needs_origin=bool(hosts) and not own and not schemes & {"http", "https"},
    )


def _host(match: re.Match[str]) -> tuple[str, str, str, str]:
    scheme, host, port, path = match.groups()
    port = port.lstrip("0") or "0" if port else ""
    return (scheme or "").lower(), host.lower(), port, path or ""


def _covers(schemes: Iterable[str], scheme: str) -> bool:
    return scheme in schemes or (scheme == "https" and "http" in schemes)  # a secure connection is never less


def _host_matches(source: tuple[str, str, str, str], scheme: str, url: Url) -> bool:
    wanted, host, port, path = source
    if not url.host or (wanted and not _covers((wanted,), scheme)):
        return False
    if host != "*" and host != url.host and not (host.startswith("*.") and url.host.endswith(host[1:])):
        return False
    if port != "*" and port != url.port and (url.port or port != _PORTS[scheme]):
        return False
    return _path_matches(path, url.path)


def _path_matches(pattern: str, path: str) -> bool:
    if pattern in ("", "/"):
        return True
    wanted, parts = pattern.split("/"), path.split("/")
    if len(wanted) > len(parts):
        return False
    if pattern.endswith("/"):
        wanted.pop()  # a folder, and all in it
    elif len(wanted) != len(parts):
        return False
    return all(map(_same, wanted, parts))


def _same(one: str, other: str) -> bool:
    return unquote(one) == unquote(other)


@dataclass(frozen=True, slots=True)
class Policy:
    """One serialized policy.

    Attributes:
        directives: values by name in lower case; of a name that comes twice the first counts.
        scripts: what governs script elements; ``None`` where nothing restricts them.
        connects: what governs requests by script; ``None`` where nothing restricts them.
    """

    directives: dict[str, str]
    scripts: SourceList | None = field(init=False)
    connects: SourceList | None = field(init=False)

    def __post_init__(self) -> None:
        for attribute, name in (
            ("scripts", self.script_directive()),
            ("connects", self._governing("connect-src")),
        ):
            object.__setattr__(self, attribute, source_list(self.directives[name]) if name else None)

    def script_directive(self) -> str | None:
        """Returns the name of the directive that governs script elements."""
        return self._governing("script-src-elem", "script-src")

    def _governing(self, *names: str) -> str | None:
        return next((name for name in (*names, "default-src") if name in self.directives), None)

    def sandboxed(self) -> bool:
        """Whether pages may run no scripts, or run them in an origin of their own."""
        flags = set(WORDS.findall(self.directives.get("sandbox", "allow-scripts allow-same-origin").lower()))
        return not {"allow-scripts", "allow-same-origin"} <= flags

    def needs_origin(self) -> bool:
        """Whether what it allows us cannot be told without our own host."""
        return any(each is not None and each.needs_origin for each in (self.scripts, self.connects))

    def trusted_types(self) -> bool:
        """Whether a script may not be given a URL as plain text."""
        return "'script'" in self.directives.get("require-trusted-types-for", "").lower()


def named(text: str) -> Iterator[tuple[str, str]]:
    """Yields a directive's name, in lower case, and value; nothing where the text is none."""
    stripped = text.strip(SPACE)
    match = WORDS.match(stripped)
    if match and stripped.isascii():  # "not an ASCII string: continue"
        yield match[0].lower(), stripped[match.end() :]


def policy(text: str) -> Policy:
    """Reads one serialized policy."""
    directives: dict[str, str] = {}
    for directive in text.split(";"):
        for name, value in named(directive):
            directives.setdefault(name, value)
    return Policy(directives)


def policies(headers: Iterable[str]) -> list[Policy]:
    """Reads header values, each of which may be a comma list of policies; empty ones are left out."""
    read = (policy(part) for value in headers for part in value.split(",") if part.strip(SPACE))
    return [each for each in read if each.directives]
