"""Staff who act as a customer: the documented ways to withhold the customer's token from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastapi
import fastapi.responses
import flask
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import include, path
from starlette.middleware.sessions import SessionMiddleware

from tests.contract.django_site import Urls
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, OURS, SESSIONS
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in, users_snippet
from widgetmw import Settings, User
from widgetmw.fastapi import install
from widgetmw.flask import Widget

Visit = Callable[..., Any]
ADA = "1"  # her primary key
PACKAGES = {
    "hijack": ("hijack.middleware.HijackUserMiddleware", "/hijack/acquire/", "/hijack/release/"),
    "impersonate": ("impersonate.middleware.ImpersonateMiddleware", "/impersonate/1/", "/impersonate/stop/"),
    "django_su": ("django.contrib.messages.middleware.MessageMiddleware", "/django_su/1/", "/django_su/"),
    "loginas": ("django.contrib.messages.middleware.MessageMiddleware", "/loginas/login/user/1/", "/loginas/logout/"),
}
INSTALLED = [
    *("django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.messages"),
    *("django.contrib.admin", "widgetmw.django", "hijack", "impersonate", "django_su", "loginas"),
]


@pytest.fixture
def staff(visit: Visit, configured: Configure, request: pytest.FixtureRequest) -> Any:
    """A visitor who is signed in as a superuser, and may act as Ada."""
    middleware, _, _ = PACKAGES[request.getfixturevalue("package")]
    configured(INSTALLED_APPS=INSTALLED)
    urls = [path(f"{name}/", include(f"{name}.urls")) for name in PACKAGES]
    configured(
        MIDDLEWARE=[f"{__name__}.without_csrf_checks", SESSIONS, AUTH, middleware, OURS],
        ROOT_URLCONF=Urls(*urls, *django_app.urlpatterns),
        AUTHENTICATION_BACKENDS=["django_su.backends.SuBackend"],
        LOGIN_REDIRECT_URL="/",
        LOGINAS_LOGOUT_REDIRECT_URL="/",
    )
    call_command("migrate", verbosity=0)
    boss = get_user_model().objects.create_superuser("boss")
    yield visit("boss")
    boss.delete()


def without_csrf_checks(get_response: Any) -> Any:
    def middleware(request: Any) -> HttpResponse:
        request._dont_enforce_csrf_checks = True
        return get_response(request)  # type: ignore[no-any-return]

    return middleware


def set_user(configured: Configure, name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(users_snippet("When staff act as a customer"), namespace)
    configured({"USER": namespace[name]})


def act(visitor: Any, where: str) -> None:
    reply = visitor.request("GET" if "impersonate" in where else "POST", where, data={"user_pk": "1"})
    assert reply.status_code == 302, reply.text


@pytest.mark.parametrize("package", PACKAGES)
def test_staff_get_the_customers_token_unless_the_function_says_no(
    staff: Any, configured: Configure, package: str
) -> None:
    _, begin, end = PACKAGES[package]
    boss = user_in(staff.get().text)
    assert boss not in (None, ADA)
    act(staff, begin)
    assert user_in(staff.get().text) == user_in(staff.token().text) == ADA
    set_user(configured, "user")
    page = staff.get()
    assert page.headers["X-Widgetmw"] == "skipped; reason=anonymous"
    assert user_in(page.text) is None
    assert staff.token().status_code == 401
    act(staff, end)
    assert user_in(staff.get().text) == user_in(staff.token().text) == boss


def test_flask(settings: Settings) -> None:
    app = flask.Flask("shop")
    app.secret_key = "x"
    line = users_snippet("In other frameworks").replace("Widget(app,", "Widget(app, settings,")
    exec(line, {"Widget": Widget, "app": app, "settings": settings, "session": flask.session, "User": User})
    app.get("/")(lambda: HEAD)

    @app.get("/act")
    def act() -> str:
        flask.session.update(flask.request.args)
        return ""

    client = app.test_client()
    client.get("/act?id=ada")
    assert user_in(client.get("/").text) == user_in(client.get(ENDPOINT).text) == "ada"
    client.get("/act?acting_for=staff")
    assert client.get("/").text == HEAD
    assert client.get(ENDPOINT).status_code == 401


def test_fastapi(settings: Settings) -> None:
    app = fastapi.FastAPI()

    def current_user(request: fastapi.Request) -> User | None:
        session = request.session
        return None if "acting_for" in session else User(session["id"]) if "id" in session else None

    install(app, settings=settings, user=current_user)
    app.add_middleware(SessionMiddleware, secret_key="x")

    @app.get("/", response_class=fastapi.responses.HTMLResponse)
    def page() -> str:
        return HEAD

    @app.get("/act")
    def act(request: fastapi.Request) -> None:
        request.session.update(request.query_params)

    visitor = Visitor(app)
    visitor.get("/act?id=ada")
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"
    visitor.get("/act?acting_for=staff")
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401
