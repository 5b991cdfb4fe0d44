"""An HTML page, as its response headers describe it: whether it may be modified, and whether it may carry a token."""

from __future__ import annotations

import re
import time
from collections.abc import Container
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from widgetmw.core.memo import Memo
from widgetmw.core.reasons import SkipReason

# Flags of a response header, by name. Other headers do not matter to a page, and have none.
CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CACHE_CONTROL, EDGE_CACHE_CONTROL = (1 << bit for bit in range(5))
VARY, VALIDATOR, ETAG, BODY_DIGEST, CSP, CSP_REPORT_ONLY, FILE_TRANSFER = (1 << bit for bit in range(5, 12))
CONTENT_DISPOSITION, ALLOW_ORIGIN, ALLOW_CREDENTIALS, CLEAR_SITE_DATA = (1 << bit for bit in range(12, 16))
# FOREIGN_BASE is not a header: see Page.note_foreign_base
INTEGRITY_POLICY, INTEGRITY_POLICY_REPORT_ONLY, SET_COOKIE, FOREIGN_BASE = (1 << bit for bit in range(16, 20))

_FLAGS: Final = {
    "content-type": CONTENT_TYPE,
    "content-length": CONTENT_LENGTH,
    "content-encoding": CONTENT_ENCODING,
    "cache-control": CACHE_CONTROL,
    **dict.fromkeys(("surrogate-control", "edge-control", "x-accel-expires"), EDGE_CACHE_CONTROL),
    "vary": VARY,
    **dict.fromkeys(("last-modified", "expires", "age"), VALIDATOR),
    "etag": VALIDATOR | ETAG,
    # describe the original bytes; removed from a page whose script is the same for everybody, too
    **dict.fromkeys(
        ("accept-ranges", "content-md5", "digest", "content-digest", "repr-digest"), VALIDATOR | BODY_DIGEST
    ),
    "content-security-policy": CSP,
    "content-security-policy-report-only": CSP_REPORT_ONLY,
    "integrity-policy": INTEGRITY_POLICY,
    "integrity-policy-report-only": INTEGRITY_POLICY_REPORT_ONLY,
    **dict.fromkeys(("content-range", "x-sendfile", "x-accel-redirect", "x-lighttpd-send-file"), FILE_TRANSFER),
    "clear-site-data": CLEAR_SITE_DATA,
    "set-cookie": SET_COOKIE,
    "content-disposition": CONTENT_DISPOSITION,
    "access-control-allow-origin": ALLOW_ORIGIN,
    "access-control-allow-credentials": ALLOW_CREDENTIALS,
}
_SCRIPT_POLICIES: Final = CSP | CSP_REPORT_ONLY | INTEGRITY_POLICY | INTEGRITY_POLICY_REPORT_ONLY
# One match even where the closing quote is missing, or each quote would be looked at again: quadratic time.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+("?)', re.DOTALL)
_SESSION_COOKIE = re.compile(r"sess|auth|remember|token|jwt|identity|security|user|logged|(?<![a-z])sid(?![a-z])")
_CLEARS_USER = re.compile(r"cookies|storage|\*")  # not "cache" and its like, which some sites send with every page
# Of forms, of a sign-in that is not complete, and of analytics: Hotjar, Application Insights, Segment, Optimizely.
_OTHER_COOKIE = re.compile(r"csrf|xsrf|state|nonce|^_hj|^ai_|^ajs_|^optimizely")
_THIS_YEAR = str(time.gmtime().tm_year)
_YEAR_START = len("expires=thu, 01 jan ")
_NEVER_SHARED = frozenset({"no-store", "private", "0"})  # "0": X-Accel-Expires: 0
_WITHOUT_ARGUMENT = frozenset({"no-store", "private", "no-cache"})
_SHAREABLE = frozenset({"public", "s-maxage"})
_EVALUATED = _SHAREABLE | {"no-transform"}
_ENCODING_ALIASES = {"identity": "", "x-gzip": "gzip"}


