"""The short way that most pages take says what the long way says; and what is remembered is never another page's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from widgetmw import Settings, User, asgi, wsgi
from widgetmw.core.engine import Engine
from widgetmw.core.html.head_scanner import PENDING, HeadScanner
from widgetmw.core.http.page import is_stricter
from widgetmw.core.http.response_headers import ResponseHeaders
from widgetmw.core.reasons import SkipReason

ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"}
POOL = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Type", "text/html"),
    ("content-length", "85"),
    ("Content-Length", " 85 "),
    ("Content-Length", "8_5"),
    ("Cache-Control", "no-cache"),
    ("Cache-Control", "private, no-cache"),
    ("Cache-Control", "no-store"),
    ("Cache-Control", "public"),
    ("CDN-Cache-Control", "no-store"),
    ("Vary", "Accept-Language"),
    ("vary", "Cookie, Accept"),
    ("Vary", ""),
    ("ETag", '"1"'),
    ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2"),
    ("X-Frame-Options", "DENY"),
    ("Clear-Site-Data", '"cookies"'),
    ("Content-Encoding", "identity"),
    ("Content-Security-Policy", "script-src 'self'"),
]
HEADERS = st.lists(st.sampled_from(POOL), min_size=1, max_size=8)
KINDS = st.sampled_from([str, bytes])


def of_kind(headers: list[tuple[str, str]], kind: type) -> list[tuple[Any, Any]]:
    return headers if kind is str else [(name.encode(), value.encode()) for name, value in headers]


SETTINGS = replace(Settings.from_env(ENV), clock=lambda: 1_700_000_000.0)


@given(st.lists(st.tuples(HEADERS, KINDS), min_size=2, max_size=6))
def test_what_is_remembered_of_one_answer_is_never_said_of_another(
    answers: list[tuple[list[tuple[str, str]], type]],
) -> None:
    readers = {kind: ResponseHeaders(kind, "private, no-store") for kind in (str, bytes)}

    def judged(headers: list[tuple[Any, Any]]) -> Any:
        page = readers[headers[0][0].__class__].read(200, headers)
        return page if isinstance(page, SkipReason) else page.headers

    every = [of_kind(headers, kind) for headers, kind in answers]
    first = [judged(headers) for headers in every]
    assert [judged(headers) for headers in reversed(every)] == first[::-1]
    for headers, result in zip(every, first, strict=True):
        if isinstance(result, SkipReason):
            continue
        kept = [pair for pair in result if pair in headers]
        left = iter(headers)
        assert all(pair in left for pair in kept)  # in the app's order
        names = [str(name if isinstance(name, str) else name.decode()).lower() for name, _ in result]
        assert "etag" not in names
        assert names.count("content-length") <= 1
        assert "cache-control" in names
        assert "vary" in names


CHOSEN = st.sampled_from(["private, no-store", "private, no-cache"])


@given(st.lists(st.tuples(HEADERS, KINDS), min_size=2, max_size=6), CHOSEN)
def test_headers_made_private_in_one_pass_are_those_of_the_rules(
    answers: list[tuple[list[tuple[str, str]], type]], chosen: str
) -> None:
    readers = {kind: ResponseHeaders(kind, chosen) for kind in (str, bytes)}
    for headers, kind in answers:
        pairs = of_kind([POOL[0], *headers], kind)
        before = pairs.copy()
        page = readers[kind].read(200, pairs)
        assert pairs == before
        names = [name.lower() for name, _ in headers]
        if names.count("content-type") or names.count("content-length") > 1:
            assert page is SkipReason.AMBIGUOUS
            continue
        if names.count("content-encoding") > 1:
            assert page is SkipReason.CONTENT_ENCODING
            continue
        assert not isinstance(page, SkipReason)
        if ("Cache-Control", "public") not in headers:  # such a page gets no token, and its headers no use
            assert page.headers == of_kind(made_private([POOL[0], *headers], chosen, kind), kind)
        assert [
            at for at, (name, _) in enumerate(page.headers) if name.lower() in ("content-length", b"content-length")
        ] == [at for at in [page.length_index] if at >= 0]
        refusals = [
            SkipReason.SIGNING_OUT
            if "clear-site-data" in names
            else SkipReason.SHARED_CACHE
            if ("Cache-Control", "public") in headers
            else None
        ]
        assert [page.refusal] == refusals
        assert (page.special is None) == names_are_plain(headers)


def names_are_plain(headers: list[tuple[str, str]]) -> bool:
    special = {"clear-site-data", "content-encoding", "content-security-policy", "cdn-cache-control"}
    return special.isdisjoint(name.lower() for name, _ in headers) and ("Cache-Control", "public") not in headers


def made_private(headers: list[tuple[str, str]], chosen: str, kind: type) -> list[tuple[str, str]]:
    """The rules, one after the other."""
    stale = {"etag", "last-modified", "cdn-cache-control"}
    kept = [pair for pair in headers if pair[0].lower() not in stale]
    kept, stays = with_one_cache_control(kept, chosen)
    if not stays:
        kept.append((("Cache-Control" if kind is str else "cache-control"), chosen))
    vary = [at for at, (name, _) in enumerate(kept) if name.lower() == "vary"]
    if not vary:
        kept.append((("Vary" if kind is str else "vary"), "Cookie"))
    elif not any("Cookie" in kept[at][1] for at in vary):
        name, value = kept[vary[-1]]
        kept[vary[-1]] = (name, f"{value}, Cookie" if value else "Cookie")
    return kept


def with_one_cache_control(headers: list[tuple[str, str]], chosen: str) -> tuple[list[tuple[str, str]], bool]:
    """The app's own directives are weighed together, and stay together, or go."""
    own = [(name, value) for name, value in headers if name.lower() == "cache-control" and value != "public"]
    directives = ", ".join(value for _, value in own)
    stays = bool(own) and is_stricter(frozenset(directives.split(", ")), chosen)
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        if name.lower() != "cache-control":
            kept.append((name, value))
        elif (name, value) == own[:1][0] if own else False:
            if stays:
                kept.append((name, directives))
            own = []
    return kept, stays


