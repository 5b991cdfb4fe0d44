"""Which responses may carry a token, as their headers say.

Both drivers come here with header pairs of their own kind, ``bytes`` for ASGI and ``str`` for WSGI; names are
compared without case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, TypeAlias

from widgetmw.core.charset import is_label

Notes: TypeAlias = Sequence[tuple[int, Any]]  # meanings and values of the headers that decide

# What a header means to us. One dict look-up a header; names that are none of ours are learnt as 0.
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
_TELLING: Final = ~(TYPE | LENGTH | STALE | ETAG | POLICY | REPORT)  # a policy has another nonce each time

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
_MOST_LEARNT = 2000
_MOST_PAGES = 64  # of one shape

# their bytes for ASCII are not ASCII's, or change meaning with what came before
_FOREIGN = re.compile(
    r"utf-?(16|32|7)|ucs-?[24]|iso-10646|iso-?2022|csiso2022|hz-gb|unicode(?!-1-1-utf-8)|csunicode|replacement"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
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
        bits: which of the headers we know are there, besides type and length.
        charset: whether the Content-Type names a charset that browsers know.
        length: the place of the Content-Length among the headers, or -1.
        coding: ``""``, ``"gzip"`` or ``"deflate"``.
        cache: names of the app's own cache directives, in lower case.
        policies: places of the enforced policies among the headers.
        reports: places of the policies that only report.
        varies: whether ``Vary`` names the cookie already.
        shared: whether the app lets shared caches keep it.
        open: whether a token may go into it: no shared cache may keep it, no other origin may read it with the user's
            cookies, and it does not sign the user out.
        usual: whether it is open, not coded, without a policy, and names its charset, so that a glance at its first
            bytes may do.
        recipes: how its headers become private ones, kept here by :mod:`widgetmw.core.headers`.
    """

    __slots__ = (
        "bits",
        "cache",
        "charset",
        "coding",
        "length",
        "open",
        "policies",
        "recipes",
        "reports",
        "shared",
        "usual",
        "varies",
    )

    def __init__(self, shape: _Shape, charset: bool, coding: str, cache: frozenset[str], notes: Notes) -> None:
        self.bits = bits = shape.bits
        self.charset = charset
        self.length = shape.length
        self.coding = coding
        self.cache = cache
        self.policies = shape.policies
        self.reports = shape.reports
        self.varies = varies(",".join(_noted(notes, VARY)))
        self.shared = bool(cache & {"public", "s-maxage"}) or _edge_shared(notes)
        allowed = [value.strip().lower() for value in _noted(notes, CREDENTIALS)]
        readable = bool(bits & ORIGIN) and "true" in allowed
        self.open = not (self.shared or readable or bits & FORGET)
        self.usual = charset and self.open and not (coding or self.policies or self.reports)
        self.recipes: dict[Any, Any] = {}


class _Shape:
    """What there is to know of all answers whose headers have the same names in the same order: an app has few.

    Attributes:
        bits: which of the headers we know are there, besides type and length.
        doubled: whether there are several of what there may be one of.
        length: the place of the Content-Length, or -1.
        pages: what was found before, by whether the charset is named, or by that and what :attr:`tell` takes.
        policies: places of the enforced policies.
        reports: places of the policies that only report.
        tell: takes the headers that decide, if there are any besides type and policies.
        type: the place of the Content-Type, or -1.
    """

    __slots__ = ("_meanings", "bits", "doubled", "length", "pages", "policies", "reports", "tell", "type")

    def __init__(self, names: tuple[Any, ...]) -> None:
        meanings = [MEANING[name] for name in names]
        self.doubled = meanings.count(TYPE) > 1 or meanings.count(LENGTH) > 1
        self.type = meanings.index(TYPE) if TYPE in meanings else -1
        self.pages: dict[Any, Page | str] = {}
        self.length = meanings.index(LENGTH) if LENGTH in meanings else -1
        self.policies = tuple(at for at, meaning in enumerate(meanings) if meaning == POLICY)
        self.reports = tuple(at for at, meaning in enumerate(meanings) if meaning == REPORT)
        places = [at for at, meaning in enumerate(meanings) if meaning & _TELLING]
        self.tell: Callable[[Any], Any] | None = itemgetter(*places) if places else None
        self._meanings = [meanings[at] for at in places]
        self.bits = 0
        for meaning in meanings:
            self.bits |= meaning & ~(TYPE | LENGTH)

    def judged(self, headers: Sequence[tuple[Any, Any]], charset: bool) -> Page | str:
        """Returns the page, or why it is none of ours."""
        told = () if self.tell is None else self.tell(headers)
        pairs = (told,) if len(self._meanings) == 1 else told
        notes = [(meaning, value) for meaning, (_, value) in zip(self._meanings, pairs, strict=True)]
        page = _judge(self, charset, notes)
        if len(self.pages) >= _MOST_PAGES:
            self.pages.clear()
        with suppress(TypeError):  # pairs may be lists, which cannot be keys
            self.pages[charset if self.tell is None else (charset, told)] = page
        return page


