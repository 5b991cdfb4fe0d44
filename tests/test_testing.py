"""``widgetmw.testing``, used as the README says, with each framework's own test client."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastapi
import flask
import httpx
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import include, path
from fastapi.responses import HTMLResponse
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

import widgetmw.fastapi
import widgetmw.starlette
import widgetmw.wsgi
from tests.contract.django_site import Urls
from widgetmw import Settings, SettingsError, User, identify, testing
from widgetmw.asgi import WidgetMiddleware
from widgetmw.core.registry import registered_names
from widgetmw.django import configuration
from widgetmw.flask import Widget

HEAD = "<!doctype html><html><head><title>Shop</title></head><body>"
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
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


def by_flask(settings: Settings, path: str) -> bytes:
    app = flask_app()
    Widget(app, settings=settings)
    return app.test_client().get(path).data


def by_starlette(settings: Settings, path: str) -> bytes:
    app = starlette_app()
    widgetmw.starlette.install(app, settings=settings)
    return TestClient(app).get(path).content


def by_fastapi(settings: Settings, path: str) -> bytes:
    app = fastapi_app()
    widgetmw.fastapi.install(app, settings=settings)
    return TestClient(app).get(path).content


def by_django(settings: Settings, path: str) -> bytes:
    with override_settings(WIDGETMW={"SETTINGS": settings}):
        return bytes(Client().get(path).content)


def by_asgi(settings: Settings, path: str) -> bytes:
    return TestClient(WidgetMiddleware(starlette_app(), settings)).get(path).content


def by_wsgi(settings: Settings, path: str) -> bytes:
    app: Any = widgetmw.wsgi.WidgetMiddleware(flask_app(), settings)
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://app.example") as client:
        return client.get(path).content


CLIENTS = (by_flask, by_starlette, by_fastapi, by_django, by_asgi, by_wsgi)
Get = Callable[[Settings, str], bytes]


# the README's lines


def snippets() -> dict[str, str]:
    section = README.partition("\n## Testing your integration\n")[2].partition("\n## ")[0]
    found = [str(code) for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL)]
    return {code.partition("\n")[0].removeprefix("# "): code for code in found}


def test_the_readme_has_lines_for_each() -> None:
    assert list(snippets()) == ["Flask", "Starlette and FastAPI", "Django", "any framework, as time passes"]


def run(name: str, **space: Any) -> dict[str, Any]:
    exec(snippets()[name], space := {"testing": testing, "User": User, **space})
    return space


def test_the_readmes_lines_for_flask() -> None:
    run("Flask", Widget=Widget, app=flask_app())


@pytest.mark.parametrize("plugin", [widgetmw.starlette, widgetmw.fastapi])
def test_the_readmes_lines_for_starlette_and_fastapi(plugin: Any) -> None:
    app = starlette_app() if plugin is widgetmw.starlette else fastapi_app()
    run("Starlette and FastAPI", install=plugin.install, TestClient=TestClient, app=app)


def test_the_readmes_lines_for_django() -> None:
    run("Django", override_settings=override_settings, Client=Client)


@pytest.mark.parametrize("get", CLIENTS)
def test_the_readmes_lines_for_a_clock(get: Get) -> None:
    space = run("any framework, as time passes")
    clock, settings = space["clock"], space["settings"]
    with testing.as_user(ADA):
        (token,) = testing.read_tokens(get(settings, "/")).values()
    assert token.provider == "giosg"
    assert token.expires_at == int(clock.now) + 600


# a user


@pytest.mark.parametrize("get", CLIENTS)
def test_everybody_is_the_user_and_then_nobody_again(get: Get) -> None:
    settings = testing.settings("digitalgenius")
    for url in ("/", "/_widgetmw/token", "/_widgetmw/token/digitalgenius"):
        with testing.as_user(ADA):
            (token,) = testing.read_tokens(get(settings, url)).values()
            assert token.claims["external_id"] == "42"
    assert get(settings, "/").decode() == HEAD


def test_the_user_outranks_all_others_and_so_does_nobody() -> None:
    app = flask_app()

    @app.get("/said")
    def said() -> str:
        identify(flask.request.environ, User("app-said"))
        return HEAD

    Widget(app, settings=testing.settings("hissuno"), user=lambda: User("resolved"))
    client = app.test_client()
    with testing.as_user(ADA):
        assert [testing.read_tokens(client.get(url).data)["hissuno"].claims["userId"] for url in ("/", "/said")] == [
            "42",
            "42",
        ]
        with testing.as_user(None):
            assert client.get("/").text == client.get("/said").text == HEAD
        assert testing.read_tokens(client.get("/").data)
    assert testing.read_tokens(client.get("/said").data)["hissuno"].claims["userId"] == "app-said"
    assert testing.read_tokens(client.get("/").data)["hissuno"].claims["userId"] == "resolved"


def test_the_user_is_gone_after_a_test_that_fails() -> None:
    with pytest.raises(RuntimeError), testing.as_user(ADA):
        raise RuntimeError
    assert by_wsgi(testing.settings(), "/").decode() == HEAD


def test_djangos_async_client_too() -> None:
    async def page() -> Any:
        return await AsyncClient().get("/")

    with override_settings(WIDGETMW={"SETTINGS": testing.settings("orlo")}), testing.as_user(ADA):
        claims = testing.read_tokens(asyncio.run(page()).content)["orlo"].claims
    assert (claims["name"], claims["isLoggedIn"]) == ("Ada", True)


# a clock


def test_tokens_age_by_the_clock_alone() -> None:
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


def test_a_clock_begins_with_now_and_stands_still() -> None:
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


def test_the_keys_are_of_this_process() -> None:
    code = "from widgetmw import testing; print(testing.environ('hissuno')['HISSUNO_SECRET_KEY'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip().startswith("sk_live_")
    assert done.stdout.strip() != testing.environ("hissuno")["HISSUNO_SECRET_KEY"]


def test_variables_are_those_of_the_environment_and_nothing_else_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_django_takes_ready_settings_or_single_ones() -> None:
    for options, problem in (
        ({"SETTINGS": {}}, "must be a Settings, not dict"),
        ({"SETTINGS": testing.settings(), "DEBUG": True}, "replaces WIDGETMW_DEBUG"),
        ({"SETTING": 1}, "did you mean 'SETTINGS'"),
    ):
        with override_settings(WIDGETMW=options), pytest.raises(SettingsError, match=problem):
            configuration.installed()


def test_no_framework_and_no_test_framework_is_imported() -> None:
    code = "import sys; from widgetmw import testing; testing.settings('digitalgenius'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & {"pytest", "unittest", "flask", "fastapi", "starlette", "django", "httpx"} == set()


# tokens of a page

POLICIES = {
    "inline": "script-src 'nonce-abc'; connect-src 'self'",
    "bundled": "script-src 'unsafe-inline'",
    "external": "script-src 'self'",
    "hashed": "script-src 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='",
    "no policy": "",
}


@pytest.mark.parametrize("form", POLICIES)
@pytest.mark.parametrize("kind", [bytes, str, bytearray, memoryview])
def test_tokens_are_read_out_of_every_form_of_our_span(form: str, kind: Any) -> None:
    app = flask_app()
    app.after_request(lambda response: response.headers.update(policy) or response)  # type: ignore[func-returns-value]
    policy = {"Content-Security-Policy": POLICIES[form]} if POLICIES[form] else {}
    Widget(app, settings=testing.settings(WIDGETMW_CSP="amend" if form == "hashed" else "respect"))
    with testing.as_user(User("42", "</script><b>{", "ada@shop.example")):
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
        '{"error":"not_authenticated","message":"nobody is signed in"}',
    ],
)
def test_where_there_is_no_token_none_is_read(text: str) -> None:
    assert testing.read_tokens(text) == testing.read_tokens(text.encode()) == {}


def test_a_page_that_asks_for_its_token_has_none() -> None:
    settings = testing.settings("orlo", WIDGETMW_DELIVERY="fetch")
    with testing.as_user(ADA):
        assert b"data-widgetmw" in by_flask(settings, "/")
        assert testing.read_tokens(by_flask(settings, "/")) == {}


def test_a_token_that_is_no_jwt_has_no_claims() -> None:
    facts = {"provider": "other", "token": "0a1b", "expires_at": None, "refresh_at": None, "more": 1}
    token = testing.read_tokens(json.dumps({"tokens": {"other": facts}}))["other"]
    assert token == testing.PageToken("other", "0a1b", None, None, extra={"more": 1})
