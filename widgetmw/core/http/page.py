"""What a response's headers say: whether it is an HTML page that may be changed, and whether it may carry a token.

Both drivers come here with header pairs of their own kind, ``bytes`` for ASGI and ``str`` for WSGI. One pass over the
headers notes the few that matter and where they stand; :mod:`.response_headers` edits at those places.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from widgetmw.core.html.meta_charset import is_label
from widgetmw.core.memo import Memo

(
    TYPE,
    LENGTH,
    CODING,
    CACHE,
    SHARED,
    VARY,
    STALE,
    POLICY,
    REPORT,
    REFUSE,
    DISPOSITION,
    ORIGIN,
    CREDENTIALS,
    ETAG,
    FORGET,
) = (1 << bit for bit in range(15))

_MEANINGS: Final = {
    "content-type": TYPE,
    "content-length": LENGTH,
    "content-encoding": CODING,
    "cache-control": CACHE,
    "cdn-cache-control": SHARED,
    "cloudflare-cdn-cache-control": SHARED,
    "vercel-cdn-cache-control": SHARED,
    "netlify-cdn-cache-control": SHARED,
    "surrogate-control": SHARED,
    "edge-control": SHARED,
    "x-accel-expires": SHARED,
    "vary": VARY,
    "etag": STALE | ETAG,
    "last-modified": STALE,
    "expires": STALE,
    "accept-ranges": STALE,
    "content-md5": STALE,
    "digest": STALE,
    "content-digest": STALE,
    "repr-digest": STALE,
    "age": STALE,
    "content-security-policy": POLICY,
    "content-security-policy-report-only": REPORT,
    "content-range": REFUSE,
    "x-sendfile": REFUSE,
    "x-accel-redirect": REFUSE,
    "x-lighttpd-send-file": REFUSE,
    "clear-site-data": FORGET,
    "content-disposition": DISPOSITION,
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": CREDENTIALS,
}
_MOST_LEARNT: Final = 2000

# their bytes for ASCII are not ASCII's, or change meaning with what came before
_FOREIGN = re.compile(
    r"utf-?(16|32|7)|ucs-?[24]|iso-10646|iso-?2022|csiso2022|hz-gb|unicode(?!-1-1-utf-8)|csunicode|replacement"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NO_BODY = frozenset({204, 205, 206, 304})
_NEVER_SHARED = frozenset({"no-store", "private", "0"})
_SHAREABLE = frozenset({"public", "s-maxage"})
_DECISIVE = _SHAREABLE | {"no-transform"}

REASONS: Final = {
    "method": ("not a GET, HEAD or POST", "nothing to do: other methods do not load pages"),
    "status": ("an answer of this status has no page of its own", "nothing to do"),
    "not_html": ("the Content-Type is not text/html", "nothing to do, unless the app mislabels its pages"),
    "encoding": (
        "the charset is not a superset of ASCII, or a byte-order mark says so",
        "serve the page as UTF-8",
    ),
    "partial": ("a part of a page, or a file that the server sends", "nothing to do"),
    "attachment": ("a download", "nothing to do"),
    "no_transform": (
        "Cache-Control: no-transform forbids changes",
        "drop no-transform from pages with a widget",
    ),
    "coded": (
        "the body is compressed in a coding that cannot be taken apart here",
        "put the compressing middleware outside of this one, or compress with gzip or deflate",
    ),
    "shared": (
        "the app declares the page fit for shared caches",
        "mark pages for signed-in users private, or use WIDGETMW_DELIVERY=fetch",
    ),
    "cross_origin": (
        "other origins may read the page with the user's cookies",
        "drop Access-Control-Allow-Credentials from pages",
    ),
    "signing_out": ("the answer signs the user out (Clear-Site-Data)", "nothing to do"),
    "file_sent": (
        "the app hands the server a file to send",
        "serve HTML files that need a widget as ordinary responses",
    ),
    "incomplete": ("the app ended without ending its answer", "mend the app"),
    "ambiguous": ("several Content-Type or Content-Length headers", "send one"),
}


def _meaning(name: Any) -> int:
    known = text(name).strip().lower()
    # RFC 9213: any field of such a name is for one kind of shared cache
    return _MEANINGS.get(known, SHARED if known.endswith("-cache-control") else 0)


MEANING: Final = Memo(_meaning)


def _type(value: Any) -> bool | str:
    return _parsed_type(text(value))


TYPES: Final = Memo(_type)
"""What a Content-Type says: whether the charset of a page is declared; else why the response is left alone."""


class Page:
    """An HTML page, as its response headers describe it.

    Attributes:
        headers: those of a response that belongs to one person: without validators, digests and ages, which speak of
            other bytes, and with ``Cache-Control`` and ``Vary`` of ours, unless the app's own are stricter.
        length_index: where the Content-Length is among them; -1: nowhere, or it counts compressed bytes.
        charset_declared: whether the Content-Type declares a charset that browsers know.
        coding: ``""``, ``"gzip"`` or ``"deflate"``.
        special: meanings and values of headers that few pages have; ``None``: it has none of them.
        refusal: why no token may go into it, or ``None``: a shared cache may keep it, another origin may read it with
            the user's cookies, or it signs the user out.
    """

    __slots__ = ("charset_declared", "coding", "headers", "length_index", "refusal", "special")

    headers: list[Any]
    length_index: int
    charset_declared: bool
    coding: str
    special: list[tuple[int, Any]] | None
    refusal: str | None

    def values(self, meaning: int) -> list[str]:
        """Returns the values of the special headers of one meaning."""
        return [text(value) for found, value in self.special or () if found & meaning]


class ResponseHeaders:
    """Reads the headers of responses, and makes those of pages private, in one pass.

    Args:
        kind: of names and values, ``bytes`` or ``str``.
        cache_control: the directives of the settings.
        always: whether these directives also replace stricter ones.
    """

    def __init__(self, kind: type, cache_control: str, always: bool = False) -> None:
        self._cache_control: tuple[Any, Any] = "Cache-Control", cache_control
        self._vary: tuple[Any, Any] = "Vary", "Cookie"
        if kind is bytes:  # ASGI wants lower case
            self._cache_control = b"cache-control", cache_control.encode("latin-1")
            self._vary = b"vary", b"Cookie"
        self._is_stricter = Memo(lambda value: not always and stricter(directives(text(value)), cache_control))
        self._is_harmless = Memo(lambda value: directives(text(value)).isdisjoint(_DECISIVE))
        self._longer = Memo(lambda value: None if varies(text(value)) else with_cookie(value))

    def read(self, status: int, headers: list[tuple[Any, Any]]) -> Page | str:
        """Returns the page, or the reason why the response is left alone."""
        charset = special = last_vary = None
        kept: list[tuple[Any, Any]] = []
        keeps_cache_control = names_cookie = False
        length = -1
        for pair in headers:
            meaning = MEANING[pair[0]]
            if meaning:
                if meaning == TYPE:
                    if charset is not None:
                        return "ambiguous"
                    charset = TYPES[pair[1]]
                    if charset.__class__ is str:
                        return charset  # type: ignore[no-any-return]  # most responses are not pages
                elif meaning == LENGTH:
                    if length >= 0:
                        return "ambiguous"
                    length = len(kept)
                elif meaning & STALE:
                    continue
                elif meaning == VARY:
                    last_vary = len(kept)
                    names_cookie = names_cookie or self._longer[pair[1]] is None
                elif meaning == CACHE and self._is_harmless[pair[1]]:
                    if not self._is_stricter[pair[1]]:
                        continue
                    keeps_cache_control = True
                else:
                    special = special or []
                    special.append((meaning, pair[1]))
                    if meaning & (SHARED | CACHE):
                        continue
            kept.append(pair)
        if charset is None:
            return "not_html"
        if status != 200 and (status < 200 or status in _NO_BODY or 300 <= status < 400):
            return "status"
        if not keeps_cache_control:
            kept.append(self._cache_control)
        if last_vary is None:
            kept.append(self._vary)
        elif not names_cookie:
            name, value = kept.pop(last_vary)
            length -= length > last_vary
            kept.append((name, self._longer[value]))
        page = Page()  # filled here: the call of an initializer would cost as much as the loop
        page.headers, page.length_index = kept, length
        page.charset_declared, page.coding = charset, ""
        page.special = page.refusal = None
        return page if special is None else judged(page, special)


def judged(page: Page, special: list[tuple[int, Any]]) -> Page | str:
    """Looks at the headers that few pages have."""
    page.special = special
    bits = 0
    for meaning, _ in special:
        bits |= meaning
    if not bits & ~(POLICY | REPORT):
        return page
    if bits & REFUSE:
        return "partial"
    if any(value.strip().lower().startswith("attachment") for value in page.values(DISPOSITION)):
        return "attachment"
    cache = directives(",".join(page.values(CACHE)))
    if "no-transform" in cache:
        return "no_transform"
    coding = ",".join(page.values(CODING)).strip().lower()
    coding = {"identity": "", "x-gzip": "gzip"}.get(coding, coding)
    if coding not in ("", "gzip", "deflate"):
        return "coded"
    if coding:
        page.coding, page.length_index = coding, -1
    page.refusal = _refusal(page, bits, cache)
    return page


def _refusal(page: Page, bits: int, cache: frozenset[str]) -> str | None:
    if bits & FORGET:
        return "signing_out"
    # each edge header is for another cache: what one of them forbids says nothing about the next
    edge = any(not directives(value) & _NEVER_SHARED for value in page.values(SHARED))
    if edge or not cache.isdisjoint(_SHAREABLE):
        return "shared"
    allowed = [value.strip().lower() for value in page.values(CREDENTIALS)]
    return "cross_origin" if bits & ORIGIN and "true" in allowed else None


def stricter(own: frozenset[str], chosen: str) -> bool:
    """Whether the app's own directives leave caches less than the chosen ones would."""
    return "no-store" in own or ("no-store" not in chosen and own >= {"private", "no-cache"})


