"""Shortcuts of the drivers (a known page prefix, simple pages) never change a response."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.contract.site import MARK
from tests.core.http.test_response_headers import POOL, encode
from tests.core.test_engine import SETTINGS
from widgetmw import User, asgi, wsgi
from widgetmw.core.html.head_scanner import PENDING, HeadScanner


@pytest.mark.parametrize("driver", ["asgi", "wsgi"])
def test_a_page_with_a_comment_before_its_head_is_scanned_once(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []
    original = HeadScanner.feed
    monkeypatch.setattr(HeadScanner, "feed", lambda self, data: scans.append(data) or original(self, data))
    body = b"<!doctype html><!-- saved --><html><head><title>a</title>"
    headers = [POOL[0], ("Content-Length", str(len(body)))]

    async def asgi_page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": encode(headers, bytes)})
        await send({"type": "http.response.body", "body": body})

    def wsgi_page(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", list(headers))
        return [body]

    asgi_app = asgi.WidgetMiddleware(asgi_page, SETTINGS, user=lambda scope: User("ada"))
    wsgi_app = wsgi.WidgetMiddleware(wsgi_page, SETTINGS, user=lambda environ: User("ada"))
    pages = []
    for _ in range(3):
        environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
        if driver == "asgi":
            pages.append(through_asgi(asgi_app, asgi_page, [], "GET", "")[1]["body"])
        else:
            pages.append(b"".join(wsgi_app(environ, lambda *_: None)))
    assert len(scans) == 1
    assert pages[0] == pages[1] == pages[2]
    assert b"<head><script" in pages[0]


CREDENTIALS = ("cookie", "session=1")
WITH_MARK = [("cookie", f"a=b; {MARK}")]
REQUESTS = st.sampled_from(
    [
        [],
        [CREDENTIALS],
        WITH_MARK,
        [CREDENTIALS, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "iframe")],
        [("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")],
        [("sec-purpose", "prefetch"), CREDENTIALS],
        [("if-none-match", '"1"'), CREDENTIALS, ("accept", "text/html")],
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
# most cases take the shortcuts, or have one feature that rules them out
RESPONSE_HEADERS = st.builds(
    lambda kind, others: [kind, *others],
    st.sampled_from([*POOL[:1] * 9, POOL[1], ("Content-Type", "text/plain")]),
    st.lists(st.sampled_from([*POOL[2:5], *POOL[5:8], *POOL[10:]]), max_size=2, unique_by=lambda pair: pair[0].lower()),
)
METHODS = st.sampled_from([*["GET"] * 20, "POST", "HEAD", "PUT"])
STATUSES = st.sampled_from([*[200] * 20, 404, 304, 302, 206])
ROOT_PATHS = st.lists(st.sampled_from(["", "/shop"]), min_size=2, max_size=2)
RESOLVERS = {
    "ada": lambda: User("ada"),
    "anonymous": lambda: None,
    "wrong_type": lambda: "ada",
    "broken": lambda: 1 / 0,
}
USERS = st.sampled_from(["ada", "ada", "anonymous", "anonymous", "wrong_type", "broken"])


class Case(NamedTuple):
    """A request and its response."""

    headers: list[tuple[str, str]]
    request: list[tuple[str, str]]
    body: list[str]
    method: str
    status: int
    root_paths: list[str]
    user_kind: str


CASES = st.builds(Case, RESPONSE_HEADERS, REQUESTS, BODIES, METHODS, STATUSES, ROOT_PATHS, USERS)
AFTER_SIGN_OUT = Case(POOL[:1], WITH_MARK, STARTS[:1], "GET", 200, ["", "/shop"], "anonymous")


def through_asgi(middleware: Any, app: Any, request: list[tuple[str, str]], method: str, root_path: str) -> list[Any]:
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": root_path + "/page", "root_path": root_path, "query_string": b""}
    asyncio.run(middleware.__call__({**scope, "headers": encode(request, bytes)}, None, send))
    return sent


@given(CASES, st.booleans())
@example(AFTER_SIGN_OUT, False)
def test_an_asgi_response_is_the_same_without_shortcuts(case: Case, is_async: bool) -> None:
    headers, request, body, method, status, root_paths, user_kind = case

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": encode(headers, bytes)})
        for piece in body[:-1]:
            await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": body[-1].encode()})

    results = []
    for has_shortcuts in (True, False):
        resolved = []

        def resolve(scope: Any, resolved: list[Any] = resolved) -> Any:
            resolved.append(scope["path"])
            return RESOLVERS[user_kind]()

        async def resolve_async(scope: Any, resolve: Any = resolve) -> Any:
            return resolve(scope)

        middleware = asgi.WidgetMiddleware(app, SETTINGS, user=resolve_async if is_async else resolve)
        if not has_shortcuts:
            middleware.engine._chooser.uses_token_templates = False
            middleware.engine.known_prefixes.insertion_offset = lambda *_: PENDING
        sent = [through_asgi(middleware, app, request, method, root_path) for root_path in root_paths]
        results.append((sent, middleware.engine.events.counts, resolved))
    assert results[0] == results[1]


@example(AFTER_SIGN_OUT, "list")
@given(CASES, st.sampled_from(["list", "stream", "write"]))
def test_a_wsgi_response_is_the_same_without_shortcuts(case: Case, form: str) -> None:
    headers, request, body, method, status, root_paths, user_kind = case
    pieces = [piece.encode() for piece in body]

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response(f"{status} Fine", list(headers))
        if form == "write":
            for piece in pieces:
                write(piece)
            return []
        return ["".join(body).encode()] if form == "list" else iter(pieces)

    results = []
    for has_shortcuts in (True, False):
        resolved, out = [], []

        def resolve(environ: Any, resolved: list[Any] = resolved) -> Any:
            resolved.append(environ["PATH_INFO"])
            return RESOLVERS[user_kind]()

        middleware = wsgi.WidgetMiddleware(app, SETTINGS, user=resolve)
        if not has_shortcuts:
            middleware.engine._chooser.uses_token_templates = False
            middleware.engine.known_prefixes.insertion_offset = lambda *_: PENDING

        def start_response(status: str, headers: Any, exc_info: Any = None, out: list[Any] = out) -> Any:
            out.append((status, list(headers)))
            return out.append

        for root_path in root_paths:
            environ = {
                "REQUEST_METHOD": method,
                "SCRIPT_NAME": root_path,
                "PATH_INFO": "/page",
                "wsgi.url_scheme": "http",
            }
            environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request}
            out.extend(piece for piece in middleware(environ, start_response) if piece)
        results.append((out, middleware.engine.events.counts, resolved))
    assert results[0] == results[1]
