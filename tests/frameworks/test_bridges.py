"""The bridges of asgiref and a2wsgi between ASGI and WSGI: context, identity, streams, errors, lifespan."""

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
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in
from widgetmw import Settings, User, identify
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

HTML = ("Content-Type", "text/html; charset=utf-8")
CHUNK = b"x" * 65_536
CHUNK_COUNT = 200
current: ContextVar[str | None] = ContextVar("current", default=None)


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [HTML])
    return [HEAD.encode()]


def ada(request: Any) -> User:
    return User("ada")


class SetsContextVariable:
    """A middleware that puts the signed-in user into a context variable."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        current.set("ada")
        await self.app(scope, receive, send)


@pytest.mark.parametrize("bridge", [WsgiToAsgi, A2wsgiToAsgi])
def test_a_context_variable_reaches_the_thread_of_the_resolver(settings: Settings, bridge: Any) -> None:
    def user(environ: Any) -> User | None:
        assert threading.current_thread() is not threading.main_thread()
        user_id = current.get()
        return User(user_id) if user_id else None

    visitor = Visitor(SetsContextVariable(bridge(WsgiMiddleware(wsgi_app, settings, user=user))))
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"


@pytest.mark.parametrize("identified", [User("eve"), None])
def test_identify_in_a_wsgi_app_reaches_the_asgi_middleware_around_a2wsgi(
    settings: Settings, identified: User | None
) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        identify(environ, identified)
        return wsgi_app(environ, start_response)

    visitor = Visitor(AsgiMiddleware(A2wsgiToAsgi(app), settings, user=ada))
    assert user_in(visitor.get().text) == (identified.id if identified else None)


def test_an_app_with_middleware_on_both_sides_is_injected_once(settings: Settings) -> None:
    inner = WsgiMiddleware(wsgi_app, settings, user=lambda environ: User("eve"))
    visitor = Visitor(AsgiMiddleware(A2wsgiToAsgi(inner), settings, user=ada))
    page = visitor.get().text
    assert user_in(page) == user_in(visitor.token().text) == "ada"
    assert page.count("runtime.js") == 1


class Source:
    """Produces chunks, and counts how many are ahead of those that were received."""

    def __init__(self) -> None:
        self.produced = self.received = self.max_ahead = 0

    def __iter__(self) -> Iterator[bytes]:
        yield HEAD.encode()
        for _ in range(CHUNK_COUNT):
            self.produced += 1
            self.max_ahead = max(self.max_ahead, self.produced - self.received)
            yield CHUNK

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk

    def record(self, chunk: bytes) -> None:
        self.received += len(chunk) == len(CHUNK)

    def wsgi(self, environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        return iter(self)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", HTML[1].encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for chunk in self:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
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
    defaults = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "http_version": "1.1"}
    return {**defaults, "asgi": {"version": "3.0"}, **changes}


def empty_request() -> Any:
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop()

    return receive


@pytest.mark.parametrize("build", UNDER_ASGI.values(), ids=UNDER_ASGI)
def test_a_wsgi_stream_reaches_asgi_chunk_by_chunk(settings: Settings, build: Build) -> None:
    source, first = Source(), b""

    async def send(message: Any) -> None:
        nonlocal first
        chunk = message.get("body", b"")
        first = first or chunk
        source.record(chunk)

    asyncio.run(build(source, settings)(scope(), empty_request(), send))
    assert user_in(first.decode()) == "ada"
    assert source.produced == source.received == CHUNK_COUNT
    assert source.max_ahead <= 5


@pytest.mark.parametrize("build", UNDER_WSGI.values(), ids=UNDER_WSGI)
def test_an_asgi_stream_reaches_wsgi_chunk_by_chunk(settings: Settings, build: Build) -> None:
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    source = Source()
    chunks = iter(run_wsgi_app(build(source, settings), EnvironBuilder().get_environ())[0])
    first = next(chunk for chunk in chunks if chunk)
    for chunk in chunks:
        source.record(chunk)
    assert user_in(first.decode()) == "ada"
    assert source.produced == source.received == CHUNK_COUNT
    assert source.max_ahead <= 5


@pytest.mark.timeout(20)
@pytest.mark.parametrize("build", UNDER_ASGI.values(), ids=UNDER_ASGI)
def test_an_error_of_the_app_propagates_and_nothing_hangs(settings: Settings, build: Build) -> None:
    class Broken(Source):
        def __iter__(self) -> Iterator[bytes]:
            yield b"<!doc"
            raise KeyError("x")

    async def send(message: Any) -> None:
        pass

    with pytest.raises(KeyError):
        asyncio.run(build(Broken(), settings)(scope(), empty_request(), send))


def test_lifespan_reaches_the_bridge(settings: Settings) -> None:
    messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    sent = []

    async def receive() -> Any:
        return messages.pop()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(AsgiMiddleware(A2wsgiToAsgi(wsgi_app), settings, user=ada)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_endpoint_under_a_root_path_behind_a_bridge(settings: Settings) -> None:
    visitor = Visitor(A2wsgiToAsgi(WsgiMiddleware(wsgi_app, settings, user=ada)), root_path="/shop")
    page = visitor.get("/shop/").text
    assert f'"/shop{ENDPOINT}"' in page
    assert user_in(page) == user_in(visitor.get(f"/shop{ENDPOINT}").text) == "ada"