PIECES = [
    b"<!doctype html>",
    b"<html>",
    b"\n",
    b"<!-- a comment -->",
    b"<!-- <head -->",
    b"<!-- <head> -->",
    b"<!--><head>",
    b"<head>",
    b"<head lang=en>",
    b"<head a='>'>",
    b"<head-er>",
    b"<title>a</title>",
    b"<meta charset=latin-1>",
    b"<script><head></script>",
    b"<body>",
    b"text",
]
PAGES = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(b"".join), min_size=2, max_size=5)


@given(PAGES)
@example([b"<!-- a --><head><title>", b"<!-- a --><head><p>", b"<!-- a --><title>", b"<!-- a --><p>"])
@example([b"<!-- <head --><title>", b"<!-- <head --><p>"])
@example([b"<!doctype html><html title='<head '><p>", b"<!doctype html><html title='<head '><head class=a>"])
@example([b"<!doctype html><?x <head ?><p>", b"<!doctype html><?x <head ?><html><head class=a>"])
@example([b'<!doctype html SYSTEM "<head "><p>', b'<!doctype html SYSTEM "<head "><html><head class=a>'])
@example([b"<!doctype html><!-- <head --!><p>", b"<!doctype html><!-- <head --!><html><head class=a>"])
def test_how_pages_begin_is_remembered_only_where_that_decides(pages: list[bytes]) -> None:
    core = Engine(SETTINGS)
    for page in pages:
        scanner = HeadScanner(charset_declared=True)
        scanner.feed(page)
        place = scanner.finish()
        offset = core.insertion_offset("", page)
        if offset != PENDING:
            assert offset == place
        elif place > 0 and scanner.tag:
            core.remember_prefix("", page[:place])


