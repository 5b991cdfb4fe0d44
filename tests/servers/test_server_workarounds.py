"""Behaviour of the drivers that one server needs, tested in process, where every step is visible."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request
from starlette.applications import Starlette

from tests.contract.site import BODY, HTML
from tests.frameworks.visitor import NeverComing
from widgetmw import Settings, User
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.flask import Widget
from widgetmw.starlette import install
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

BROWSER = [(b"accept", b"text/html,*/*;q=0.8")]
OFFERED = {"http.response.pathsend": {}, "http.response.trailers": {}}


def call(environ: dict[str, str], app: Any) -> tuple[list[Any], Any]:
    """Returns the arguments of ``start_response`` when the call returns, and the iterable."""
    started: list[Any] = []
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
    middleware = WsgiMiddleware(app, Settings.from_env(environ), user=lambda environ: User("ada"))
    return started, middleware(request, lambda *start: started.extend(start) or started.append)  # type: ignore[func-returns-value]


@pytest.mark.parametrize("chunks", [[BODY], [BODY[:9], BODY[9:], b"<p>"], [b"", BODY], []])
def test_status_and_headers_are_known_when_the_call_returns(dg_env: dict[str, str], chunks: list[bytes]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("404 Not Found", [HTML, ("X-Own", "1")])
        return iter(chunks)

    started, iterable = call(dg_env, app)
    assert started[0] == "404 Not Found"
    assert ("X-Own", "1") in started[1]
    assert (b"data-widgetmw" in b"".join(iterable)) == bool(chunks)


def test_an_app_that_fails_at_its_first_item_is_closed_and_raises_in_the_call(dg_env: dict[str, str]) -> None:
    closed = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            start_response("200 OK", [HTML])
            yield b"<!doctype html><htm"
            raise KeyError("x")
        finally:
            closed.append(1)

    with pytest.raises(KeyError):
        call(dg_env, app)
    assert closed == [1]


class Caller:
    """A client of an ASGI app."""

    def __init__(self, environ: dict[str, str], *coming: bytes) -> None:
        self.coming = list(coming)
        self.sent: list[Any] = []
        self.offered: Any = None
        self.middleware = AsgiMiddleware(self.app, Settings.from_env(environ), user=lambda scope: User("ada"))

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.offered = scope.get("extensions")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive(self) -> Any:
        if not self.coming:
            await asyncio.Event().wait()  # the client stays connected and sends nothing more
        body = self.coming.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self.coming)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def ask(self, path: str = "/", method: str = "GET", patience: float = 5, **scope: Any) -> None:
        request = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [], **scope}
        asyncio.run(asyncio.wait_for(self.middleware(request, self.receive, self.send), patience))


@pytest.mark.parametrize(
    ("length", "chunks", "left"),
    [
        (b"6", [b"abc", b"def"], 0),
        (b"6", [b"abc", b"", b"def"], 0),
        (b"60", [b"abc"], 0),  # the client has disconnected
        (b"0", [], 0),
        (None, [b"abc"], 1),
        (b"x", [b"abc"], 1),
        (b"1000000", [b"abc"], 1),
    ],
)
def test_on_http_2_the_endpoint_reads_a_body_of_bounded_declared_size(
    dg_env: dict[str, str], length: bytes | None, chunks: list[bytes], left: int
) -> None:
    caller = Caller(dg_env, *chunks)
    headers = [(b"content-length", length)] if length else []
    caller.ask("/_widgetmw/token", "POST", headers=headers, http_version="2")
    assert caller.sent[0]["status"] == 200
    assert len(caller.coming) == left


def test_on_http_2_the_whole_response_is_sent_before_the_body_is_read(dg_env: dict[str, str]) -> None:
    caller = Caller(dg_env)
    headers = [(b"content-length", b"6"), (b"sec-fetch-site", b"cross-site")]
    with pytest.raises(TimeoutError):
        caller.ask("/_widgetmw/token", "POST", patience=0.1, headers=headers, http_version="2")
    start, body = caller.sent
    assert start["status"] == 403
    assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("path", ["/_widgetmw/token", "/_widgetmw/token/none", "/_widgetmw/runtime.js"])
def test_the_endpoint_does_not_wait_for_a_body(dg_env: dict[str, str], path: str, method: str) -> None:
    caller = Caller(dg_env)
    caller.ask(path, method, headers=[(b"content-length", b"6")], http_version="1.1")
    assert len(caller.sent) == 2


def test_a_middleware_that_reads_the_body_of_a_token_request_finds_it_empty(dg_env: dict[str, str]) -> None:
    bodies = []

    class Reading:
        """Reads each body and does not restore it, like careless middleware."""

        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            bodies.append((await receive())["body"])
            await self.app(scope, receive, send)

    app = Starlette()
    install(app, settings=Settings.from_env(dg_env), user=lambda connection: User("ada"))
    app.add_middleware(Reading)
    for method in ("GET", "POST"):
        caller = Caller(dg_env)  # whose body never comes
        caller.middleware = app  # type: ignore[assignment]
        caller.ask("/_widgetmw/token", method, headers=[(b"content-length", b"6")])
        assert caller.sent[0]["status"] == 200
    assert bodies == [b"", b""]


@pytest.mark.parametrize("site", ["same-origin", "cross-site"])
def test_the_endpoint_does_not_read_a_body_under_wsgi(dg_env: dict[str, str], site: str) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/_widgetmw/token",
        "wsgi.url_scheme": "http",
        "wsgi.input": NeverComing(),
        "CONTENT_LENGTH": "6",
        "HTTP_SEC_FETCH_SITE": site,
    }
    middleware = WsgiMiddleware(lambda *_: [], Settings.from_env(dg_env), user=lambda environ: User("ada"))
    statuses: list[str] = []
    middleware(environ, lambda status, headers: statuses.append(status))  # type: ignore[arg-type, func-returns-value]
    assert statuses == ["200 OK" if site == "same-origin" else "403 Forbidden"]


def test_a_flask_hook_that_reads_the_body_of_a_token_request_finds_it_empty(dg_env: dict[str, str]) -> None:
    app, bodies = Flask("shop"), []
    app.before_request(lambda: bodies.append(request.get_data()))
    Widget(app, Settings.from_env(dg_env), user=lambda: User("ada"))
    options: Any = {"input_stream": NeverComing(), "content_length": 6, "content_type": "application/json"}
    assert app.test_client().post("/_widgetmw/token", **options).status_code == 200
    assert bodies == [b""]


def test_a_page_request_does_not_offer_path_send(dg_env: dict[str, str]) -> None:
    caller, offered = Caller(dg_env), dict(OFFERED)
    caller.ask(headers=BROWSER, extensions=offered)
    assert caller.offered == {"http.response.trailers": {}}
    assert offered == OFFERED, "the server's own dict was changed"


@pytest.mark.parametrize("headers", [[], [(b"accept", b"image/*,*/*;q=0.8")]])
def test_other_requests_offer_path_send(dg_env: dict[str, str], headers: list[tuple[bytes, bytes]]) -> None:
    caller = Caller(dg_env)
    caller.ask(headers=headers, extensions=OFFERED)
    assert caller.offered is OFFERED
