"""Caches inside the app, in every plugin but Django's: they never hold a token, and never answer for the endpoint."""

from __future__ import annotations

from typing import Any

import aiohttp
import aiohttp_cache
import fastapi.responses
import flask
import pytest
import quart
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fastapi_cache import FastAPICache
from fastapi_cache.backends.inmemory import InMemoryBackend
from fastapi_cache.decorator import cache as fastapi_cached
from flask_caching import Cache
from litestar import Litestar, MediaType, get
from litestar.stores.memory import MemoryStore
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.contract.aiohttp_site import LOOP
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in
from widgetmw import Settings, User
from widgetmw import aiohttp as widgetmw_aiohttp
from widgetmw import fastapi as widgetmw_fastapi
from widgetmw import flask as widgetmw_flask
from widgetmw import litestar as widgetmw_litestar
from widgetmw import quart as widgetmw_quart
from widgetmw import starlette as widgetmw_starlette

BEFORE_3_10_7 = tuple(map(int, aiohttp.__version__.split(".")[:3])) < (3, 10, 7)


def user_of(request: Any) -> User | None:
    name = request.headers.get("X-User")
    return User(name) if name else None


class CacheEverything:
    """A cache that stores each 200, whatever its headers say, as starlette-caches does."""

    def __init__(self, app: Any, stored: dict[str, list[Any]]) -> None:
        self.app, self.stored = app, stored

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        messages: list[Any] = []

        async def keep(message: Any) -> None:
            messages.append(message)
            await send(message)

        if scope["type"] != "http" or scope["path"] not in self.stored:
            await self.app(scope, receive, keep)
            if messages and messages[0]["status"] == 200:
                self.stored[scope["path"]] = messages
            return
        for message in self.stored[scope["path"]]:
            await send(message)


class FlaskVisitor:
    """A client for a WSGI app with the methods of ``Visitor``."""

    def __init__(self, app: Any) -> None:
        self.client = app.test_client()

    def get(self, path: str = "/", **headers: str) -> Any:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def token(self, **headers: str) -> Any:
        return self.get(ENDPOINT, **headers)


def assert_each_visitor_gets_their_own(visitor: Any) -> None:
    for _ in range(2):
        for name in ("ada", "eve"):
            page = visitor.get("/", X_User=name)
            assert user_in(page.text) == user_in(visitor.token(X_User=name).text) == name
            assert page.text.count("runtime.js") == 1
        assert visitor.get().text == HEAD
        assert visitor.token().status_code == 401


def test_flask_caching(settings: Settings) -> None:
    app, calls = flask.Flask("shop"), []
    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    widgetmw_flask.Widget(app, settings, user=lambda: user_of(flask.request))

    @app.get("/")
    @cache.cached()
    def page() -> flask.Response:
        calls.append(1)
        return flask.Response(HEAD)

    assert_each_visitor_gets_their_own(FlaskVisitor(app))
    assert len(calls) == 1
    assert b"eyJ" not in b"".join(value for _, value in cache.cache._cache.values())


def test_fastapi_cache(settings: Settings) -> None:
    app, calls, backend = fastapi.FastAPI(), [], InMemoryBackend()
    FastAPICache.init(backend, prefix="test")
    widgetmw_fastapi.install(app, settings=settings, user=user_of_request)

    @app.get("/", response_class=fastapi.responses.HTMLResponse)
    @fastapi_cached(expire=60)
    async def page() -> str:
        calls.append(1)
        return HEAD

    assert_each_visitor_gets_their_own(Visitor(app))
    assert len(calls) == 1
    assert "eyJ" not in str([vars(value) for value in backend._store.values()])
    FastAPICache.reset()


def user_of_request(request: fastapi.Request) -> User | None:
    return user_of(request)


def test_litestars_response_cache(settings: Settings) -> None:
    calls, store = [], MemoryStore()

    @get("/", media_type=MediaType.HTML, cache=60)
    async def page() -> str:
        calls.append(1)
        return HEAD

    app = Litestar([page], logging_config=None, stores={"response_cache": store})
    assert_each_visitor_gets_their_own(Visitor(widgetmw_litestar.WidgetMiddleware(app, settings, user=user_of)))
    assert len(calls) == 1
    assert "eyJ" not in str([value.data for value in store._store.values()])