@pytest.mark.parametrize("driver", ["asgi", "wsgi"])
def test_a_page_with_a_comment_before_its_head_is_scanned_once(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []
    original = HeadScanner.feed
    monkeypatch.setattr(HeadScanner, "feed", lambda self, data: scans.append(data) or original(self, data))
    body = b"<!doctype html><!-- saved --><html><head><title>a</title>"
    headers = [POOL[0], ("Content-Length", str(len(body)))]

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": of_kind(headers, bytes)})
        await send({"type": "http.response.body", "body": body})

    def called(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        return [body]

    around_asgi = asgi.WidgetMiddleware(answer, SETTINGS, user=lambda scope: User("ada"))
    around_wsgi = wsgi.WidgetMiddleware(called, SETTINGS, user=lambda environ: User("ada"))
    found = []
    for _ in range(3):
        environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
        if driver == "asgi":
            found.append(through_asgi(around_asgi, answer, [], "GET", "")[1]["body"])
        else:
            found.append(b"".join(around_wsgi(environ, lambda *_: None)))
    assert len(scans) == 1
    assert found[0] == found[1] == found[2]
    assert b"<head><script" in found[0]


# --- the same through the drivers -----------------------------------------------------------------

KNOWN = ("cookie", "session=1")
MARKED = [("cookie", "a=b; widgetmw=1")]
REQUESTS = st.sampled_from(
    [
        [],
        [KNOWN],
        MARKED,
        [KNOWN, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")],
        [("sec-purpose", "prefetch"), KNOWN],
        [("if-none-match", '"1"'), KNOWN, ("accept", "text/html")],
        [("referer", "https://a.example/cross-site")],
    ]
)
STARTS = [
    "<!doctype html><html><head><title>a</title>",
    "<html><head>",
    "<HTML lang=en><HEAD>",
    "<p>no head",
    "<!doctype html><html><!-- a comment --><head>",
    "<head",
    "",
]
BODIES = st.builds(
    lambda start, others: [start, *others],
    st.sampled_from([*STARTS[:1] * 20, *STARTS]),
    st.lists(st.sampled_from([*STARTS, "<p>more</p>" * 9, "> and on"]), max_size=3),
)
# most cases are such that the short way takes them, or one thing keeps them from it
TYPED = st.builds(
    lambda kind, others: [kind, *others],
    st.sampled_from([*POOL[:1] * 9, POOL[1], ("Content-Type", "text/plain")]),
    st.lists(st.sampled_from([*POOL[2:5], *POOL[5:8], *POOL[10:]]), max_size=2, unique_by=lambda pair: pair[0].lower()),
)
METHODS = st.sampled_from([*["GET"] * 20, "POST", "HEAD", "PUT"])
STATUSES = st.sampled_from([*[200] * 20, 404, 304, 302, 206])
MOUNTS = st.lists(st.sampled_from(["", "/shop"]), min_size=2, max_size=2)
ANSWERS = {
    "ada": lambda: User("ada"),
    "anonymous": lambda: None,
    "strange": lambda: "ada",
    "broken": lambda: 1 / 0,
}
PEOPLE = st.sampled_from(["ada", "ada", "anonymous", "anonymous", "strange", "broken"])


class Case(NamedTuple):
    """A request and its answer."""

    headers: list[tuple[str, str]]
    request: list[tuple[str, str]]
    body: list[str]
    method: str
    status: int
    mounts: list[str]
    person: str


CASES = st.builds(Case, TYPED, REQUESTS, BODIES, METHODS, STATUSES, MOUNTS, PEOPLE)
TO_CLEAN = Case(POOL[:1], MARKED, STARTS[:1], "GET", 200, ["", "/shop"], "anonymous")


def through_asgi(middleware: Any, app: Any, request: list[tuple[str, str]], method: str, mount: str) -> list[Any]:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": mount + "/page", "root_path": mount, "query_string": b""}
    asyncio.run(middleware.__call__({**scope, "headers": of_kind(request, bytes)}, None, send))
    return sent


@given(CASES, st.booleans())
@example(TO_CLEAN, False)
def test_a_responder_comes_to_the_same_without_its_short_way(case: Case, waiting: bool) -> None:
    headers, request, body, method, status, mounts, person = case

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": of_kind(headers, bytes)})
        for piece in body[:-1]:
            await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": body[-1].encode()})

    found = []
    for usual in (True, False):
        asked = []

        def resolve(scope: Any, asked: list[Any] = asked) -> Any:
            asked.append(scope["path"])
            return ANSWERS[person]()

        async def resolve_later(scope: Any, resolve: Any = resolve) -> Any:
            return resolve(scope)

        middleware = asgi.WidgetMiddleware(app, SETTINGS, user=resolve_later if waiting else resolve)
        if not usual:
            middleware.engine._is_simple = False
            middleware.engine.insertion_offset = lambda *_: PENDING
        sent = [through_asgi(middleware, app, request, method, mount) for mount in mounts]
        found.append((sent, middleware.engine.events.counts, asked))
    assert found[0] == found[1]


@example(TO_CLEAN, "list")
@given(CASES, st.sampled_from(["list", "stream", "write"]))
def test_a_wsgi_answer_comes_to_the_same_without_its_short_way(case: Case, form: str) -> None:
    headers, request, body, method, status, mounts, person = case
    pieces = [piece.encode() for piece in body]

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response(f"{status} Fine", list(headers))
        if form == "write":
            for piece in pieces:
                write(piece)
            return []
        return ["".join(body).encode()] if form == "list" else iter(pieces)

    found = []
    for usual in (True, False):
        asked, out = [], []

        def resolve(environ: Any, asked: list[Any] = asked) -> Any:
            asked.append(environ["PATH_INFO"])
            return ANSWERS[person]()

        middleware = wsgi.WidgetMiddleware(app, SETTINGS, user=resolve)
        if not usual:
            middleware.engine._is_simple = False
            middleware.engine.insertion_offset = lambda *_: PENDING

        def start_response(status: str, headers: Any, exc_info: Any = None, out: list[Any] = out) -> Any:
            out.append((status, list(headers)))
            return out.append

        for mount in mounts:
            environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": mount, "PATH_INFO": "/page", "wsgi.url_scheme": "http"}
            environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request}
            out.extend(piece for piece in middleware(environ, start_response) if piece)
        found.append((out, middleware.engine.events.counts, asked))
    assert found[0] == found[1]
