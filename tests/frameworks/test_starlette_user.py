"""Starlette: who is signed in, and when that is asked."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, SimpleUser
from starlette.exceptions import HTTPException
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.frameworks.starlette_app import PAGE, Passing, make, member
from tests.frameworks.visitor import ENDPOINT, Visitor, whose
from widgetmw import Settings, User, identify
from widgetmw.starlette import install


class Backend(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Any] | None:
        name = conn.headers.get("x-person")
        return (AuthCredentials(["authenticated"]), Person(name)) if name else None


class Person(SimpleUser):
    @property
    def identity(self) -> str:
        return f"id-of-{self.username}"


def test_scope_user_of_the_authentication_middleware_is_the_default(settings: Settings) -> None:
    app = make()
    install(app, settings=settings)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())
    visitor = Visitor(app)
    assert visitor.get().text == PAGE
    assert whose(visitor.get(X_Person="ada").text) == whose(visitor.token(X_Person="ada").text) == "id-of-ada"
    assert visitor.token().status_code == 401


def test_a_display_name_is_not_an_id(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    class Named(BaseUser):
        is_authenticated = True
        display_name = "Ada"  # and an identity that raises NotImplementedError

    class Names(Backend):
        async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Any] | None:
            return AuthCredentials(), Named()

    app = make()
    install(app, settings=settings)
    app.add_middleware(AuthenticationMiddleware, backend=Names())
    assert Visitor(app).get().text == PAGE
    assert "no usable identity" in caplog.text


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("status", [401, 403])
def test_the_resolver_may_be_sync_or_async_and_may_refuse(settings: Settings, asynchronous: bool, status: int) -> None:
    def user(request: HTTPConnection) -> User:
        assert type(request) is HTTPConnection
        if "x-person" not in request.headers:
            raise HTTPException(status)
        return User(request.headers["x-person"])

    async def async_user(request: HTTPConnection) -> User:
        await anyio.sleep(0)
        return user(request)

    app = make()
    install(app, settings=settings, user=async_user if asynchronous else user)
    visitor = Visitor(app)
    assert visitor.get().headers["x-widgetmw"] == "skipped; reason=anonymous"
    assert visitor.token().status_code == 401
    assert whose(visitor.get(X_Person="eve").text) == whose(visitor.token(X_Person="eve").text) == "eve"


def test_the_user_is_asked_for_once_and_only_for_pages(settings: Settings) -> None:
    asked = []

    def user(request: HTTPConnection) -> User:
        asked.append(request.url.path)
        return User("ada")

    async def data(request: Request) -> Response:
        return JSONResponse({})

    async def fragment(request: Request) -> Response:
        return HTMLResponse("<p>part")

    app = make(Route("/data", data), Route("/fragment", fragment))
    install(app, settings=settings, user=user)
    app.add_middleware(GZipMiddleware)
    for path in ("/", "/data", "/fragment", "/nowhere", ENDPOINT, "/_widgetmw/runtime.js"):
        Visitor(app).get(path)
    assert asked == ["/", ENDPOINT]


def test_who_signs_in_with_this_request_gets_a_token_with_its_page(settings: Settings) -> None:
    async def welcome(request: Request) -> Response:
        request.session["person"] = "ada"
        return HTMLResponse(PAGE)

    app = make(Route("/welcome", welcome))
    install(app, settings=settings, user=member)
    app.add_middleware(SessionMiddleware, secret_key="x")
    visitor = Visitor(app)
    assert whose(visitor.get("/welcome").text) == "ada"
    assert visitor.get("/out").text == PAGE


def test_the_user_is_found_while_what_middleware_opened_is_open(settings: Settings) -> None:
    current: ContextVar[str | None] = ContextVar("current", default=None)
    resource = {"open": False}

    class Opening(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            resource["open"] = True
            request.state.person = "ada"
            current.set("ada")
            try:
                return await call_next(request)  # type: ignore[no-any-return]
            finally:
                resource["open"] = False

    def user(request: HTTPConnection) -> User | None:
        assert resource["open"]
        assert current.get() == request.state.person
        return User(request.state.person)

    app = make()
    install(app, settings=settings, user=user)
    app.add_middleware(Opening)
    app.add_middleware(Passing)
    visitor = Visitor(app)
    assert whose(visitor.get().text) == whose(visitor.token().text) == "ada"


def test_what_identify_says_further_in_outranks_all(settings: Settings) -> None:
    async def other(request: Request) -> Response:
        identify(request.scope, User("eve") if "eve" in request.url.query else None)
        return HTMLResponse(PAGE)

    app = make(Route("/other", other))
    install(app, settings=settings, user=lambda request: User("ada"))
    visitor = Visitor(app)
    assert whose(visitor.get("/other?eve").text) == "eve"
    assert visitor.get("/other").text == PAGE
    assert whose(visitor.get().text) == "ada"


def test_several_apps_in_one_process_keep_apart(dg_env: dict[str, str]) -> None:
    visitors = {}
    for name in ("one", "two"):
        app = make()
        install(
            app, settings=Settings.from_env({**dg_env, "WIDGETMW_PATH": f"/{name}"}), user=lambda _, n=name: User(n)
        )
        visitors[name] = Visitor(app)
    for name, visitor in visitors.items():
        reply = visitor.get()
        assert whose(reply.text) == whose(visitor.get(f"/{name}/token").text) == name
        assert f'"/{name}/token"' in reply.text
        assert visitor.token().status_code == 404
