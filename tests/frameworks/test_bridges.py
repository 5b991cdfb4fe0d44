"""ASGI over WSGI and WSGI over ASGI: what crosses the bridges of asgiref and a2wsgi, and what does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from a2wsgi import ASGIMiddleware as A2wsgiToWsgi
from a2wsgi import WSGIMiddleware as A2wsgiToAsgi
from asgiref.wsgi import WsgiToAsgi

from tests.contract.bridges import loop
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, whose
from widgetmw import Settings, User, identify
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

TYPE = ("Content-Type", "text/html; charset=utf-8")
PIECE = b"x" * 65_536
PIECES = 200
current: ContextVar[str | None] = ContextVar("current", default=None)


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [TYPE])
    return [HEAD.encode()]


def ada(request: Any) -> User:
    return User("ada")


class InContext:
    """A layer that says by a context variable who is signed in."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        current.set("ada")
        await self.app(scope, receive, send)


@pytest.mark.parametrize("bridge", [WsgiToAsgi, A2wsgiToAsgi])
def test_a_context_variable_crosses_to_the_thread_of_the_resolver(settings: Settings, bridge: Any) -> None:
    def user(environ: Any) -> User | None:
        assert threading.current_thread() is not threading.main_thread()
        person = current.get()
        return User(person) if person else None

    visitor = Visitor(InContext(bridge(WsgiMiddleware(wsgi_app, settings, user=user))))
    assert whose(visitor.get().text) == whose(visitor.token().text) == "ada"


@pytest.mark.parametrize("said", [User("eve"), None])
def test_what_a_wsgi_app_says_reaches_the_asgi_middleware_around_a2wsgi(settings: Settings, said: User | None) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        identify(environ, said)
        return wsgi_app(environ, start_response)

    visitor = Visitor(AsgiMiddleware(A2wsgiToAsgi(app), settings, user=ada))
    assert whose(visitor.get().text) == (said.id if said else None)


def test_an_app_with_its_own_inside_of_one_with_its_own_has_one_span(settings: Settings) -> None:
    inner = WsgiMiddleware(wsgi_app, settings, user=lambda environ: User("eve"))
    visitor = Visitor(AsgiMiddleware(A2wsgiToAsgi(inner), settings, user=ada))
    page = visitor.get().text
    assert whose(page) == whose(visitor.token().text) == "ada"
    assert page.count("runtime.js") == 1


class Source:
    """Makes pieces, and counts how many are made ahead of those that came out."""

    def __init__(self) -> None:
        self.made = self.got = self.most = 0

    def __iter__(self) -> Iterator[bytes]:
        yield HEAD.encode()
        for _ in range(PIECES):
            self.made += 1
            self.most = max(self.most, self.made - self.got)
            yield PIECE

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def took(self, piece: bytes) -> None:
        self.got += len(piece) == len(PIECE)

    def wsgi(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [TYPE])
        return iter(self)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", TYPE[1].encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for piece in self:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


Build = Callable[[Source, Settings], Any]
UNDER_ASGI: dict[str, Build] = {
    "inside asgiref": lambda source, settings: WsgiToAsgi(WsgiMiddleware(source.wsgi, settings, user=ada)),
    "around asgiref": lambda source, settings: AsgiMiddleware(WsgiToAsgi(source.wsgi), settings, user=ada),
    "inside a2wsgi": lambda source, settings: A2wsgiToAsgi(
        WsgiMiddleware(source.wsgi, settings, user=ada), send_queue_size=2
    ),
    "around a2wsgi": lambda source, settings: AsgiMiddleware(
        A2wsgiToAsgi(source.wsgi, send_queue_size=2), settings, user=ada
    ),
}
UNDER_WSGI: dict[str, Build] = {
    "inside a2wsgi": lambda source, settings: A2wsgiToWsgi(
        AsgiMiddleware(source.asgi, settings, user=ada), loop=loop()
    ),
    "around a2wsgi": lambda source, settings: WsgiMiddleware(
        A2wsgiToWsgi(source.asgi, loop=loop()), settings, user=ada
    ),
}


def scope(**changes: Any) -> dict[str, Any]:
    made = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "http_version": "1.1"}
    return {**made, "asgi": {"version": "3.0"}, **changes}


def coming() -> Any:
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop()

    return receive


@pytest.mark.parametrize("build", UNDER_ASGI.values(), ids=UNDER_ASGI)
def test_a_stream_crosses_to_asgi_piece_by_piece(settings: Settings, build: Build) -> None:
    source, first = Source(), b""

    async def send(message: Any) -> None:
        nonlocal first
        piece = message.get("body", b"")
        first = first or piece
        source.took(piece)

    asyncio.run(build(source, settings)(scope(), coming(), send))
    assert whose(first.decode()) == "ada"
    assert source.made == source.got == PIECES
    assert source.most <= 5


@pytest.mark.parametrize("build", UNDER_WSGI.values(), ids=UNDER_WSGI)
def test_a_stream_crosses_to_wsgi_piece_by_piece(settings: Settings, build: Build) -> None:
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    source = Source()
    pieces = iter(run_wsgi_app(build(source, settings), EnvironBuilder().get_environ())[0])
    first = next(piece for piece in pieces if piece)
    for piece in pieces:
        source.took(piece)
    assert whose(first.decode()) == "ada"
    assert source.made == source.got == PIECES
    assert source.most <= 5


@pytest.mark.timeout(20)
@pytest.mark.parametrize("build", UNDER_ASGI.values(), ids=UNDER_ASGI)
def test_an_error_of_the_app_crosses_and_nothing_hangs(settings: Settings, build: Build) -> None:
    class Broken(Source):
        def __iter__(self) -> Iterator[bytes]:
            yield b"<!doc"
            raise KeyError("x")

    async def send(message: Any) -> None:
        pass

    with pytest.raises(KeyError):
        asyncio.run(build(Broken(), settings)(scope(), coming(), send))


def test_lifespan_reaches_the_bridge(settings: Settings) -> None:
    messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    sent = []

    async def receive() -> Any:
        return messages.pop()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(AsgiMiddleware(A2wsgiToAsgi(wsgi_app), settings, user=ada)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_endpoint_under_a_mount_of_the_other_kind(settings: Settings) -> None:
    visitor = Visitor(A2wsgiToAsgi(WsgiMiddleware(wsgi_app, settings, user=ada)), root_path="/shop")
    page = visitor.get("/shop/").text
    assert f'"/shop{ENDPOINT}"' in page
    assert whose(page) == whose(visitor.get(f"/shop{ENDPOINT}").text) == "ada"
