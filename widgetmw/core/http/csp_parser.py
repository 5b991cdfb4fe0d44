"""Parses Content-Security-Policy headers as CSP Level 3 does: policies, their directives and source lists.

Everything here takes any text, never raises, and takes time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

WHITE_SPACE = "\t\n\f\r "
_WORDS = re.compile(r"[^\t\n\f\r ]+")  # str.split() also splits at control characters, which CSP treats as text
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
    """The parts of an http(s) URL that policies match.

    Attributes:
        schemes: what the browser may see as its scheme.
        host: in lower case; empty if unknown.
        port: its digits; empty for the scheme's default.
        path: with the leading slash, without the query.
    """

    schemes: tuple[str, ...]
    host: str
    port: str
    path: str


def parse_url(text: str) -> Url | None:
    """Parses an http(s) URL; returns ``None`` for any other text."""
    match = _URL.fullmatch(text)
    if match is None:
        return None
    scheme, host, port, path = match.groups()
    scheme = scheme.lower()
    port = (port or "").lstrip("0")
    return Url((scheme,), host.lower(), "" if port == _PORTS[scheme] else port, path or "/")


def own_url(origin: str | None, path: str) -> Url:
    """Returns the URL of one of our paths, on the origin as the server sees it.

    Behind a proxy that terminates TLS, the server may see http where the browser sees https. So http, or an unknown
    origin, means both, and a source that matches only https counts: a page that really came over http with such a
    policy would block its own scripts too. If this is wrong, the browser reports one violation and the page has no
    token. The opposite rule would disable the chat for everybody behind such a proxy.
    """
    known = parse_url(origin) if origin else None
    if known is None:
        return Url(("http", "https"), "", "", path)
    return Url(("https",) if known.schemes == ("https",) else ("http", "https"), known.host, known.port, path)


class SourceList:
    """The value of a fetch directive, such as ``script-src``. Tokens that are not source expressions are ignored.

    Attributes:
        nonces: in their order, as keys.
        hashes: of inline scripts, as source expressions.
        has_strict_dynamic: a trusted script may add scripts; hosts and ``'self'`` are ignored for scripts.
        has_url_hashes: hosts and ``'self'`` are ignored for scripts (in Chromium; not part of CSP Level 3).
        allows_inline: plain inline scripts run: ``'unsafe-inline'`` is there, and nothing that switches it off.
        has_self: ``'self'`` is there.
        schemes: in lower case; ``*`` counts as ``http``.
        hosts: scheme, host, port and path of each host source.
        is_empty: nothing in it allows any script.
        depends_on_origin: whether it allows us depends on our own host.
    """

    def __init__(self, value: str) -> None:
        tokens = _WORDS.findall(value)
        words = {token.lower() for token in tokens}
        self.nonces: dict[str, None] = dict.fromkeys(match[1] for match in map(_NONCE.fullmatch, tokens) if match)
        self.hashes: frozenset[str] = frozenset(token for token in tokens if _HASH.fullmatch(token))
        self.has_strict_dynamic: bool = "'strict-dynamic'" in words
        self.has_url_hashes: bool = any(map(_URL_HASH.fullmatch, tokens))
        has_unsafe_inline = "'unsafe-inline'" in words
        self.allows_inline: bool = has_unsafe_inline and not (self.nonces or self.hashes or self.has_strict_dynamic)
        self.has_self: bool = "'self'" in words
        self.schemes: set[str] = {match[1].lower() for match in map(_SCHEME.fullmatch, tokens) if match}
        if "*" in words:
            self.schemes.add("http")
        self.hosts: list[tuple[str, ...]] = [
            match.groups("") for match in map(_HOST.fullmatch, tokens) if match and match[0] != "*"
        ]
        allows_urls = bool(self.has_self or self.schemes or self.hosts)
        self.is_empty: bool = not (self.nonces or self.hashes or allows_urls or has_unsafe_inline)
        self.depends_on_origin: bool = bool(self.hosts) and not (self.has_self or self.schemes & {"http", "https"})

    def matches(self, url: Url) -> bool:
        """Whether one of its schemes or hosts matches the URL; ignores ``'self'``."""
        return any(
            _scheme_matches(self.schemes, scheme) or any(_host_matches(source, scheme, url) for source in self.hosts)
            for scheme in url.schemes
        )

    def matches_own(self, url: Url) -> bool:
        """Whether ``'self'``, a scheme or a host matches a URL of our own origin."""
        return self.has_self or self.matches(url)

    def allows_own_script(self, url: Url) -> bool:
        """Whether a script element of the page runs that has a URL of our own origin and no nonce."""
        return not (self.has_strict_dynamic or self.has_url_hashes) and self.matches_own(url)

    def allows_script_url(self, url: Url | None) -> bool:
        """Whether a running script may add a script element that has this URL and no nonce."""
        return self.has_strict_dynamic or (url is not None and not self.has_url_hashes and self.matches(url))


def _scheme_matches(schemes: Iterable[str], scheme: str) -> bool:
    return scheme in schemes or (scheme == "https" and "http" in schemes)  # https is allowed wherever http is


def _host_matches(source: Sequence[str], scheme: str, url: Url) -> bool:
    source_scheme, host, port, path = source[0].lower(), source[1].lower(), source[2], source[3]
    if not url.host or (source_scheme and not _scheme_matches((source_scheme,), scheme)):
        return False
    port = port.lstrip("0") or port[:1]
    if host != "*" and host != url.host and not (host.startswith("*.") and url.host.endswith(host[1:])):
        return False
    if port != "*" and port != url.port and (url.port or port != _PORTS[scheme]):
        return False
    return _path_matches(path, url.path)


def _path_matches(pattern: str, path: str) -> bool:
    if pattern in ("", "/"):
        return True
    expected, parts = pattern.split("/"), path.split("/")
    if len(expected) > len(parts):
        return False
    if pattern.endswith("/"):
        expected.pop()  # a folder, and everything in it
    elif len(expected) != len(parts):
        return False
    return all(unquote(one) == unquote(other) for one, other in zip(expected, parts, strict=False))


class Policy:
    """One serialized policy.

    Attributes:
        directives: values by name in lower case; the first of two directives with the same name counts.
        script_directive: name of the directive that governs script elements, or ``None``.
        scripts: the sources of script elements; ``None`` where nothing restricts them.
        connections: the targets of requests by script; ``None`` where nothing restricts them.
    """

    def __init__(self, text: str) -> None:
        self.directives: dict[str, str] = {}
        for directive in text.split(";"):
            for name, value in parse_directive(directive):
                self.directives.setdefault(name, value)
        self.script_directive: str | None = self._governing("script-src-elem", "script-src")
        self.scripts: SourceList | None = self._sources(self.script_directive)
        self.connections: SourceList | None = self._sources(self._governing("connect-src"))

    def _governing(self, *names: str) -> str | None:
        return next((name for name in (*names, "default-src") if name in self.directives), None)

    def _sources(self, name: str | None) -> SourceList | None:
        return SourceList(self.directives[name]) if name else None

    def is_sandboxed(self) -> bool:
        """Whether pages may run no scripts, or run them in an opaque origin."""
        flags = set(_WORDS.findall(self.directives.get("sandbox", "allow-scripts allow-same-origin").lower()))
        return not {"allow-scripts", "allow-same-origin"} <= flags

    def depends_on_origin(self) -> bool:
        """Whether what it allows us depends on our own host."""
        return any(each is not None and each.depends_on_origin for each in (self.scripts, self.connections))

    def requires_trusted_types(self) -> bool:
        """Whether a script element cannot get its URL as plain text."""
        return "'script'" in self.directives.get("require-trusted-types-for", "").lower()


def parse_directive(text: str) -> Iterator[tuple[str, str]]:
    """Yields a directive's name, in lower case, and value; nothing if the text is not a directive."""
    stripped = text.strip(WHITE_SPACE)
    match = _WORDS.match(stripped)
    if match and stripped.isascii():  # the specification skips a directive that is not ASCII
        yield match[0].lower(), stripped[match.end() :]


def parse_policies(headers: Iterable[str]) -> list[Policy]:
    """Parses header values, each of which may be a comma list of policies; leaves out empty policies."""
    policies = (Policy(part) for value in headers for part in value.split(",") if part.strip(WHITE_SPACE))
    return [policy for policy in policies if policy.directives]