class Page:
    """An HTML page that may be modified.

    :class:`~widgetmw.core.http.response_headers.ResponseHeaders` fills it: calling an initializer would cost as much
    as reading the headers.

    Attributes:
        headers: the response headers for a page that belongs to one user. Validators, digests and ages are left out,
            since they describe other bytes; ``Cache-Control`` and ``Vary`` are ours, unless the app's are stricter.
        length_index: index of the Content-Length in ``headers``; -1 if there is none or it counts compressed bytes.
        charset_declared: whether the Content-Type declares a charset that browsers know.
        coding: ``""``, ``"gzip"`` or ``"deflate"``.
        rare_headers: flags and value of each header that few pages have, such as a CSP; ``None`` if there is none.
        no_token_reason: why the page must not carry a token, or ``None``.
        script: the script elements to insert, once :meth:`widgetmw.core.engine.Engine.prepare_page` has written them.
    """

    __slots__ = ("charset_declared", "coding", "headers", "length_index", "no_token_reason", "rare_headers", "script")

    headers: list[Any]
    length_index: int
    charset_declared: bool
    coding: str
    rare_headers: list[tuple[int, Any]] | None
    no_token_reason: SkipReason | None
    script: bytes

    def values(self, flags: int) -> list[str]:
        """Returns the values of the rare headers with any of these flags."""
        return [header_text(value) for found, value in self.rare_headers or () if found & flags]

    def ignore_unsent_cookies(self, cookies: str) -> None:
        """Lets the page carry a token if it deletes only session cookies that the request did not send.

        That is no sign-out: frameworks also delete cookies that are not there.
        """
        sent = {item.partition("=")[0].strip() for item in cookies.split(";")}
        ended = map(ended_session, self.values(SET_COOKIE))
        is_by_cookie = self.no_token_reason is SkipReason.SIGNING_OUT and not self._clears_user()
        if is_by_cookie and sent.isdisjoint(ended):
            self.no_token_reason = None

    def allow_own_origin(self, origin: str | None) -> None:
        """Lets the page carry a token if no origin but its own may read it with the user's cookies.

        A CORS layer also adds its headers to the response to a form of the site, whose request names the site's own
        origin. Behind a proxy that terminates TLS, the server may see that origin as ``http``.
        """
        allowed = {value.strip().lower() for value in self.values(ALLOW_ORIGIN)}
        own = (origin or "").lower()
        if own and allowed <= {own, own.replace("http://", "https://", 1)}:
            self.no_token_reason = SkipReason.SIGNING_OUT if self.values(SET_COOKIE) else None

    def note_foreign_base(self) -> None:
        """Records that paths in the script would be resolved against a ``<base>`` of another origin ahead of it."""
        self.rare_headers = [*(self.rare_headers or ()), (FOREIGN_BASE, "")]

    def evaluate(self, rare_headers: list[tuple[int, Any]]) -> Page | SkipReason:
        """Evaluates the headers that few pages have; returns the page, or the reason to skip it."""
        self.rare_headers = rare_headers
        all_flags = 0
        for flags, _ in rare_headers:
            all_flags |= flags
        if not all_flags & ~_SCRIPT_POLICIES:
            return self
        if all_flags & FILE_TRANSFER:
            return SkipReason.PARTIAL
        if any(value.strip().lower().startswith("attachment") for value in self.values(CONTENT_DISPOSITION)):
            return SkipReason.ATTACHMENT
        cache_control = directives(",".join(self.values(CACHE_CONTROL)))
        if "no-transform" in cache_control:
            return SkipReason.NO_TRANSFORM
        coding = ",".join(self.values(CONTENT_ENCODING)).strip().lower()
        coding = _ENCODING_ALIASES.get(coding, coding)
        if coding not in ("", "gzip", "deflate"):
            return SkipReason.CONTENT_ENCODING
        if coding:
            self.coding, self.length_index = coding, -1
        self.no_token_reason = self._no_token_reason(all_flags, cache_control)
        return self

    def _no_token_reason(self, all_flags: int, cache_control: frozenset[str]) -> SkipReason | None:
        if all_flags & CLEAR_SITE_DATA and self._clears_user():
            return SkipReason.SIGNING_OUT
        # Each of these headers addresses another cache: one of them says nothing about the others.
        at_edge = any(not directives(value) & _NEVER_SHARED for value in self.values(EDGE_CACHE_CONTROL))
        if at_edge or not cache_control.isdisjoint(_SHAREABLE):
            return SkipReason.SHARED_CACHE
        credentials = [value.strip().lower() for value in self.values(ALLOW_CREDENTIALS)]
        if all_flags & ALLOW_ORIGIN and "true" in credentials:
            return SkipReason.CROSS_ORIGIN
        # Last: ignore_unsent_cookies() may lift it, and then no other reason may remain.
        return SkipReason.SIGNING_OUT if all_flags & SET_COOKIE else None

    def _clears_user(self) -> bool:
        """Whether the browser is told to delete what may name the user."""
        return any(_CLEARS_USER.search(value.lower()) for value in self.values(CLEAR_SITE_DATA))


