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
Notes: TypeAlias = tuple[tuple[int, Any], ...]  # meanings and values of the headers that decide

# What a header means to us. One dict look-up a header; names that are none of ours are learnt as 0.
TYPE, LENGTH, CODING, CACHE, SHARED, VARY, STALE, POLICY, REPORT, REFUSE, DISPOSITION, ORIGIN, CREDENTIALS = (
    1 << bit for bit in range(13)
)
ETAG: Final = 1 << 13
FORGET: Final = 1 << 14
_TELLING: Final = ~(TYPE | LENGTH | STALE | ETAG)

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
    """What an answer's headers say of it, where it is a page that we may touch. One object for all answers alike.

    Attributes:
        bits: which of the headers we know are there.
        charset: whether the Content-Type names a charset that browsers know.
        length: the place of the Content-Length among the headers, or -1.
        coding: ``""``, ``"gzip"`` or ``"deflate"``.
        cache: names of the app's own cache directives, in lower case.
        policies: values of the enforced policies.
        reports: values of the policies that only report.
        varies: whether ``Vary`` names the cookie already.
        shared: whether the app lets shared caches keep it.
        readable: whether another origin may read it with the user's cookies.
        open: whether nothing of the above keeps a token out of it.
    """

    __slots__ = (
        "bits",
        "cache",
        "charset",
        "coding",
        "length",
        "open",
        "policies",
        "readable",
        "reports",
        "shared",
        "varies",
    )

    def __init__(self, bits: int, charset: bool, length: int, coding: str, cache: frozenset[str], notes: Notes) -> None:
        self.bits = bits
        self.charset = charset
        self.length = length
        self.coding = coding
        self.cache = cache
        self.policies = _noted(notes, POLICY)
        self.reports = _noted(notes, REPORT)
        self.varies = _varies(",".join(_noted(notes, VARY)))
        self.shared = bool(cache & {"public", "s-maxage"}) or _edge_shared(notes)
        allowed = [value.strip().lower() for value in _noted(notes, CREDENTIALS)]
        self.readable = bool(bits & ORIGIN) and "true" in allowed
        self.open = not (self.shared or self.readable or bits & FORGET)


def inspect(status: int, headers: Sequence[tuple[Any, Any]]) -> Page | str:
    """Returns what is to be known of a page, or the reason why the answer is left alone."""
    bits, length = 0, -1
    verdict: bool | str | None = None
    notes: Notes = ()
    for at, (name, value) in enumerate(headers):
        meaning = MEANING[name]
        if meaning:
            if meaning & bits & (TYPE | LENGTH):
                return "ambiguous"
            bits |= meaning
            if meaning == TYPE:
                verdict = _types.get(value)
                if verdict is None:
                    verdict = _type(value)
                if verdict.__class__ is str:
                    return verdict
            elif meaning == LENGTH:
                length = at
            elif meaning & _TELLING:
                notes += ((meaning, value),)
    if verdict is None:
        return "not_html"
    if status < 200 or status in _NO_BODY or 300 <= status < 400:
        return "status"
    # a policy has a nonce of its own each time
    return (_judge if bits & (POLICY | REPORT) else _judged)(bits, verdict is True, length, notes)


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


@lru_cache(maxsize=512)
def _directives(joined: str) -> frozenset[str]:
    plain = _QUOTED.sub("", joined)
    return frozenset(part.partition("=")[0].strip().lower() for part in plain.split(",")) - {""}


def _noted(notes: Notes, meaning: int) -> tuple[str, ...]:
    return tuple([text(value) for noted, value in notes if noted & meaning])


def _judge(bits: int, charset: bool, length: int, notes: Notes) -> Page | str:
    if bits & REFUSE:
        return "partial"
    if any(value.strip().lower().startswith("attachment") for value in _noted(notes, DISPOSITION)):
        return "attachment"
    cache = _directives(",".join(_noted(notes, CACHE)))
    if "no-transform" in cache:
        return "no_transform"
    coding = ",".join(_noted(notes, CODING)).strip().lower()
    coding = {"identity": "", "x-gzip": "gzip"}.get(coding, coding)
    if coding not in ("", "gzip", "deflate"):
        return "coded"
    return Page(bits, charset, length, coding, cache, notes)


