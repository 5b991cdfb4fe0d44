"""The quick starts of the README and of the frameworks' pages, each in a minimal app of its framework."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastapi
import flask
import httpx
import litestar
import pytest
import quart
from aiohttp.test_utils import TestClient, TestServer
from django.urls import include, path
from fastapi.responses import HTMLResponse
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Route

from tests.contract.aiohttp_site import LOOP
from tests.contract.django_site import Urls
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in
from widgetmw.django.checks import check

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHER = (ROOT / "docs/frameworks/other.md").read_text(encoding="utf-8")
IN_README = ("Flask", "FastAPI", "Starlette", "Django")


def snippet(framework: str) -> str:
    """The first code block of a framework's page, or below its heading."""
    page = ROOT / f"docs/frameworks/{framework.lower()}.md"
    text = page.read_text(encoding="utf-8") if page.exists() else section(OTHER, f"## {framework}")
    return str(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0])


def section(text: str, heading: str) -> str:
    level = heading.partition(" ")[0]
    return text.partition(f"\n{heading}\n")[2].partition(f"\n{level} ")[0]


@pytest.mark.parametrize("framework", IN_README)
def test_the_readme_has_the_same_quick_start_as_the_page(framework: str) -> None:
    assert f"```python\n{snippet(framework)}```" in section(README, f"### {framework}")


@pytest.fixture(autouse=True)
def _vendor(dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)


def test_flask() -> None:
    namespace: dict[str, Any] = {"__name__": "hello"}
    exec(snippet("Flask"), namespace)
    app = namespace["app"]
    app.secret_key = "x"
    app.get("/")(lambda: HEAD)

    @app.get("/in")
    def sign_in() -> str:
        flask.session["id"] = "ada"
        return ""

    client = app.test_client()
    assert client.get("/").text == HEAD
    client.get("/in")
    assert user_in(client.get("/").text) == user_in(client.get(ENDPOINT).text) == "ada"


def assert_sign_in_works(app: Any, kind: type[Visitor] = Visitor) -> None:
    visitor = kind(app)
    assert visitor.get().text == HEAD
    visitor.get("/in")
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"


def with_sessions(app: Any) -> None:
    if not any(layer.cls is SessionMiddleware for layer in app.user_middleware):
        app.add_middleware(SessionMiddleware, secret_key="x")


def test_fastapi() -> None:
    namespace: dict[str, Any] = {"__name__": "hello"}
    exec(snippet("FastAPI"), namespace)
    app = namespace["app"]
    with_sessions(app)
    app.get("/", response_class=HTMLResponse)(lambda: HEAD)

    def sign_in(request: Any) -> None:
        request.session["id"] = "ada"

    sign_in.__annotations__["request"] = fastapi.Request
    app.get("/in")(sign_in)
    assert_sign_in_works(app)


def test_starlette() -> None:
    async def page(request: Any) -> HTMLResponse:
        return HTMLResponse(HEAD)

    async def sign_in(request: Any) -> HTMLResponse:
        request.session["id"] = "ada"
        return HTMLResponse("")

    namespace: dict[str, Any] = {"__name__": "hello", "given": [Route("/", page), Route("/in", sign_in)]}
    exec(snippet("Starlette").replace("[…]", "given"), namespace)
    with_sessions(namespace["app"])
    assert_sign_in_works(namespace["app"])


def test_django(visit: Callable[..., Any], configured: Configure) -> None:
    code = snippet("Django").replace("    …,\n", "    *given,\n")
    namespace: dict[str, Any] = {
        "INSTALLED_APPS": [],
        "given": django_app.STACK[:-2],
        "urlpatterns": list(django_app.urlpatterns[:-1]),
        "path": path,
        "include": include,
    }
    exec(code, namespace)
    assert namespace["INSTALLED_APPS"] == ["widgetmw.django"]
    configured(MIDDLEWARE=namespace["MIDDLEWARE"], ROOT_URLCONF=Urls(*namespace["urlpatterns"]))
    assert check() == []
    visitor = visit("ada")
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "1"


def test_quart() -> None:
    namespace: dict[str, Any] = {"__name__": "hello"}
    exec(snippet("Quart"), namespace)
    app = namespace["app"]
    app.secret_key = "x"
    app.get("/")(lambda: HEAD)

    @app.get("/in")
    async def sign_in() -> str:
        quart.session["id"] = "ada"
        return ""

    assert_sign_in_works(app)


def test_litestar() -> None:
    @litestar.get("/", media_type=litestar.MediaType.HTML)
    async def page() -> str:
        return HEAD

    async def sign_in(request: litestar.Request) -> None:
        request.session["id"] = "ada"

    sign_in.__annotations__["request"] = litestar.Request
    namespace: dict[str, Any] = {"given": [page, litestar.get("/in")(sign_in)]}
    exec(snippet("Litestar").replace("[…]", "given, logging_config=None"), namespace)
    assert_sign_in_works(namespace["app"])


class WsgiVisitor(Visitor):
    """A client for a WSGI app."""

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.WSGITransport(self.app), base_url="http://app.example") as client:
            client.cookies = self.cookies
            reply = client.request(method, path, **options)
            self.cookies = client.cookies
            return reply