def header_text(value: Any) -> str:
    """Returns a header name or value, ``bytes`` or ``str``, as text."""
    return value if isinstance(value, str) else str(value, "latin-1")


def _flags(name: Any) -> int:
    text = header_text(name).strip().lower()
    # RFC 9213: a field whose name ends like this addresses one kind of shared cache
    return _FLAGS.get(text, EDGE_CACHE_CONTROL if text.endswith("-cache-control") else 0)


HEADER_FLAGS: Final = Memo(_flags)
"""The flags of a header, by name; 0 for most."""


@lru_cache(maxsize=512)
def directives(cache_control: str) -> frozenset[str]:
    """Returns the directive names of a ``Cache-Control`` value, in lower case: ``s-maxage`` for ``s-maxage=0``.

    ``private="set-cookie"`` is left out: with an argument, such a directive speaks of one header only.
    """
    unquoted = _QUOTED.sub(lambda match: "" if match[1] else match[0], cache_control)
    parts = (part.partition("=") for part in unquoted.split(","))
    names = ((name.strip().lower(), equals) for name, equals, _ in parts)
    return frozenset(name for name, equals in names if name and not (equals and name in _WITHOUT_ARGUMENT))


def ended_session(set_cookie: Any) -> str:
    """Returns the name of the cookie that a ``Set-Cookie`` value deletes, if it is that of a session; else empty."""
    name, _, rest = header_text(set_cookie).partition("=")
    if not _SESSION_COOKIES[name]:
        return ""
    text = rest.lower()
    has_ended = "max-age=0" in text or "max-age=-" in text or text.startswith((";", '"";')) or text in ("", '""')
    if not has_ended and (expiry := text.find("expires=")) >= 0:
        year = text[expiry + _YEAR_START : expiry + _YEAR_START + 4]
        has_ended = year < _THIS_YEAR and year.isdigit()
    return name.strip() if has_ended else ""


def may_have_session(cookies: str, headers: list[tuple[Any, Any]], vendor_cookies: Container[str] = ()) -> bool:
    """Whether a request, given its ``Cookie`` header, has the cookie of a session, or the response sets one.

    ``vendor_cookies`` are the names of cookies that hold a session of a vendor, not of the site.
    """
    names = (item.partition("=")[0].strip() for item in cookies.split(";"))
    sent = (name for name in names if unquote(name) not in vendor_cookies)
    added = (header_text(value).partition("=")[0].strip() for name, value in headers if HEADER_FLAGS[name] & SET_COOKIE)
    return any(_SESSION_COOKIES[name] for name in (*sent, *added))


def note_session_cookie(name: object) -> None:
    """Counts a cookie as that of a session, for frameworks that tell its configured name; ignores all but a name."""
    if isinstance(name, str) and name not in _NAMED_SESSION_COOKIES:
        _NAMED_SESSION_COOKIES.add(name)
        _SESSION_COOKIES.pop(name, None)


def _may_be_session(name: str) -> bool:
    lower = name.lower()
    is_named = name in _NAMED_SESSION_COOKIES
    return is_named or (bool(_SESSION_COOKIE.search(lower)) and not _OTHER_COOKIE.search(lower))


_NAMED_SESSION_COOKIES: Final[set[str]] = set()  # of all apps of the process
_SESSION_COOKIES: Final = Memo(_may_be_session)


def needs_evaluation(cache_control: str | bytes) -> bool:
    """Whether a ``Cache-Control`` value can forbid a token or a change of the page."""
    return not directives(header_text(cache_control)).isdisjoint(_EVALUATED)


def is_stricter(own: frozenset[str], configured: str) -> bool:
    """Whether the app's own directives are at least as strict as the configured ones."""
    return "no-store" in own or ("no-store" not in configured and own >= {"private", "no-cache"})
