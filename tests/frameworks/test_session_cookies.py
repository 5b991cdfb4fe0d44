"""A page that deletes the session's cookie has no token, whatever the framework's configuration calls the cookie."""

from __future__ import annotations

from typing import Any

import aiohttp_session
import pytest
import quart
from aiohttp import web
from django.http import HttpRequest, HttpResponse
from django.urls import path
from flask import Flask, flash, get_flashed_messages, make_response, request
from litestar import Litestar, MediaType, Response, get
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.security.session_auth import SessionAuth
from quart import Quart
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.contract.django_site import Urls
from tests.contract.site import MARK
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.test_aiohttp import HTML, request_page, serve_and_visit
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in
from widgetmw import Settings, User
from widgetmw.aiohttp import install as install_in_aiohttp
from widgetmw.flask import Widget
from widgetmw.litestar import WidgetMiddleware
from widgetmw.quart import Widget as QuartWidget
from widgetmw.starlette import install

pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

Reply = Any


def ada(*_: Any) -> User:
    return User("ada")


def assert_signing_out(reply: Reply) -> None:
    assert reply.headers["x-widgetmw"] == "skipped; reason=signing_out"


def test_a_session_that_held_a_message_alone_does_not_cost_the_page_its_runtime(settings: Settings) -> None:
    app = Flask(__name__)
    app.secret_key = "s" * 32
    Widget(app, settings, user=lambda: User(request.cookies["access_token"]))

    @app.get("/save")
    def save() -> str:
        flash("Saved")
        return HEAD

    @app.get("/")
    def page() -> str:
        return HEAD + str(get_flashed_messages())

    client = app.test_client()
    for cookie in (MARK, "access_token=ada"):
        client.set_cookie(*cookie.split("="))
    client.get("/save")
    reply = client.get("/")
    assert "session=;" in reply.headers["Set-Cookie"]
    assert '"user":null' in reply.text
    assert user_in(client.get(ENDPOINT).text) == user_in(client.get("/").text) == "ada"


@pytest.mark.parametrize("name", ["SESSION_COOKIE_NAME", "REMEMBER_COOKIE_NAME"])
def test_flask(settings: Settings, name: str) -> None:
    app, cookie = Flask(__name__), f"flask_{name[:3]}"
    Widget(app, settings, user=ada)
    app.config[name] = cookie

    @app.get("/")
    def page() -> Any:
        response = make_response(HEAD)
        response.delete_cookie(cookie)
        return response

    client = app.test_client()
    client.set_cookie(cookie, "1")
    assert_signing_out(client.get("/"))


@pytest.mark.parametrize("name", ["SESSION_COOKIE_NAME", "QUART_AUTH_COOKIE_NAME"])
def test_quart(settings: Settings, name: str) -> None:
    app, cookie = Quart(__name__), f"quart_{name[:3]}"
    QuartWidget(app, settings, user=ada)
    app.config[name] = cookie

    @app.get("/")
    async def page() -> Any:
        response: Any = await quart.make_response(HEAD)
        response.delete_cookie(cookie)
        return response

    assert_signing_out(Visitor(app).get(Cookie=f"{cookie}=1"))


def test_starlette(settings: Settings) -> None:
    async def page(request: Request) -> HTMLResponse:
        response = HTMLResponse(HEAD)
        response.delete_cookie("starlette_shop")
        return response

    app = Starlette(routes=[Route("/", page)])
    install(app, settings=settings, user=ada)
    app.add_middleware(SessionMiddleware, secret_key="k", session_cookie="starlette_shop")
    assert_signing_out(Visitor(app).get(Cookie="starlette_shop=1"))


SESSIONS = CookieBackendConfig(secret=b"x" * 16, key="litestar_shop")


@pytest.mark.parametrize(
    ("layer", "cookie"),
    [
        (SESSIONS.middleware, "litestar_shop"),
        (SESSIONS.middleware, "litestar_shop-0"),
        (SessionAuth[Any, Any](retrieve_user_handler=ada, session_backend_config=SESSIONS).middleware, "litestar_shop"),
        (None, "litestar_door"),
    ],
    ids=["session", "long session", "SessionAuth", "JWTCookieAuth"],
)
def test_litestar(settings: Settings, layer: Any, cookie: str) -> None:
    if layer is None:
        jwt = pytest.importorskip("litestar.security.jwt", reason="the oldest Litestar's needs python-jose")
        layer = jwt.JWTCookieAuth(retrieve_user_handler=ada, token_secret="s" * 32, key=cookie).middleware

    @get("/", exclude_from_auth=True)
    async def page() -> Response[str]:
        response = Response(HEAD, media_type=MediaType.HTML)
        response.delete_cookie(cookie)
        return response

    app = Litestar([page], middleware=[layer], logging_config=None, openapi_config=None)
    assert_signing_out(Visitor(WidgetMiddleware(app, settings, user=ada)).get(Cookie=f"{cookie}=1"))


def test_aiohttp(settings: Settings) -> None:
    async def page(request: web.Request) -> web.Response:
        response = web.Response(text=HEAD, headers=HTML)
        response.del_cookie("aiohttp_shop")
        return response

    app = web.Application()
    app.router.add_get("/", page)
    aiohttp_session.setup(app, aiohttp_session.SimpleCookieStorage(cookie_name="aiohttp_shop"))
    install_in_aiohttp(app, settings=settings, user=ada)

    async def visit(client: Any) -> None:
        assert_signing_out(await request_page(client, Cookie="aiohttp_shop=1"))

    serve_and_visit(app, visit)


def test_django(configured: Configure) -> None:
    def page(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(HEAD)
        response.delete_cookie("django_shop")
        return response

    urls = Urls(path("page", page), *django_app.urlpatterns)
    configured({"USER": ada}, ROOT_URLCONF=urls, SESSION_COOKIE_NAME="django_shop")
    visitor = django_app.Wsgi()
    visitor.set_cookie("django_shop", "1")
    assert_signing_out(visitor.get("/page"))