SESSIONS = {"secret": "ada"}


class Shop:
    """The resource of a minimal Falcon app."""

    def on_get(self, request: Any, response: Any) -> None:
        response.content_type, response.text = "text/html", HEAD

    def on_get_in(self, request: Any, response: Any) -> None:
        response.set_cookie("session", "secret", secure=False)


class AsyncShop(Shop):
    async def on_get(self, request: Any, response: Any) -> None:  # type: ignore[override]
        super().on_get(request, response)

    async def on_get_in(self, request: Any, response: Any) -> None:  # type: ignore[override]
        super().on_get_in(request, response)


def add_routes(app: Any, shop: Shop) -> None:
    app.add_route("/", shop)
    app.add_route("/in", shop, suffix="in")


def test_falcon() -> None:
    namespace: dict[str, Any] = {"sessions": SESSIONS}
    exec(snippet("Falcon"), namespace)
    add_routes(namespace["shop"], Shop())
    assert_sign_in_works(namespace["app"], WsgiVisitor)


def test_falcon_under_asgi() -> None:
    code = snippet("Falcon").replace("widgetmw.wsgi", "widgetmw.asgi").replace("falcon.App()", "falcon.asgi.App()")
    (resolver,) = re.findall(r"`(lambda scope: .+)`", section(OTHER, "## Falcon"))
    code = re.sub("lambda environ: .+(?=\\))", lambda _: resolver, code)
    namespace: dict[str, Any] = {"sessions": SESSIONS}
    exec(f"import falcon.asgi\n{code}", namespace)
    add_routes(namespace["shop"], AsyncShop())
    assert_sign_in_works(namespace["app"])


@pytest.mark.filterwarnings("ignore:'cgi' is deprecated")  # WebOb, which Pyramid uses, imports it
def test_pyramid() -> None:
    namespace = pyramid_shop(lambda request: True)
    assert_sign_in_works(namespace["app"], WsgiVisitor)


@pytest.mark.filterwarnings("ignore:'cgi' is deprecated")
def test_a_pyramid_policy_is_asked_within_a_transaction_of_its_own() -> None:
    namespace = pyramid_shop(lambda request: request.tm.get())  # raises NoTransaction outside of one
    exec(re.findall(r"```python\n(.*?)```", section(OTHER, "### With pyramid_tm"), re.DOTALL)[0], namespace)
    app = namespace["WidgetMiddleware"](namespace["router"], user=namespace["current_user"])
    assert_sign_in_works(app, WsgiVisitor)


def pyramid_shop(query: Callable[[Any], object]) -> dict[str, Any]:
    """Runs the first block, for a shop whose policy queries its database."""
    from pyramid.authentication import SessionAuthenticationHelper
    from pyramid.response import Response
    from pyramid.session import SignedCookieSessionFactory

    class Security:
        helper = SessionAuthenticationHelper()

        def authenticated_userid(self, request: Any) -> Any:
            query(request)
            return self.helper.authenticated_userid(request)

    def given(config: Any) -> None:
        config.add_settings({"tm.manager_hook": "pyramid_tm.explicit_manager"})  # as Pyramid's template for SQLAlchemy
        config.include("pyramid_tm")
        config.set_session_factory(SignedCookieSessionFactory("x"))
        config.set_security_policy(Security())
        for name, view in (("/", lambda request: Response(HEAD)), ("/in", sign_in)):
            config.add_route(name, name)
            config.add_view(view, route_name=name)

    def sign_in(request: Any) -> Any:
        Security.helper.remember(request, "ada")
        return Response("")

    namespace: dict[str, Any] = {"given": given}
    exec(snippet("Pyramid").replace("    …\n", "    given(config)\n"), namespace)
    return namespace


def test_bottle() -> None:
    import bottle

    namespace: dict[str, Any] = {}
    exec(snippet("Bottle"), namespace)
    shop = namespace["shop"]
    shop.get("/")(lambda: HEAD)
    shop.get("/in")(lambda: bottle.response.set_cookie("id", "ada", secret="change-me", path="/"))
    assert_sign_in_works(namespace["app"], WsgiVisitor)


@pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")  # aiohttp-session uses string keys
def test_aiohttp() -> None:
    namespace: dict[str, Any] = {}
    exec(snippet("aiohttp"), namespace)
    web, app = namespace["web"], namespace["app"]

    async def page(request: Any) -> Any:
        return web.Response(text=HEAD, content_type="text/html")

    async def sign_in(request: Any) -> Any:
        (await namespace["aiohttp_session"].get_session(request))["id"] = "ada"
        return web.Response()

    app.add_routes([web.get("/", page), web.get("/in", sign_in)])

    async def visit() -> None:
        async with TestClient(TestServer(app)) as client:
            assert await (await client.get("/")).text() == HEAD
            await client.get("/in")
            page, token = [await (await client.get(path)).text() for path in ("/", ENDPOINT)]
            assert user_in(page) == user_in(token) == "ada"

    LOOP.run_until_complete(visit())