_judged = lru_cache(maxsize=512)(_judge)


def _edge_shared(notes: Notes) -> bool:
    # each is for another cache: what one of them forbids says nothing about the next
    return any(not _directives(value) & _NEVER_SHARED for value in _noted(notes, SHARED))


def private(
    headers: Sequence[tuple[AnyStr, AnyStr]], page: Page, cache_control: str, always: bool = False
) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers for a page that belongs to one person.

    Validators, digests and ages go, since they speak of other bytes, and so does what is said to caches at the edge;
    the cache directives become private, unless the app's own are stricter; ``Vary`` gains ``Cookie``.
    ``Content-Length`` is the caller's.

    Args:
        headers: the app's.
        page: what they say.
        cache_control: the directives of the settings.
        always: whether these take the place of stricter ones, too.
    """
    ours, varying = _ours(headers[0][0].__class__, cache_control)
    if not page.bits & (STALE | SHARED | CACHE | VARY):
        return [*headers, ours, varying]
    keep = bool(page.bits & CACHE) and not always and _stricter(page.cache, cache_control)
    drop = STALE | SHARED if keep else STALE | SHARED | CACHE
    vary = 0 if page.varies else VARY
    kept = []
    for pair in headers:
        meaning = MEANING[pair[0]]
        if meaning & vary:
            pair, vary = (pair[0], _with_cookie(pair[1])), 0
        if not meaning & drop:
            kept.append(pair)
    if not keep:
        kept.append(ours)
    if not page.bits & VARY:
        kept.append(varying)
    return kept


def _stricter(own: frozenset[str], chosen: str) -> bool:
    """Whether the app's own directives leave caches less than the chosen ones would."""
    if "no-store" in own:
        return True
    return "no-store" not in chosen and own >= {"private", "no-cache"}


def like(model: AnyStr, value: str) -> AnyStr:
    """Returns a text as the kind that the model is of."""
    return value if isinstance(model, str) else value.encode("latin-1")


@lru_cache(maxsize=16)
def _ours(kind: type, cache_control: str) -> tuple[Any, Any]:
    """Returns our ``Cache-Control`` and ``Vary``, as the kind that the app's headers are of."""
    if issubclass(kind, str):
        return ("Cache-Control", cache_control), ("Vary", "Cookie")
    return (b"cache-control", cache_control.encode("latin-1")), (b"vary", b"Cookie")  # ASGI wants lower case


@lru_cache(maxsize=512)
def _with_cookie(value: Any) -> Any:
    own = text(value)
    return like(value, f"{own}, Cookie" if own.strip() else "Cookie")


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


def with_length(headers: Sequence[tuple[AnyStr, AnyStr]], page: Page, added: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the app's headers with a ``Content-Length`` for added bytes; a nonsense one goes."""
    at = page.length
    name, value = headers[at]
    digits = value if value.isdigit() else value.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < _MOST_DIGITS):
        return without(headers, LENGTH)
    total = int(digits) + added
    changed = list(headers)
    changed[at] = name, like(value, str(total)) if isinstance(value, str) else b"%d" % total
    return changed


def with_exact_length(headers: list[tuple[AnyStr, AnyStr]], length: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers with this ``Content-Length``, where there was one."""
    return [(name, like(value, str(length))) if MEANING[name] == LENGTH else (name, value) for name, value in headers]


def without(headers: Sequence[tuple[AnyStr, AnyStr]], meaning: int) -> list[tuple[AnyStr, AnyStr]]:
    """Returns the headers but those of one meaning."""
    return [pair for pair in headers if not MEANING[pair[0]] & meaning]
