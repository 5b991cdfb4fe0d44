"""``widgetmw.testing``, used as in the documentation, with each framework's own test client."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import fastapi
import flask
import httpx
import litestar
import pytest
import quart
from aiohttp import web
from aiohttp.test_utils import TestClient as AiohttpClient
from aiohttp.test_utils import TestServer as AiohttpServer
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import include, path
from fastapi.responses import HTMLResponse
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

import widgetmw.aiohttp
import widgetmw.fastapi
import widgetmw.litestar
import widgetmw.quart
import widgetmw.starlette
import widgetmw.wsgi
from tests.contract.aiohttp_site import LOOP
from tests.contract.django_site import Urls
from tests.frameworks.visitor import Visitor
from widgetmw import Settings, SettingsError, User, identify, testing
from widgetmw.asgi import WidgetMiddleware
from widgetmw.core.registry import registered_names
from widgetmw.django import configuration
from widgetmw.flask import Widget

HEAD = "<!doctype html><html><head><title>Shop</title></head><body>"
PAGE = (Path(__file__).parents[1] / "docs/testing.md").read_text(encoding="utf-8")
ADA = User("42", "Ada")


def django_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(HEAD)


@pytest.fixture(autouse=True)
def _django() -> Iterator[None]:
    urls = Urls(path("", django_page), path("_widgetmw/", include("widgetmw.django.urls")))
    with override_settings(ROOT_URLCONF=urls):
        yield
    configuration.forget()


def flask_app() -> flask.Flask:
    app = flask.Flask("tested")
    app.add_url_rule("/", view_func=lambda: HEAD)
    return app


async def page(request: Any) -> HTMLResponse:
    return HTMLResponse(HEAD)


def starlette_app() -> Starlette:
    return Starlette(routes=[Route("/", page)])


def fastapi_app() -> Starlette:
    app = fastapi.FastAPI()
    app.add_route("/", page)
    return app


def quart_app() -> quart.Quart:
    app = quart.Quart("tested")
    app.add_url_rule("/", view_func=lambda: HEAD)
    return app


def litestar_app() -> litestar.Litestar:
    @litestar.get("/", media_type=litestar.MediaType.HTML)
    async def page() -> str:
        return HEAD

    return litestar.Litestar([page], openapi_config=None, logging_config=None)


def aiohttp_app() -> web.Application:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=HEAD, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    return app


def get_from_flask(settings: Settings, path: str) -> bytes:
    app = flask_app()
    Widget(app, settings=settings)
    return app.test_client().get(path).data


def get_from_starlette(settings: Settings, path: str) -> bytes:
    app = starlette_app()
    widgetmw.starlette.install(app, settings=settings)
    return TestClient(app).get(path).content


def get_from_fastapi(settings: Settings, path: str) -> bytes:
    app = fastapi_app()
    widgetmw.fastapi.install(app, settings=settings)
    return TestClient(app).get(path).content


def get_from_django(settings: Settings, path: str) -> bytes:
    with override_settings(WIDGETMW={"SETTINGS": settings}):
        return bytes(Client().get(path).content)


def get_from_asgi(settings: Settings, path: str) -> bytes:
    return TestClient(WidgetMiddleware(starlette_app(), settings)).get(path).content


def get_from_wsgi(settings: Settings, path: str) -> bytes:
    app: Any = widgetmw.wsgi.WidgetMiddleware(flask_app(), settings)
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://app.example") as client:
        return client.get(path).content


CLIENTS = (get_from_flask, get_from_starlette, get_from_fastapi, get_from_django, get_from_asgi, get_from_wsgi)
Get = Callable[[Settings, str], bytes]


# examples in docs/testing.md


def snippets() -> dict[str, str]:
    blocks = [str(code) for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)]
    return {code.partition("\n")[0].removeprefix("# "): code for code in blocks}


def test_the_page_has_an_example_for_each_framework() -> None:
    assert list(snippets()) == ["Flask", "Starlette and FastAPI", "Django", "any framework, as time passes"]


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(code, names)
    return names


def test_the_example_for_flask() -> None:
    run(snippets()["Flask"], app=flask_app())


@pytest.mark.parametrize("plugin", [widgetmw.starlette, widgetmw.fastapi])
def test_the_example_for_starlette_and_fastapi(plugin: Any) -> None:
    app = starlette_app() if plugin is widgetmw.starlette else fastapi_app()
    run(snippets()["Starlette and FastAPI"].replace("widgetmw.fastapi", plugin.__name__), app=app)


def test_the_example_for_django() -> None:
    run(snippets()["Django"])


@pytest.mark.parametrize("get", CLIENTS)
def test_the_example_with_a_clock(get: Get) -> None:
    namespace = run(snippets()["any framework, as time passes"])
    clock, settings = namespace["clock"], namespace["settings"]
    with testing.as_user(ADA):
        (token,) = testing.read_tokens(get(settings, "/")).values()
    assert token.provider == "giosg"
    assert token.expires_at == int(clock.now) + 600


# as_user


@pytest.mark.parametrize("get", CLIENTS)
def test_as_user_signs_in_every_request_until_the_block_ends(get: Get) -> None:
    settings = testing.settings("digitalgenius")
    for url in ("/", "/_widgetmw/token", "/_widgetmw/token/digitalgenius"):
        with testing.as_user(ADA):
            (token,) = testing.read_tokens(get(settings, url)).values()
            assert token.claims["external_id"] == "42"
    assert get(settings, "/").decode() == HEAD


def test_as_user_overrides_identify_and_the_resolver() -> None:
    app = flask_app()

    @app.get("/identify")
    def identify_user() -> str:
        identify(flask.request.environ, User("identified"))
        return HEAD

    Widget(app, settings=testing.settings("hissuno"), user=lambda: User("resolved"))
    client = app.test_client()
    with testing.as_user(ADA):
        assert [
            testing.read_tokens(client.get(url).data)["hissuno"].claims["userId"] for url in ("/", "/identify")
        ] == [
            "42",
            "42",
        ]
        with testing.as_user(None):
            assert client.get("/").text == client.get("/identify").text == HEAD
        assert testing.read_tokens(client.get("/").data)
    assert testing.read_tokens(client.get("/identify").data)["hissuno"].claims["userId"] == "identified"
    assert testing.read_tokens(client.get("/").data)["hissuno"].claims["userId"] == "resolved"


def test_as_user_is_undone_after_an_exception() -> None:
    with pytest.raises(RuntimeError), testing.as_user(ADA):
        raise RuntimeError
    assert get_from_wsgi(testing.settings(), "/").decode() == HEAD


def test_as_user_works_with_djangos_async_client() -> None:
    async def page() -> Any:
        return await AsyncClient().get("/")

    with override_settings(WIDGETMW={"SETTINGS": testing.settings("orlo")}), testing.as_user(ADA):
        claims = testing.read_tokens(asyncio.run(page()).content)["orlo"].claims
    assert (claims["name"], claims["isLoggedIn"]) == ("Ada", True)


# as_user for one app


class Installed(NamedTuple):
    """An app with the middleware, and a function that gets one of its pages."""

    app: Any
    get: Callable[[str], str]


def anonymous(*_: Any) -> None:
    return None


def install_in_flask(settings: Settings, stack: ExitStack) -> Installed:
    app = flask_app()
    Widget(app, settings=settings)
    client = app.test_client()
    return Installed(app, lambda path: client.get(path).text)


def install_in_quart(settings: Settings, stack: ExitStack) -> Installed:
    app = quart_app()
    widgetmw.quart.Widget(app, settings, user=anonymous)
    return Installed(app, lambda path: Visitor(app).get(path).text)


def install_in_starlette(settings: Settings, stack: ExitStack) -> Installed:
    app = starlette_app()
    widgetmw.starlette.install(app, settings=settings)
    return Installed(app, lambda path: TestClient(app).get(path).text)


def install_in_fastapi(settings: Settings, stack: ExitStack) -> Installed:
    app = fastapi_app()
    widgetmw.fastapi.install(app, settings=settings)
    return Installed(app, lambda path: TestClient(app).get(path).text)


def install_in_litestar(settings: Settings, stack: ExitStack) -> Installed:
    app = widgetmw.litestar.WidgetMiddleware(litestar_app(), settings, user=anonymous)
    return Installed(app, lambda path: Visitor(app).get(path).text)


def install_in_aiohttp(settings: Settings, stack: ExitStack) -> Installed:
    app = aiohttp_app()
    widgetmw.aiohttp.install(app, settings=settings, user=anonymous)
    client = AiohttpClient(AiohttpServer(app, loop=LOOP), loop=LOOP)
    LOOP.run_until_complete(client.start_server())
    stack.callback(lambda: LOOP.run_until_complete(client.close()))

    async def get(path: str) -> str:
        async with client.get(path) as response:
            return await response.text()

    return Installed(app, lambda path: LOOP.run_until_complete(get(path)))


def wrap_in_asgi(settings: Settings, stack: ExitStack) -> Installed:
    app = WidgetMiddleware(starlette_app(), settings)
    return Installed(app, lambda path: TestClient(app).get(path).text)


def wrap_in_wsgi(settings: Settings, stack: ExitStack) -> Installed:
    app: Any = widgetmw.wsgi.WidgetMiddleware(flask_app(), settings)
    client = stack.enter_context(httpx.Client(transport=httpx.WSGITransport(app), base_url="http://app.example"))
    return Installed(app, lambda path: client.get(path).text)


INSTALLERS = (
    install_in_flask,
    install_in_quart,
    install_in_starlette,
    install_in_fastapi,
    install_in_litestar,
    install_in_aiohttp,
    wrap_in_asgi,
    wrap_in_wsgi,
)
Installer = Callable[[Settings, ExitStack], Installed]
EVE = User("7", "Eve")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def user_of(installed: Installed, path: str = "/") -> str | None:
    tokens = testing.read_tokens(installed.get(path))
    return str(tokens["digitalgenius"].claims["external_id"]) if tokens else None


@pytest.mark.parametrize("install", INSTALLERS)
def test_as_user_with_an_app_applies_to_that_app_only(install: Installer, stack: ExitStack) -> None:
    settings = testing.settings("digitalgenius")
    one, other = install(settings, stack), install(settings, stack)
    with testing.as_user(ADA, app=one.app):
        for path in ("/", "/_widgetmw/token", "/_widgetmw/token/digitalgenius"):
            assert (user_of(one, path), user_of(other, path)) == ("42", None)
    assert one.get("/") == other.get("/") == HEAD


@pytest.mark.parametrize("install", INSTALLERS)
def test_each_app_may_have_its_own_user(install: Installer, stack: ExitStack) -> None:
    settings = testing.settings("digitalgenius")
    one, other = install(settings, stack), install(settings, stack)
    with testing.as_user(ADA, app=one.app), testing.as_user(EVE, app=other.app):
        assert (user_of(one), user_of(other)) == ("42", "7")


@pytest.mark.parametrize("install", INSTALLERS)
def test_as_user_with_an_app_overrides_as_user_for_all_apps(install: Installer, stack: ExitStack) -> None:
    settings = testing.settings("digitalgenius")
    one, other = install(settings, stack), install(settings, stack)
    with testing.as_user(ADA):
        with testing.as_user(EVE, app=one.app):
            assert (user_of(one), user_of(other)) == ("7", "42")
            with testing.as_user(None, app=one.app):
                assert (user_of(one), user_of(other)) == (None, "42")
            assert user_of(one) == "7"
        assert (user_of(one), user_of(other)) == ("42", "42")


def test_as_user_with_an_app_is_undone_after_an_exception(stack: ExitStack) -> None:
    installed = install_in_flask(testing.settings("digitalgenius"), stack)
    with pytest.raises(RuntimeError), testing.as_user(ADA, app=installed.app):
        raise RuntimeError
    assert installed.get("/") == HEAD


@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler])
def test_as_user_with_a_django_handler_applies_to_django_only(handler: Any, stack: ExitStack) -> None:
    settings = testing.settings("digitalgenius")
    other = install_in_flask(settings, stack)
    with override_settings(WIDGETMW={"SETTINGS": settings}):
        django = Installed(handler(), lambda path: Client().get(path).content.decode())
        with testing.as_user(ADA, app=django.app):
            for path in ("/", "/_widgetmw/token"):
                assert (user_of(django, path), user_of(other, path)) == ("42", None)
        assert django.get("/") == HEAD


@pytest.mark.parametrize(
    "make",
    [flask_app, quart_app, starlette_app, fastapi_app, litestar_app, aiohttp_app, object],
    ids=lambda f: f.__name__,
)
def test_as_user_rejects_an_app_without_widgetmw(make: Callable[[], Any]) -> None:
    with pytest.raises(LookupError, match="not installed in this app"), testing.as_user(ADA, app=make()):
        raise AssertionError("the block must not run")


@pytest.mark.parametrize("install", INSTALLERS)
def test_as_user_rejects_an_app_without_an_active_vendor(install: Installer, stack: ExitStack) -> None:
    installed = install(Settings.from_env({}), stack)
    with pytest.raises(LookupError, match="no active vendor"), testing.as_user(ADA, app=installed.app):
        raise AssertionError("the block must not run")


def test_as_user_rejects_django_without_an_active_vendor() -> None:
    with (
        override_settings(WIDGETMW={"ENABLED": False}),
        pytest.raises(LookupError, match="no active vendor"),
        testing.as_user(ADA, app=WSGIHandler()),
    ):
        raise AssertionError("the block must not run")


# the fake clock


def test_tokens_age_by_the_fake_clock_only() -> None:
    clock = testing.Clock(1_700_000_000)
    app = flask_app()
    Widget(app, settings=testing.settings("digitalgenius", clock=clock, DG_TOKEN_TTL="100"))

    def token() -> testing.PageToken:
        return testing.read_tokens(app.test_client().get("/").data)["digitalgenius"]

    with testing.as_user(ADA):
        first = token()
        assert (first.expires_at, first.refresh_at) == (1_700_000_100, 1_700_000_080)
        assert (first.claims["iat"], first.claims["exp"]) == (1_700_000_000, 1_700_000_100)
        clock.move(79)
        assert token() == first
        clock.move(1)
        assert token().expires_at == 1_700_000_180
        clock.now = 1_700_001_000
        assert token().expires_at == 1_700_001_100


def test_a_clock_starts_at_the_current_time_and_stands_still() -> None:
    clock = testing.Clock()
    assert clock() == clock() == clock.now > 1_700_000_000
    clock.move(-5.5)
    assert clock() == clock.now


# settings


def test_every_vendor_has_throw_away_keys() -> None:
    assert testing.settings().providers == registered_names()
    for vendor in registered_names():
        assert testing.settings(vendor).providers == (vendor,)
        assert testing.environ(vendor) == testing.environ(vendor)


def test_every_process_has_its_own_keys() -> None:
    code = "from widgetmw import testing; print(testing.environ('hissuno')['HISSUNO_SECRET_KEY'])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout.strip().startswith("sk_live_")
    assert process.stdout.strip() != testing.environ("hissuno")["HISSUNO_SECRET_KEY"]


def test_settings_accept_variables_and_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIDGETMW_DELIVERY", "fetch")
    assert testing.settings().delivery == "inline"
    assert testing.settings(WIDGETMW_DELIVERY="fetch", DG_ENV="us").delivery == "fetch"
    with pytest.raises(SettingsError, match="WIDGETMW_DELIVRY"):
        testing.settings(WIDGETMW_DELIVRY="fetch")
    with pytest.raises(KeyError):
        testing.settings("intercom")


def test_an_app_may_read_the_environment_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in testing.environ("digitalgenius").items():
        monkeypatch.setenv(name, value)
    app = flask_app()
    Widget(app)
    with testing.as_user(ADA):
        assert testing.read_tokens(app.test_client().get("/").data)["digitalgenius"].header["kid"] == "test-dg-api-key"
        with override_settings(WIDGETMW={}):
            assert testing.read_tokens(Client().get("/").content).keys() == {"digitalgenius"}
        with override_settings(WIDGETMW=testing.environ("giosg") | {"PROVIDERS": "giosg"}):
            assert testing.read_tokens(Client().get("/").content).keys() == {"giosg"}


def test_django_accepts_either_a_settings_object_or_single_settings() -> None:
    for options, problem in (
        ({"SETTINGS": {}}, "must be a Settings, not dict"),
        ({"SETTINGS": testing.settings(), "DEBUG": True}, "replaces WIDGETMW_DEBUG"),
        ({"SETTING": 1}, "did you mean 'SETTINGS'"),
    ):
        with override_settings(WIDGETMW=options), pytest.raises(SettingsError, match=problem):
            configuration.installed()


def test_no_framework_and_no_test_framework_is_imported() -> None:
    code = "import sys; from widgetmw import testing; testing.settings('digitalgenius'); print(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in process.stdout.split()}
    assert loaded & {"pytest", "unittest", "flask", "fastapi", "starlette", "django", "httpx"} == set()


# read_tokens

CSP_BY_FORM = {
    "inline": "script-src 'nonce-abc'; connect-src 'self'",
    "bundled": "script-src 'unsafe-inline'",
    "external": "script-src 'self'",
    "hashed": "script-src 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='",
    "no CSP": "",
}


@pytest.mark.parametrize("form", CSP_BY_FORM)
@pytest.mark.parametrize("kind", [bytes, str, bytearray, memoryview])
def test_tokens_are_read_from_every_form_of_the_script(form: str, kind: Any) -> None:
    app = flask_app()
    app.after_request(lambda response: response.headers.update(headers) or response)  # type: ignore[func-returns-value]
    headers = {"Content-Security-Policy": CSP_BY_FORM[form]} if CSP_BY_FORM[form] else {}
    Widget(app, settings=testing.settings(WIDGETMW_CSP="amend" if form == "hashed" else "respect"))
    with testing.as_user(User("42", "</script><b>{", "ada@shop.example", email_verified=True)):
        data = app.test_client().get("/").data
    tokens = testing.read_tokens(data.decode() if kind is str else kind(data))
    assert tuple(tokens) == registered_names()
    assert all(name == token.provider for name, token in tokens.items())
    assert tokens["digitalgenius"].header == {"alg": "HS256", "typ": "JWT", "kid": "test-dg-api-key"}
    assert tokens["orlo"].claims["name"] == "</script><b>{"
    assert tokens["giosg"].extra["url"].startswith("https://service.giosg.com/")
    assert tokens["hissuno"].expires_at == tokens["hissuno"].claims["exp"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        "{}",
        '<script data-widgetmw>{"url":</script>',
        '<script>({"url":"x","vendors":{"orlo":{"token":{"provider":"orlo"}}}})</script>',
        '{"error":"not_authenticated","message":"not signed in"}',
    ],
)
def test_a_text_without_tokens_has_none(text: str) -> None:
    assert testing.read_tokens(text) == testing.read_tokens(text.encode()) == {}


def test_a_page_with_fetch_delivery_has_no_token() -> None:
    settings = testing.settings("orlo", WIDGETMW_DELIVERY="fetch")
    with testing.as_user(ADA):
        assert b"data-widgetmw" in get_from_flask(settings, "/")
        assert testing.read_tokens(get_from_flask(settings, "/")) == {}


def test_a_token_that_is_not_a_jwt_has_no_claims() -> None:
    body = {"provider": "other", "token": "0a1b", "expires_at": None, "refresh_at": None, "more": 1}
    token = testing.read_tokens(json.dumps({"tokens": {"other": body}}))["other"]
    assert token == testing.PageToken("other", "0a1b", None, None, extra={"more": 1})


@pytest.mark.parametrize("value", ["0a1b", "a.b.c", "..", ""])
def test_a_token_of_any_other_form_has_no_claims(value: str) -> None:
    body = json.dumps({"provider": "acme", "token": value, "expires_at": None, "refresh_at": None})
    token = testing.read_tokens(body)["acme"]
    assert (token.value, token.header, token.claims) == (value, {}, {})