_shapes: dict[tuple[Any, ...], _Shape] = {}


def _shape(names: tuple[Any, ...]) -> _Shape:
    if len(_shapes) >= _MOST_LEARNT:
        _shapes.clear()
    shape = _shapes[names] = _Shape(names)
    return shape


def inspect(status: int, headers: Sequence[tuple[Any, Any]]) -> Page | str:
    """Returns what is to be known of a page, or the reason why the answer is left alone."""
    verdict: bool | str | None = None
    for name, value in headers:
        if name in _TYPE_NAMES:
            verdict = TYPES.get(value)
            if verdict.__class__ is str:
                return verdict  # most answers are no pages, and this is enough to know
            break
    names = next(zip(*headers), ())  # noqa: B905  the quickest way to them; pairs are alike in length
    shape = _shapes.get(names) or _shape(names)
    if verdict is None or shape.doubled or status != 200:
        verdict = _unusual(status, headers, shape)
        if verdict.__class__ is str:
            return verdict
    try:
        return shape.pages[verdict if shape.tell is None else (verdict, shape.tell(headers))]
    except (KeyError, TypeError):
        return shape.judged(headers, verdict is True)


def _unusual(status: int, headers: Sequence[tuple[Any, Any]], shape: _Shape) -> bool | str:
    """Whether the charset is named, or why the answer is left alone."""
    if shape.doubled:
        return "ambiguous"
    if shape.type < 0:
        return "not_html"
    verdict = _type(headers[shape.type][1])
    if verdict.__class__ is not str and (status < 200 or status in _NO_BODY or 300 <= status < 400):
        return "status"
    return verdict


_TYPE_NAMES: Final = frozenset({b"content-type", "Content-Type"})  # as nearly everybody writes them
TYPES: Final[dict[Any, bool | str]] = {}
"""What is known of values of Content-Type: whether the charset of a page is named; else the reason."""


def _type(value: Any) -> bool | str:
    """Whether a Content-Type of a page names its charset; the reason for any other."""
    if value in TYPES:
        return TYPES[value]
    verdict = _parsed_type(text(value))
    if len(TYPES) < _MOST_LEARNT:
        TYPES[value] = verdict
    return verdict


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


def _noted(notes: Notes, meaning: int) -> tuple[str, ...]:
    return tuple([text(value) for noted, value in notes if noted & meaning])


def _judge(shape: _Shape, charset: bool, notes: Notes) -> Page | str:
    if shape.bits & REFUSE:
        return "partial"
    if any(value.strip().lower().startswith("attachment") for value in _noted(notes, DISPOSITION)):
        return "attachment"
    cache = directives(",".join(_noted(notes, CACHE)))
    if "no-transform" in cache:
        return "no_transform"
    coding = ",".join(_noted(notes, CODING)).strip().lower()
    coding = {"identity": "", "x-gzip": "gzip"}.get(coding, coding)
    if coding not in ("", "gzip", "deflate"):
        return "coded"
    return Page(shape, charset, coding, cache, notes)


def _edge_shared(notes: Notes) -> bool:
    # each is for another cache: what one of them forbids says nothing about the next
    return any(not directives(value) & _NEVER_SHARED for value in _noted(notes, SHARED))


def varies(joined: str) -> bool:
    """Whether a ``Vary`` names the cookie, or everything."""
    return not {name.strip().lower() for name in joined.split(",")}.isdisjoint({"cookie", "*"})
