"""Which responses may carry a token, and what becomes of their headers.

Both drivers come here with header pairs of their own kind, ``bytes`` for ASGI and ``str`` for WSGI; names are
compared without case, and no list of the app's is ever changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, AnyStr, Final, TypeAlias

from widgetmw.core.charset import is_label

Headers: TypeAlias = Iterable[tuple[AnyStr, AnyStr]]

# What a header means to us. One dict look-up a header; names that are none of ours are learnt as 0.
TYPE, LENGTH, CODING, CACHE, SHARED, VARY, STALE, POLICY, REPORT, REFUSE, DISPOSITION, ORIGIN, CREDENTIALS = (
    1 << bit for bit in range(13)
)
ETAG: Final = 1 << 13
FORGET: Final = 1 << 14

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
# of these, fetch delivery changes nothing: the page is the same for everybody
_BODY_DIGESTS = frozenset({"content-md5", "digest", "content-digest", "repr-digest", "accept-ranges"})
_MOST_LEARNT = 2000

# their bytes for ASCII are not ASCII's, or change meaning with what came before
_FOREIGN = re.compile(
    r"utf-?(16|32|7)|ucs-?[24]|iso-10646|iso-?2022|csiso2022|hz-gb|unicode(?!-1-1-utf-8)|csunicode|replacement"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_MOST_DIGITS = 19  # of a length; Python refuses to read some thousands of them
_NO_BODY = frozenset({204, 205, 206, 304})
_NEVER_SHARED = frozenset({"no-store", "private", "0"})

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


class _Names(dict[Any, int]):
    """Header names to meanings, for both kinds of text and any case."""

    def __missing__(self, name: Any) -> int:
        known = text(name).strip().lower()
        # RFC 9213: any field of such a name is for one kind of shared cache
        meaning = _MEANINGS.get(known, SHARED if known.endswith("-cache-control") else 0)
        if len(self) < _MOST_LEARNT and isinstance(name, bytes | str):
            self[name] = meaning
        return meaning


MEANING: Final = _Names()


class Page:
    """What an answer's headers say of it, where it is a page that we may touch.

    Attributes:
        charset: whether the Content-Type names a charset that browsers know.
        coding: ``""``, ``"gzip"`` or ``"deflate"``.
        bits: which of the headers we know are there.
        policies: values of the enforced policies.
        reports: values of the policies that only report.
        shared: whether the app lets shared caches keep it.
        readable: whether another origin may read it with the user's cookies.
    """

    __slots__ = ("bits", "charset", "coding", "policies", "readable", "reports", "shared")

    def __init__(self, bits: int, charset: bool) -> None:
        self.bits = bits
        self.charset = charset
        self.coding = ""
        self.policies: tuple[str, ...] = ()
        self.reports: tuple[str, ...] = ()
        self.shared = False
        self.readable = False


def inspect(status: int, headers: Sequence[tuple[Any, Any]]) -> Page | str:
    """Returns what is to be known of a page, or the reason why the answer is left alone."""
    bits = 0
    kind: Any = None
    for name, value in headers:
        meaning = MEANING[name]
        if meaning:
            if meaning & bits & (TYPE | LENGTH):
                return "ambiguous"
            bits |= meaning
            if meaning == TYPE:
                kind = value
                verdict = _type(value)
                if verdict.__class__ is str:
                    return verdict
    if kind is None:
        return "not_html"
    if status < 200 or status in _NO_BODY or 300 <= status < 400:
        return "status"
    page = Page(bits, _type(kind) is True)
    if bits & ~(TYPE | LENGTH | STALE | ETAG | VARY):
        return _closer(page, headers)
    return page


_types: dict[Any, bool | str] = {}


def _type(value: Any) -> bool | str:
    """Whether a Content-Type of a page names its charset; the reason for any other."""
    known = _types.get(value)
    if known is None:
        known = _parsed_type(text(value))
        if len(_types) < _MOST_LEARNT:
            _types[value] = known
    return known


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


def values(headers: Iterable[tuple[Any, Any]], meaning: int) -> tuple[str, ...]:
    """Returns the values of the headers of one meaning, as texts."""
    return tuple(text(value) for name, value in headers if MEANING[name] & meaning)


def directives(headers: Iterable[tuple[Any, Any]], meaning: int = CACHE) -> frozenset[str]:
    """Returns the lower-case names of the cache directives of all headers of one meaning."""
    return _directives(",".join([text(value) for name, value in headers if MEANING[name] & meaning]))


@lru_cache(maxsize=512)
def _directives(joined: str) -> frozenset[str]:
    plain = _QUOTED.sub("", joined)
    return frozenset(part.partition("=")[0].strip().lower() for part in plain.split(",")) - {""}


def _closer(page: Page, headers: Sequence[tuple[Any, Any]]) -> Page | str:
    bits = page.bits
    if bits & REFUSE:
        return "partial"
    if bits & DISPOSITION and any(v.strip().lower().startswith("attachment") for v in values(headers, DISPOSITION)):
        return "attachment"
    cache = directives(headers) if bits & CACHE else frozenset()
    if "no-transform" in cache:
        return "no_transform"
    if bits & CODING:
        coding = ",".join(values(headers, CODING)).strip().lower()
        page.coding = {"identity": "", "x-gzip": "gzip"}.get(coding, coding)
        if page.coding not in ("", "gzip", "deflate"):
            return "coded"
    page.shared = bool(cache & {"public", "s-maxage"}) or _edge_shared(headers, bits)
    page.readable = bool(bits & ORIGIN) and "true" in (v.strip().lower() for v in values(headers, CREDENTIALS))
    page.policies = values(headers, POLICY) if bits & POLICY else ()
    page.reports = values(headers, REPORT) if bits & REPORT else ()
    return page


def _edge_shared(headers: Sequence[tuple[Any, Any]], bits: int) -> bool:
    # each is for another cache: what one of them forbids says nothing about the next
    return bool(bits & SHARED) and any(
        not directives([pair], SHARED) & _NEVER_SHARED for pair in headers if MEANING[pair[0]] & SHARED
    )


def private(headers: Sequence[tuple[AnyStr, AnyStr]], bits: int, cache_control: str) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers for a page that belongs to one person.

    Validators, digests and ages go, since they speak of other bytes, and so does what is said to caches at the edge;
    the cache directives become private, unless the app's own are stricter; ``Vary`` gains ``Cookie``.
    ``Content-Length`` is the caller's.

    Args:
        headers: the app's.
        bits: of the :class:`Page`.
        cache_control: the directives of the settings.
    """
    keep = bool(bits & CACHE) and _stricter(directives(headers), cache_control)
    drop = STALE | SHARED if keep else STALE | SHARED | CACHE
    kept = [pair for pair in headers if not MEANING[pair[0]] & drop] if bits & drop else list(headers)
    model = headers[0][0]
    if not keep:
        kept.append(_pair(model, "Cache-Control", cache_control))
    if bits & VARY:
        return _vary(kept, model)
    kept.append(_pair(model, "Vary", "Cookie"))
    return kept


