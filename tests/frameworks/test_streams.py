"""Each plugin streams a page of 100 MB chunk by chunk, in constant memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import anyio
import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import StreamingHttpResponse
from django.urls import include, path
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from werkzeug.test import EnvironBuilder, run_wsgi_app

import widgetmw.flask
import widgetmw.starlette
from tests.contract.django_site import Urls
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import OURS
from tests.frameworks.visitor import HEAD
from widgetmw import Settings, User

CHUNK = b"x" * 65_536
CHUNK_COUNT = 1600
MAX_AHEAD = 4


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


def drain_wsgi(app: Any, source: Source) -> None:
    chunks: Iterable[bytes] = run_wsgi_app(app, EnvironBuilder().get_environ())[0]
    size = 0
    for chunk in chunks:
        size += len(chunk)
        source.received += len(chunk) == len(CHUNK)
        if chunk.startswith(b"<!doctype"):
            assert b"data-widgetmw" in chunk
    assert size > CHUNK_COUNT * len(CHUNK)


def drain_asgi(app: Any, source: Source) -> None:
    async def send(message: Any) -> None:
        body = message.get("body", b"")
        source.received += len(body) == len(CHUNK)
        if body.startswith(b"<!doctype"):
            assert b"data-widgetmw" in body

    incoming = [{"type": "http.request"}]

    async def receive() -> Any:
        if not incoming:
            await anyio.sleep_forever()
        return incoming.pop()

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "http_version": "1.1"}
    anyio.run(app, {**scope, "asgi": {"spec_version": "2.4"}}, receive, send)


def in_flask(settings: Settings, source: Source, configured: Configure) -> None:
    app = flask.Flask("big")
    app.get("/")(lambda: flask.Response(iter(source), mimetype="text/html"))
    widgetmw.flask.Widget(app, settings, user=lambda: User("ada"))
    drain_wsgi(app, source)


def in_starlette(settings: Settings, source: Source, configured: Configure) -> None:
    class PassThrough(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            return await call_next(request)  # type: ignore[no-any-return]

    async def page(request: Request) -> Response:
        return StreamingResponse(aiter(source), media_type="text/html")

    app = Starlette(routes=[Route("/", page)])
    app.add_middleware(PassThrough)
    widgetmw.starlette.install(app, settings=settings, user=lambda request: User("ada"))
    drain_asgi(app, source)


def in_django(make: Callable[[Source], Any], handler: Any, drain: Any) -> Any:
    def run(settings: Settings, source: Source, configured: Configure) -> None:
        view = path("", lambda request: StreamingHttpResponse(make(source)))
        urls = Urls(view, path("_widgetmw/", include("widgetmw.django.urls")))
        configured({"USER": lambda request: User("ada")}, MIDDLEWARE=[OURS], ROOT_URLCONF=urls)
        drain(handler(), source)

    return run


SITES = {
    "flask": in_flask,
    "starlette": in_starlette,
    "django": in_django(iter, WSGIHandler, drain_wsgi),
    "django-async": in_django(aiter, ASGIHandler, drain_asgi),
}


@pytest.mark.parametrize("site", SITES)
def test_100_megabytes_are_streamed_in_constant_memory(settings: Settings, configured: Configure, site: str) -> None:
    source = Source()
    tracemalloc.start()
    try:
        SITES[site](settings, source, configured)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert source.produced == CHUNK_COUNT
    assert source.max_ahead <= MAX_AHEAD
    assert peak < 8_000_000
