"""URLs carry the prefix that the app itself sees, also where a layer further in sets it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask
from quart import Quart
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from tests.frameworks import flask_app, starlette_app
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in
from widgetmw import Settings, User
from widgetmw import fastapi as fastapi_plugin
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.flask import Widget
from widgetmw.quart import Widget as QuartWidget
from widgetmw.starlette import install
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

PREFIX = {"X-Forwarded-Prefix": "/shop"}


def ada(*_: Any) -> User:
    return User("ada")


def url_in(text: str) -> str:
    found = re.search(r'"url":"([^"]*)"', text)
    assert found
    return found[1]


class SetsRootPath:
    """An ASGI middleware that knows the prefix of the proxy in front."""

    def __init__(self, app: Any, copies: bool = False) -> None:
        self.app, self.copies = app, copies

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.copies:
            scope = {**scope, "root_path": "/shop"}
        scope["root_path"] = "/shop"
        await self.app(scope, receive, send)


async def page(request: Request) -> Response:
    return HTMLResponse(HEAD)


def blog() -> Starlette:
    return Starlette(routes=[Route("/", page), Mount("/blog", Starlette(routes=[Route("/a", page)]))])


# WSGI


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_proxy_fix_inside_of_the_wsgi_middleware(dg_env: dict[str, str], delivery: str) -> None:
    settings = Settings.from_env({**dg_env, "WIDGETMW_DELIVERY": delivery})
    app = WsgiMiddleware(ProxyFix(flask_app.make().wsgi_app, x_prefix=1), settings, user=ada)
    client = Client(app)
    assert url_in(client.get("/", headers=PREFIX).text) == f"/shop{ENDPOINT}"
    assert user_in(client.get(ENDPOINT, headers=PREFIX).text) == "ada"
    assert url_in(client.get("/").text) == ENDPOINT


def test_a_wsgi_dispatcher_inside_of_the_middleware_is_no_prefix(settings: Settings) -> None:
    dispatcher = DispatcherMiddleware(Flask("front"), {"/blog": flask_app.make().wsgi_app})
    client = Client(WsgiMiddleware(ProxyFix(dispatcher, x_prefix=1), settings, user=ada))
    assert url_in(client.get("/blog/").text) == ENDPOINT
    assert url_in(client.get("/blog/", headers=PREFIX).text) == f"/shop{ENDPOINT}"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("copies", [True, False])
def test_proxy_fix_in_a_flask_app(settings: Settings, first: bool, copies: bool) -> None:
    app = flask_app.make()

    def fix() -> None:
        fixed: Any = ProxyFix(app.wsgi_app, x_prefix=1)
        app.wsgi_app = (lambda environ, start: fixed({**environ}, start)) if copies else fixed

    if first:
        fix()
    Widget(app, settings, user=ada)
    if not first:
        fix()
    client = app.test_client()
    assert url_in(client.get("/", headers=PREFIX).text) == f"/shop{ENDPOINT}"
    assert user_in(client.get(ENDPOINT, headers=PREFIX).text) == "ada"
    assert url_in(client.get("/").text) == ENDPOINT


# ASGI


def test_a_layer_inside_of_the_asgi_middleware(settings: Settings) -> None:
    visitor = Visitor(AsgiMiddleware(SetsRootPath(blog()), settings, user=ada))
    assert url_in(visitor.get().text) == f"/shop{ENDPOINT}"
    assert user_in(visitor.token().text) == "ada"


@pytest.mark.parametrize("root_path", ["", "/site"])
def test_a_mounted_app_inside_of_the_asgi_middleware_is_no_prefix(settings: Settings, root_path: str) -> None:
    visitor = Visitor(AsgiMiddleware(blog(), settings, user=ada), root_path)
    assert url_in(visitor.get(f"{root_path}/blog/a").text) == f"{root_path}{ENDPOINT}"
    outer = Starlette(routes=[Mount("/shop", AsgiMiddleware(blog(), settings, user=ada))])
    assert url_in(Visitor(outer, root_path).get(f"{root_path}/shop/blog/a").text) == f"{root_path}/shop{ENDPOINT}"


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
def test_the_root_path_of_a_fastapi_app_inside_of_the_asgi_middleware(settings: Settings) -> None:
    app = FastAPI(root_path="/shop")
    app.add_route("/", page)
    assert url_in(Visitor(AsgiMiddleware(app, settings, user=ada)).get().text) == f"/shop{ENDPOINT}"


@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("prefix", ["", "/shop"], ids=["the proxy removes it", "the proxy keeps it"])
@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_a_middleware_of_a_starlette_app(dg_env: dict[str, str], delivery: str, prefix: str, copies: bool) -> None:
    app = starlette_app.make(Mount("/blog", blog()))
    install(app, settings=Settings.from_env({**dg_env, "WIDGETMW_DELIVERY": delivery}), user=ada)
    app.add_middleware(SetsRootPath, copies=copies)
    visitor = Visitor(app)
    # Starlette finds mounted apps only if the path has the prefix
    for path in ("/", "/blog/", "/blog/blog/a")[: 3 if prefix else 1]:
        assert url_in(visitor.get(prefix + path).text) == f"/shop{ENDPOINT}"
    assert user_in(visitor.get(prefix + ENDPOINT).text) == "ada"
    assert visitor.get(f"{prefix}/_widgetmw/runtime.js").status_code == 200


def test_a_middleware_of_a_fastapi_app(settings: Settings) -> None:
    app = FastAPI()
    app.add_route("/", page)
    fastapi_plugin.install(app, settings=settings, user=lambda: User("ada"))
    app.add_middleware(SetsRootPath, copies=True)
    assert url_in(Visitor(app).get().text) == f"/shop{ENDPOINT}"


@pytest.mark.parametrize("copies", [True, False])
def test_a_layer_of_a_quart_app(settings: Settings, copies: bool) -> None:
    app = Quart("shop")
    app.add_url_rule("/", "page", lambda: HEAD)
    app.asgi_app = SetsRootPath(app.asgi_app, copies)  # type: ignore[assignment, method-assign]
    QuartWidget(app, settings, user=ada)
    visitor = Visitor(app)
    assert url_in(visitor.get("/shop/").text) == f"/shop{ENDPOINT}"
