"""The README's quick start of each framework, typed into that framework's own hello-world."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastapi
import flask
import pytest
from django.urls import include, path
from fastapi.responses import HTMLResponse
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Route

from tests.contract.django_site import Urls
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, whose
from widgetmw.django.checks import check

README = (Path(__file__).parents[2] / "README.md").read_text()


def snippet(framework: str) -> str:
    """The one block of code below a framework's heading."""
    section = README.partition(f"\n### {framework}\n")[2].partition("\n### ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return str(code)


@pytest.fixture(autouse=True)
def _vendor(dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)


def test_flask() -> None:
    space: dict[str, Any] = {"__name__": "hello"}
    exec(snippet("Flask"), space)
    app = space["app"]
    app.secret_key = "x"
    app.get("/")(lambda: HEAD)

    @app.get("/in")
    def sign_in() -> str:
        flask.session["id"] = "ada"
        return ""

    client = app.test_client()
    assert client.get("/").text == HEAD
    client.get("/in")
    assert whose(client.get("/").text) == whose(client.get(ENDPOINT).text) == "ada"


def visits(app: Any) -> None:
    visitor = Visitor(app)
    assert visitor.get().text == HEAD
    visitor.get("/in")
    assert whose(visitor.get().text) == whose(visitor.token().text) == "ada"


def with_sessions(app: Any) -> None:
    if not any(layer.cls is SessionMiddleware for layer in app.user_middleware):
        app.add_middleware(SessionMiddleware, secret_key="x")


def test_fastapi() -> None:
    space: dict[str, Any] = {"__name__": "hello"}
    exec(snippet("FastAPI"), space)
    app = space["app"]
    with_sessions(app)
    app.get("/", response_class=HTMLResponse)(lambda: HEAD)

    def sign_in(request: Any) -> None:
        request.session["id"] = "ada"

    sign_in.__annotations__["request"] = fastapi.Request
    app.get("/in")(sign_in)
    visits(app)


def test_starlette() -> None:
    async def page(request: Any) -> HTMLResponse:
        return HTMLResponse(HEAD)

    async def sign_in(request: Any) -> HTMLResponse:
        request.session["id"] = "ada"
        return HTMLResponse("")

    space: dict[str, Any] = {"__name__": "hello", "given": [Route("/", page), Route("/in", sign_in)]}
    exec(snippet("Starlette").replace("[…]", "given"), space)
    with_sessions(space["app"])
    visits(space["app"])


def test_django(visit: Callable[..., Any], configured: Configure) -> None:
    code = snippet("Django").replace("    …,\n", "    *given,\n")
    space: dict[str, Any] = {
        "INSTALLED_APPS": [],
        "given": django_app.STACK[:-2],
        "urlpatterns": list(django_app.urlpatterns[:-1]),
        "path": path,
        "include": include,
    }
    exec(code, space)
    assert space["INSTALLED_APPS"] == ["widgetmw.django"]
    configured(MIDDLEWARE=space["MIDDLEWARE"], ROOT_URLCONF=Urls(*space["urlpatterns"]))
    assert check() == []
    visitor = visit("ada")
    assert whose(visitor.get().text) == whose(visitor.token().text) == "1"