@pytest.mark.filterwarnings("ignore:It is recommended to use web")  # aiohttp-cache uses a string key
@pytest.mark.skipif(BEFORE_3_10_7, reason="this aiohttp's Request.url, which the cache reads, fails with a newer yarl")
def test_aiohttp_cache(settings: Settings) -> None:
    app, calls = web.Application(), []
    aiohttp_cache.setup_cache(app)

    @aiohttp_cache.cache()
    async def page(request: web.Request) -> web.Response:
        calls.append(1)
        return web.Response(text=HEAD, content_type="text/html")

    app.router.add_get("/", page)
    widgetmw_aiohttp.install(app, settings=settings, user=user_of)
    with AiohttpVisitor(app) as visitor:
        assert_each_visitor_gets_their_own(visitor)
    assert len(calls) == 1
    assert "eyJ" not in str(app["cache"]._cache)


class AiohttpVisitor:
    """A client for an aiohttp app with the methods of ``Visitor``."""

    def __init__(self, app: web.Application) -> None:
        self.client: TestClient[Any, Any] = TestClient(TestServer(app, loop=LOOP), loop=LOOP)

    def __enter__(self) -> AiohttpVisitor:
        LOOP.run_until_complete(self.client.start_server())
        return self

    def __exit__(self, *_: object) -> None:
        LOOP.run_until_complete(self.client.close())

    def get(self, path: str = "/", **headers: str) -> Any:
        return LOOP.run_until_complete(self._get(path, headers))

    async def _get(self, path: str, headers: dict[str, str]) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.get(path, headers=named) as response:
            reply = flask.Response(await response.read(), response.status)
            reply.text = await response.text()  # type: ignore[misc]
            return reply

    def token(self, **headers: str) -> Any:
        return self.get(ENDPOINT, **headers)


@pytest.fixture(params=["starlette", "fastapi", "quart", "litestar"])
def cached_app(request: pytest.FixtureRequest, settings: Settings) -> tuple[Any, dict[str, list[Any]]]:
    """An app with a cache between the two parts of its plugin, and what the cache has stored."""
    stored: dict[str, list[Any]] = {}

    @get("/", media_type=MediaType.HTML)
    async def page() -> str:
        return HEAD

    if request.param == "litestar":
        app: Any = Litestar([page], logging_config=None, middleware=[lambda app: CacheEverything(app, stored)])
        app = widgetmw_litestar.WidgetMiddleware(app, settings, user=user_of)
    elif request.param == "quart":
        app = quart.Quart("shop")
        app.get("/")(lambda: HEAD)
        app.asgi_app = CacheEverything(app.asgi_app, stored)
        widgetmw_quart.Widget(app, settings, user=lambda: user_of(quart.request))
    else:
        routes = [Route("/", lambda request: HTMLResponse(HEAD))]
        app = Starlette(routes=routes) if request.param == "starlette" else fastapi.FastAPI(routes=routes)
        app.add_middleware(CacheEverything, stored=stored)
        if request.param == "starlette":
            widgetmw_starlette.install(app, settings=settings, user=user_of)
        else:
            widgetmw_fastapi.install(app, settings=settings, user=user_of_request)
    return app, stored


def test_a_cache_of_all_responses_holds_no_token_and_never_answers_for_the_endpoint(
    cached_app: tuple[Any, dict[str, list[Any]]],
) -> None:
    app, stored = cached_app
    visitor = Visitor(app)
    for _ in range(2):
        for name in ("ada", "eve", ""):
            headers = {"X_User": name} if name else {}
            assert user_in(visitor.token(**headers).text) == (name or None)
            assert visitor.get(**headers).text.count("runtime.js") <= 1
    assert "/" in stored
    assert "eyJ" not in str(stored)


def test_the_hooks_of_flask_and_aiohttp_never_see_a_token(settings: Settings) -> None:
    seen: list[Any] = []
    flask_app = flask.Flask("shop")
    widgetmw_flask.Widget(flask_app, settings, user=lambda: user_of(flask.request))

    @flask_app.after_request
    def hook(response: flask.Response) -> flask.Response:
        seen.append(response.get_data())
        return response

    @web.middleware
    async def middleware(request: web.Request, handler: Any) -> Any:
        response = await handler(request)
        seen.append(response.body or b"")
        return response

    aiohttp_app = web.Application(middlewares=[middleware])
    widgetmw_aiohttp.install(aiohttp_app, settings=settings, user=user_of)
    assert user_in(FlaskVisitor(flask_app).token(X_User="ada").text) == "ada"
    with AiohttpVisitor(aiohttp_app) as visitor:
        assert user_in(visitor.token(X_User="ada").text) == "ada"
    assert seen == [b"", b""]