def _stricter(own: frozenset[str], chosen: str) -> bool:
    """Whether the app's own directives leave caches less than the chosen ones would."""
    if "no-store" in own:
        return True
    return "no-store" not in chosen and own >= {"private", "no-cache"}


def like(model: AnyStr, value: str) -> AnyStr:
    """Returns a text as the kind that the model is of."""
    return value if isinstance(model, str) else value.encode("latin-1")


@lru_cache(maxsize=64)
def _made(kind: type, name: str, value: str) -> Any:
    # ASGI wants names in lower case
    return (name, value) if kind is str else (name.lower().encode(), value.encode("latin-1"))


def _pair(model: AnyStr, name: str, value: str) -> tuple[AnyStr, AnyStr]:
    """Returns a header of ours, as the kind that the model is of."""
    pair: tuple[AnyStr, AnyStr] = _made(str if isinstance(model, str) else bytes, name, value)
    return pair


def _vary(headers: list[tuple[AnyStr, AnyStr]], model: AnyStr) -> list[tuple[AnyStr, AnyStr]]:
    places = [place for place, (name, _) in enumerate(headers) if MEANING[name] == VARY]
    if _varies(",".join([text(headers[place][1]) for place in places])):
        return headers
    name, value = headers[places[0]]
    headers[places[0]] = name, like(model, f"{text(value)}, Cookie" if text(value).strip() else "Cookie")
    return headers


@lru_cache(maxsize=512)
def _varies(joined: str) -> bool:
    return not {name.strip().lower() for name in joined.split(",")}.isdisjoint({"cookie", "*"})


def common(headers: Sequence[tuple[AnyStr, AnyStr]], bits: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers for a page with a span that is the same for everybody.

    It stays cacheable. Digests of its bytes go; an ETag becomes weak, since the page is the same in meaning and
    no longer in bytes, and parts of it must not be put together with parts of the app's.
    """
    if not bits & STALE:
        return list(headers)
    kept = []
    for name, value in headers:
        if text(name).strip().lower() in _BODY_DIGESTS:
            continue
        if MEANING[name] & ETAG and not text(value).strip().startswith("W/"):
            value = like(value, f"W/{text(value).strip()}")
        kept.append((name, value))
    return kept


def with_length(headers: list[tuple[AnyStr, AnyStr]], added: int) -> list[tuple[AnyStr, AnyStr]]:
    """Corrects ``Content-Length`` for added bytes, in place; a nonsense one goes."""
    for at, (name, value) in enumerate(headers):
        if MEANING[name] == LENGTH:
            digits = text(value).strip()
            if digits.isascii() and digits.isdigit() and len(digits) < _MOST_DIGITS:
                headers[at] = name, like(value, str(int(digits) + added))
            else:
                del headers[at]
            break
    return headers


def with_exact_length(headers: list[tuple[AnyStr, AnyStr]], length: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers with this ``Content-Length``, where there was one."""
    return [(name, like(value, str(length))) if MEANING[name] == LENGTH else (name, value) for name, value in headers]


def without(headers: Sequence[tuple[AnyStr, AnyStr]], meaning: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers but those of one meaning."""
    return [pair for pair in headers if not MEANING[pair[0]] & meaning]
