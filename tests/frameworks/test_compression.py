"""Packages that compress with brotli or zstd inside the app: a page that may carry a token is sent in gzip instead."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import httpx
import litestar
import pytest
import zstandard
from brotli_asgi import BrotliMiddleware
from flask import Flask
from flask_compress import Compress
from litestar.config.compression import CompressionConfig
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette_compress import CompressMiddleware

from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, COMMON, CSRF, OURS, SESSIONS
from tests.frameworks.visitor import user_in
from widgetmw import User
from widgetmw import testing as widgetmw_testing
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.flask import Widget
from widgetmw.litestar import WidgetMiddleware as LitestarMiddleware

PAGE = "<!doctype html><html><head><title>Shop</title></head><body>" + "<p>Tea and coffee</p>" * 500
DATA = [{"tea": "coffee"}] * 500
SETTINGS = widgetmw_testing.settings("digitalgenius")
CHROME = {"Accept-Encoding": "gzip, deflate, br, zstd", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
USER_COOKIE = {"Cookie": "user=ada"}
App = Any


def with_flask_compress() -> App:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: PAGE, endpoint="page")
    app.add_url_rule("/data", view_func=lambda: DATA, endpoint="data")
    Compress(app)
    Widget(app, SETTINGS, user=lambda: User("ada"))
    return app


def starlette_app(*middleware: Middleware) -> Starlette:
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(PAGE)

    def data(request: Request) -> JSONResponse:
        return JSONResponse(DATA)

    return Starlette(routes=[Route("/", page), Route("/data", data)], middleware=middleware)


def with_compress_middleware_inside() -> App:
    return AsgiMiddleware(starlette_app(Middleware(CompressMiddleware)), SETTINGS, user=lambda scope: User("ada"))


def with_brotli_asgi_inside() -> App:
    return AsgiMiddleware(starlette_app(Middleware(BrotliMiddleware)), SETTINGS, user=lambda scope: User("ada"))


def with_litestar() -> App:
    @litestar.get("/", media_type=litestar.MediaType.HTML, sync_to_thread=False)
    def page() -> str:
        return PAGE

    @litestar.get("/data", sync_to_thread=False)
    def data() -> list[dict[str, str]]:
        return DATA

    app = litestar.Litestar([page, data], compression_config=CompressionConfig(backend="brotli"), logging_config=None)
    return LitestarMiddleware(app, SETTINGS, user=lambda scope: User("ada"))


INSIDE = {
    "Flask-Compress": with_flask_compress,
    "starlette-compress": with_compress_middleware_inside,
    "brotli-asgi": with_brotli_asgi_inside,
    "Litestar": with_litestar,
}


def fetch(app: App, path: str = "/", **headers: str) -> httpx.Response:
    if isinstance(app, Flask):
        with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://site.example") as wsgi_client:
            return wsgi_client.get(path, headers={**CHROME, **headers})

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.example") as client:
            return await client.get(path, headers={**CHROME, **headers})

    return asyncio.run(get())


@pytest.mark.parametrize("make", INSIDE.values(), ids=INSIDE)
def test_a_page_of_a_user_has_its_token_and_is_still_compressed(make: Callable[[], App]) -> None:
    reply = fetch(make(), **USER_COOKIE)
    assert user_in(reply.text) == "ada"
    assert reply.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("make", INSIDE.values(), ids=INSIDE)
def test_a_page_that_htmx_swaps_in_has_its_token(make: Callable[[], App]) -> None:
    htmx, app = {"Accept": "*/*", "HX-Request": "true", **USER_COOKIE}, make()  # version 2
    assert user_in(fetch(app, **htmx, **{"HX-Boosted": "true"}).text) == "ada"
    assert fetch(app, "/data", **htmx).headers["content-encoding"] in ("br", "zstd")  # stands for a fragment


@pytest.mark.parametrize("make", INSIDE.values(), ids=INSIDE)
def test_everything_else_keeps_the_better_coding(make: Callable[[], App]) -> None:
    app = make()
    assert fetch(app).headers["content-encoding"] in ("br", "zstd")  # an anonymous visitor, whose page stays as it is
    for accept in ("*/*", "application/json"):
        assert fetch(app, "/data", Accept=accept, **USER_COOKIE).headers["content-encoding"] in ("br", "zstd")


def test_compression_outside_of_us_keeps_the_better_coding() -> None:
    inside = AsgiMiddleware(starlette_app(), SETTINGS, user=lambda scope: User("ada"))
    reply = fetch(CompressMiddleware(inside), **USER_COOKIE)
    assert user_in(reply.text) == "ada"
    assert reply.headers["content-encoding"] == "zstd"


@pytest.mark.parametrize("is_outside", [True, False])
def test_django_compresses_on_either_side(
    visit: Callable[..., Any], configured: Configure, monkeypatch: pytest.MonkeyPatch, is_outside: bool
) -> None:
    for name in ("MIN_LEN", "MIN_IMPROVEMENT"):
        monkeypatch.setattr(f"compression_middleware.middleware.{name}", -1000)
    package = ["compression_middleware.middleware.CompressionMiddleware"]
    outside, inside = (package, []) if is_outside else ([], package)
    configured(MIDDLEWARE=[*outside, SESSIONS, COMMON, CSRF, AUTH, OURS, *inside])
    for request in ({"Accept": "text/html"}, {"Accept": "*/*", "HX_Boosted": "true"}):
        reply = visit("ada").get(**request, Accept_Encoding="gzip, br, zstd")
        assert reply.headers["Content-Encoding"] == ("zstd" if is_outside else "gzip")
    if isinstance(reply, httpx.Response):
        text = reply.text
    elif is_outside:
        text = zstandard.ZstdDecompressor().decompressobj().decompress(reply.data).decode()
    else:
        text = gzip.decompress(reply.data).decode()
    assert user_in(text) == "1"


def test_a_loader_that_anonymous_visitors_get_too_is_not_lost() -> None:
    settings = widgetmw_testing.settings("digitalgenius", WIDGETMW_EMBED="digitalgenius")
    app = AsgiMiddleware(starlette_app(Middleware(CompressMiddleware)), settings, user=lambda scope: None)
    reply = fetch(app)
    assert reply.headers["content-encoding"] == "gzip"
    assert "data-widgetmw" in reply.text


def test_a_wsgi_layer_around_us_sees_what_the_browser_accepts() -> None:
    app = with_flask_compress()
    seen = []
    inner = app.wsgi_app

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        def start(*args: Any) -> Any:
            seen.append(environ["HTTP_ACCEPT_ENCODING"])
            return start_response(*args)

        return inner(environ, start)

    app.wsgi_app = outer  # type: ignore[method-assign]
    raw = fetch(app, **USER_COOKIE)
    assert seen == [CHROME["Accept-Encoding"]]
    assert user_in(raw.text) == "ada"