def _parsed_type(value: str) -> bool | str:
    # here, since it costs 20 ms to import, and once for each Content-Type that an app has
    from werkzeug.http import parse_options_header

    essence, parameters = parse_options_header(value)
    if essence.strip().lower() != "text/html" or "," in value.partition(";")[0]:
        return "not_html"
    charset = parameters.get("charset", "").strip().lower()
    if _FOREIGN.match(charset):
        return "encoding"
    # browsers ignore a label that they do not know, and look into the page
    return is_label(charset)


def text(value: Any) -> str:
    """Returns a header value of either kind as text."""
    return value if isinstance(value, str) else bytes(value).decode("latin-1")


@lru_cache(maxsize=512)
def directives(joined: str) -> frozenset[str]:
    """Returns the names of the directives of ``Cache-Control`` and its likes, in lower case."""
    plain = _QUOTED.sub("", joined)
    return frozenset(part.partition("=")[0].strip().lower() for part in plain.split(",")) - {""}


def varies(value: Any) -> bool:
    """Whether a ``Vary`` names the cookie, or everything."""
    return not {name.strip().lower() for name in text(value).split(",")}.isdisjoint({"cookie", "*"})


def like(model: Any, value: str) -> Any:
    """Returns a text as the kind that the model is of."""
    return value if isinstance(model, str) else value.encode("latin-1")


def with_cookie(value: Any) -> Any:
    """Returns a ``Vary`` with the cookie behind what it names."""
    own = text(value)
    return like(value, f"{own}, Cookie" if own.strip() else "Cookie")
