"""Mistakes of order, and of what is missing, are named at the first page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import aiohttp_session
import bottle
import flask
import pytest
import quart
from aiohttp.test_utils import make_mocked_request
from beaker.middleware import SessionMiddleware as BeakerMiddleware
from bottle import Bottle
from flask import Flask
from flask_login import LoginManager
from quart import Quart
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, UnauthenticatedUser
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in
from widgetmw import Settings, User, identify
from widgetmw.asgi import WidgetMiddleware
from widgetmw.flask import Widget
from widgetmw.quart import Widget as QuartWidget
from widgetmw.starlette import install
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware


def from_session(scope: Any) -> User | None:
    return User(scope["session"]["id"]) if "id" in scope["session"] else None


def from_session_or_none(scope: Any) -> User | None:
    id = scope.get("session", {}).get("id")
    return User(id) if id else None


async def from_session_later(scope: Any) -> User | None:
    return from_session_or_none(scope)


def from_session_or_later(scope: Any) -> Any:
    return from_session_or_none(scope) or from_session_later(scope)


def from_cookie(scope: Any) -> User | None:
    return User("ada") if any(name == b"cookie" for name, _ in scope["headers"]) else None


def sign_in(request: Request) -> HTMLResponse:
    request.session["id"] = "ada"
    return HTMLResponse(HEAD)


def site(settings: Settings, user: Callable[[Any], Any], is_outside: bool) -> Visitor:
    routes = [Route("/in", sign_in), Route("/", lambda request: HTMLResponse(HEAD))]
    app = Starlette(routes=routes)
    layers: list[Any] = [
        (SessionMiddleware, {"secret_key": "k"}),
        (WidgetMiddleware, {"settings": settings, "user": user}),
    ]
    for layer, options in layers if is_outside else layers[::-1]:
        app.add_middleware(layer, **options)
    return Visitor(app)


def order_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "endpoint_without_user" in each.getMessage()]


@pytest.mark.parametrize("user", [from_session, from_session_or_none, from_session_later, from_session_or_later])
def test_a_middleware_outside_of_the_session_is_named_at_the_first_page(
    settings: Settings, user: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    visitor = site(settings, user, is_outside=True)
    visitor.get("/in")
    for _ in range(3):
        assert user_in(visitor.get("/").text) == "ada"
    assert visitor.token().status_code in (401, 503)
    (line,) = order_warnings(caplog)
    assert line.startswith("widgetmw: page: endpoint_without_user: the user of a page depends on 'session'")
    assert "put WidgetMiddleware inside" in line


@pytest.mark.parametrize("user", [from_session, from_session_later])
def test_the_right_order_is_silent(
    settings: Settings, user: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    visitor = site(settings, user, is_outside=False)
    visitor.get("/in")
    assert user_in(visitor.get("/").text) == "ada"
    assert visitor.token().status_code == 200
    assert order_warnings(caplog) == []


class NameInState:
    """Sets ``state.user``, as many apps do."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        HTTPConnection(scope).state.user = "ada"
        await self.app(scope, receive, send)


def from_state(scope: Any) -> User | None:
    name = scope.get("state", {}).get("user")
    return User(name) if name else None


async def from_state_later(scope: Any) -> User | None:
    return from_state(scope)


@pytest.mark.parametrize("user", [from_state, from_state_later])
@pytest.mark.parametrize("is_outside", [False, True])
def test_a_middleware_outside_of_the_one_that_sets_the_users_state_is_named(
    settings: Settings, user: Callable[[Any], Any], is_outside: bool, caplog: pytest.LogCaptureFixture
) -> None:
    layers: list[Any] = [(NameInState, {}), (WidgetMiddleware, {"settings": settings, "user": user})]
    app = Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD))])
    for layer, options in layers if is_outside else layers[::-1]:
        app.add_middleware(layer, **options)
    visitor = Visitor(app)
    for _ in range(2):
        assert user_in(visitor.get("/").text) == "ada"
    assert visitor.token().status_code == (401 if is_outside else 200)
    assert ["'state.user'" in line for line in order_warnings(caplog)] == [True] * is_outside


def test_a_mounted_app_that_replaces_the_users_state_does_not_name_the_user(settings: Settings) -> None:
    async def page(request: Request) -> HTMLResponse:
        request.state.user = request.query_params.get("user")
        return HTMLResponse(HEAD)

    app = Starlette(routes=[Route("/", page)])
    app.add_middleware(WidgetMiddleware, settings=settings, user=from_state)
    app.add_middleware(NameInState)
    visitor = Visitor(app)
    assert user_in(visitor.get("/?user=5").text) == user_in(visitor.token().text) == "ada"
    assert visitor.get("/").text == HEAD, "emptied: that may be a sign-out"


def test_a_user_who_does_not_depend_on_the_session_is_silent(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = site(settings, from_cookie, is_outside=True)
    visitor.get("/in")
    assert user_in(visitor.get("/").text) == "ada"
    assert order_warnings(caplog) == []


async def page_of_a_middleware(request: Request, call_next: Any) -> Response:
    response = await call_next(request)
    return HTMLResponse(HEAD) if request.url.path == "/" else response


async def final_headers_of_a_middleware(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    response.headers["Cache-Control"] = "no-cache"  # as cashews' CacheRequestControlMiddleware does
    return response


@pytest.mark.parametrize("dispatch", [page_of_a_middleware, final_headers_of_a_middleware])
def test_a_page_that_a_middleware_makes_or_changes_is_no_mistake_of_order(
    settings: Settings, dispatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shared = {"Cache-Control": "public, max-age=60"}
    app = Starlette(routes=[Route("/in", sign_in), Route("/", lambda request: HTMLResponse(HEAD, headers=shared))])
    app.add_middleware(BaseHTTPMiddleware, dispatch=dispatch)
    app.add_middleware(SessionMiddleware, secret_key="k")
    install(app, settings=settings, user=from_session_or_none)
    visitor = Visitor(app)
    visitor.get("/in")
    assert user_in(visitor.get("/").text) == "ada"
    assert visitor.token().status_code == 200
    assert order_warnings(caplog) == []


class Basic(AuthenticationBackend):
    """Whoever sends a cookie is Ada."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        return (AuthCredentials(), Customer("ada")) if "cookie" in conn.headers else None


class Customer(SimpleUser):
    @property
    def identity(self) -> str:
        return self.username


def from_user(scope: Any) -> User | None:
    return User(scope["user"].identity) if scope["user"].is_authenticated else None


@pytest.mark.parametrize("is_installed", [True, False])
@pytest.mark.parametrize("is_in_state", [True, False])
def test_a_route_that_replaces_the_user_by_an_anonymous_one_signs_out(
    settings: Settings, is_installed: bool, is_in_state: bool
) -> None:
    def sign_out(request: Request) -> HTMLResponse:
        if is_in_state:
            request.state.user = UnauthenticatedUser()
        else:
            request.scope["user"] = UnauthenticatedUser()  # as logout_user of starlette-login does
        return HTMLResponse(HEAD)

    def from_connection(conn: HTTPConnection) -> User | None:
        account = conn.state.user if is_in_state else conn.user
        return User(account.identity) if account.is_authenticated else None

    app = Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD)), Route("/out", sign_out)])
    if is_installed:
        install(app, settings=settings, user=from_connection)
    else:
        app.add_middleware(
            WidgetMiddleware, settings=settings, user=lambda scope: from_connection(HTTPConnection(scope))
        )
    app.add_middleware(UserInState)
    app.add_middleware(AuthenticationMiddleware, backend=Basic())
    visitor = Visitor(app)
    visitor.cookies.set("session", "1")
    assert user_in(visitor.get("/").text) == "ada"
    assert visitor.get("/out").text == HEAD


class UserInState:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        HTTPConnection(scope).state.user = scope["user"]
        await self.app(scope, receive, send)


@pytest.mark.parametrize("is_mounted", [True, False])
def test_authentication_of_a_mounted_app_is_named(
    settings: Settings, is_mounted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD))])
    app = Starlette(routes=[Mount("/shop", shop)])
    install(app, settings=settings)
    (shop if is_mounted else app).add_middleware(AuthenticationMiddleware, backend=Basic())
    visitor = Visitor(app)
    visitor.get("/shop/")
    assert order_warnings(caplog) == []
    for _ in range(2):
        assert user_in(visitor.get("/shop/", cookie="a=1").text) == (None if is_mounted else "ada")
    lines = order_warnings(caplog)
    assert len(lines) == is_mounted
    assert all("a mounted app or a route" in line for line in lines)


class StaffHeader(AuthenticationBackend):
    """Whoever sends ``X-Staff`` is a member of the staff, with the id of a customer."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        return (AuthCredentials(), Customer("5")) if "x-staff" in conn.headers else None


@pytest.mark.parametrize("user", [None, from_user], ids=["convention", "resolver"])
def test_a_mounted_app_that_replaces_the_user_is_named_and_its_user_gets_no_token(
    settings: Settings, user: Any, caplog: pytest.LogCaptureFixture
) -> None:
    staff = Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD))])
    staff.add_middleware(AuthenticationMiddleware, backend=StaffHeader())
    app = Starlette(routes=[Mount("/staff", staff)])
    app.add_middleware(WidgetMiddleware, settings=settings, user=user)
    app.add_middleware(AuthenticationMiddleware, backend=Basic())
    visitor = Visitor(app)
    assert user_in(visitor.get("/staff/", X_Staff="1", Cookie="a=1").text) == "ada"
    assert order_warnings(caplog) == []
    for _ in range(2):
        assert visitor.get("/staff/", X_Staff="1").text == HEAD
    (line,) = order_warnings(caplog)
    assert "has set another user" in line


def test_a_part_of_a_wsgi_app_that_replaces_the_remote_user_gives_that_user_no_token(settings: Settings) -> None:
    def staff(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["REMOTE_USER"] = "5"
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [HEAD.encode()]

    app = DispatcherMiddleware(NotFound(), {"/staff": staff})
    client = Client(WsgiMiddleware(app, settings))  # type: ignore[arg-type]
    assert user_in(client.get("/staff", environ_overrides={"REMOTE_USER": "ada"}).text) == "ada"
    assert client.get("/staff", environ_overrides={"REMOTE_USER": ""}).text == HEAD


def test_a_mounted_apps_own_session_of_beaker_is_none_of_the_whole_app(settings: Settings) -> None:
    def part() -> Bottle:
        app = Bottle()

        @app.get("/in/<id>")  # type: ignore[untyped-decorator]
        def sign_in(id: str) -> str:
            bottle.request.environ["beaker.session"].update(id=id)
            bottle.request.environ["beaker.session"].save()
            return HEAD

        app.get("/", callback=lambda: HEAD)
        return app

    def user(environ: Any) -> User | None:
        id = environ["beaker.session"].get("id")
        return User(id) if id else None

    def sessions(app: Any, key: str) -> Any:
        return BeakerMiddleware(app, {"session.key": key, "session.type": "memory"})

    shop = part()
    shop.mount("/staff", sessions(part(), "staff"))
    client = Client(sessions(WsgiMiddleware(shop, settings, user=user), "shop"))
    assert client.get("/staff/in/5").text == client.get("/staff/").text == HEAD
    assert user_in(client.get("/in/ada").text) == "ada"
    assert user_in(client.get("/staff/").text) == user_in(client.get(ENDPOINT).text) == "ada"


def test_a_wsgi_middleware_outside_of_the_authentication_is_named(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["REMOTE_USER"] = "ada"
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [HEAD.encode()]

    started: list[Any] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
    body = b"".join(WsgiMiddleware(app, settings)(environ, lambda *values: started.append(values)))  # type: ignore[arg-type, return-value]
    assert user_in(body.decode()) == "ada"
    (line,) = order_warnings(caplog)
    assert "'REMOTE_USER'" in line


# a resolver that its middleware or plugin is missing for


async def read_aiohttp_session(scope: Any) -> User | None:
    await aiohttp_session.get_session(make_mocked_request("GET", "/"))
    return None


@pytest.mark.parametrize(
    ("resolver", "remedy"),
    [
        (lambda scope: User(scope["session"]["id"]), "the middleware that sets 'session' is missing"),
        (
            lambda scope: User(Request(scope).session["id"]),
            "the middleware whose data it reads is missing; add it further out",
        ),
        (lambda scope: User(flask.session["id"]), "use widgetmw.flask.Widget"),
        (lambda scope: User(quart.session["id"]), "use widgetmw.quart.Widget"),
        (read_aiohttp_session, "call aiohttp_session.setup"),
    ],
)
def test_a_resolver_without_its_middleware_or_plugin_is_named_with_the_remedy(
    settings: Settings, resolver: Any, remedy: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD))])
    visitor = Visitor(WidgetMiddleware(app, settings, user=resolver))
    assert visitor.get("/").text == HEAD
    assert visitor.token().status_code == 503
    assert [line.split(": ")[1] for line in caplog.messages] == ["page", "endpoint"]
    assert all(remedy in line for line in caplog.messages)


# nothing says who is signed in


@pytest.mark.parametrize("has_manager", [True, False])
def test_flask_warns_at_the_first_page_without_a_source_of_the_user(
    settings: Settings, has_manager: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask(__name__)
    app.secret_key = "s"
    app.add_url_rule("/", view_func=lambda: HEAD)
    Widget(app, settings)
    if has_manager:
        LoginManager(app).user_loader(lambda id: None)
    for _ in range(2):
        assert app.test_client().get("/").text == HEAD
    lines = [line for line in caplog.messages if "no_user_source" in line]
    assert len(lines) == (0 if has_manager else 1)
    assert all("pass user= to Widget" in line and "token requests" in line for line in lines)


def test_quart_warns_at_the_start_without_a_source_of_the_user(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = Quart(__name__)
    with caplog.at_level(logging.WARNING):
        QuartWidget(app, settings)
    (line,) = caplog.messages
    assert "pass user= to Widget" in line
    assert "token requests" in line
    assert Visitor(app).token().status_code == 401


class Nobody(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> tuple[AuthCredentials, UnauthenticatedUser]:
        return AuthCredentials(), UnauthenticatedUser()


@pytest.mark.parametrize("has_authentication", [True, False])
def test_starlette_warns_at_the_first_page_without_a_source_of_the_user(
    settings: Settings, has_authentication: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD))])
    install(app, settings=settings)
    app.add_middleware(SessionMiddleware, secret_key="k")
    if has_authentication:
        app.add_middleware(AuthenticationMiddleware, backend=Nobody())
    visitor = Visitor(app)
    for _ in range(2):
        assert visitor.get("/", Cookie="a=b").text == HEAD
    assert visitor.token(Cookie="a=b").status_code == 401
    lines = [line for line in caplog.messages if "no_user_source" in line]
    assert len(lines) == (0 if has_authentication else 1)
    assert all("pass user= to install" in line and "token requests" in line for line in lines)


def test_starlette_without_middleware_warns_once_at_the_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD))])
    install(app, settings=settings)
    visitor = Visitor(app)
    assert visitor.get("/", Cookie="a=b").text == HEAD
    assert visitor.token(Cookie="a=b").status_code == 401
    (line,) = caplog.messages
    assert "pass user= to install" in line
    assert "token requests" in line


@pytest.mark.parametrize("cookies", [{"Cookie": "a=b"}, {}])
def test_the_asgi_middleware_warns_at_the_first_page_with_a_cookie_and_without_a_source_of_the_user(
    settings: Settings, cookies: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(WidgetMiddleware(Starlette(routes=[Route("/", lambda request: HTMLResponse(HEAD))]), settings))
    for _ in range(2):
        assert visitor.get("/", **cookies).text == HEAD
    assert len(caplog.messages) == len(cookies)
    assert all("pass user=" in line and "token requests" in line for line in caplog.messages)


@pytest.mark.parametrize("has_cookie", [True, False])
def test_the_wsgi_middleware_warns_at_the_first_page_with_a_cookie_and_without_a_source_of_the_user(
    settings: Settings, has_cookie: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: HEAD)
    app.wsgi_app = WsgiMiddleware(app.wsgi_app, settings)  # type: ignore[method-assign, arg-type, assignment]
    client = app.test_client()
    if has_cookie:
        client.set_cookie("a", "b")
    for _ in range(2):
        assert client.get("/").text == HEAD
    assert len(caplog.messages) == has_cookie
    assert all("pass user=" in line and "token requests" in line for line in caplog.messages)


def test_an_app_that_names_an_anonymous_visitor_itself_is_silent(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def page(request: Request) -> HTMLResponse:
        identify(request.scope, None)
        return HTMLResponse(HEAD)

    visitor = Visitor(WidgetMiddleware(Starlette(routes=[Route("/", page)]), settings))
    assert visitor.get("/", Cookie="a=b").text == HEAD
    assert caplog.messages == []


def test_flask_names_a_wsgi_app_that_was_taken_before_the_widget_was_installed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: HEAD)
    taken = app.wsgi_app
    Widget(app, settings, user=lambda: User("ada"))
    assert user_in(app.test_client().get("/").text) == "ada"
    assert not any("not_wrapped" in line for line in caplog.messages)
    for _ in range(2):
        assert Client(taken).get("/").text == HEAD
    (line,) = [line for line in caplog.messages if "not_wrapped" in line]
    assert "hand over app.wsgi_app again" in line


def test_quart_names_an_asgi_app_that_was_taken_before_the_widget_was_installed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = Quart(__name__)
    app.add_url_rule("/", view_func=lambda: HEAD)
    taken = app.asgi_app
    QuartWidget(app, settings, user=lambda: User("ada"))
    assert user_in(Visitor(app).get("/").text) == "ada"
    assert not any("not_wrapped" in line for line in caplog.messages)
    for _ in range(2):
        assert Visitor(taken).get("/").text == HEAD
    (line,) = [line for line in caplog.messages if "not_wrapped" in line]
    assert "hand over app.asgi_app again" in line


def test_the_pages_of_a_plugin_count_as_looked_at(settings: Settings) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: HEAD)
    Widget(app, settings, user=lambda: User("ada"))
    for _ in range(10):
        assert user_in(app.test_client().get("/").text) == "ada"
    assert app.extensions["widgetmw"].engine.endpoint_check.remaining == 0


@pytest.mark.parametrize(
    ("cookie_path", "prefix", "is_reached"),
    [
        ("/", "", True),
        ("/shop", "/shop", True),
        ("/shop/", "/shop", True),
        ("/shop", "", False),
        ("/sho", "/shop", False),
    ],
)
@pytest.mark.parametrize("framework", ["flask", "quart"])
def test_a_session_whose_path_leaves_out_the_endpoint_is_named(
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    framework: str,
    cookie_path: str,
    prefix: str,
    is_reached: bool,
) -> None:
    kind, widget = {"flask": (Flask, Widget), "quart": (Quart, QuartWidget)}[framework]
    app: Any = kind(__name__)
    app.config["SESSION_COOKIE_PATH"] = cookie_path
    app.add_url_rule("/", view_func=lambda: HEAD)
    widget(app, settings, user=lambda: User("ada"))
    for cookie in ("other=1", "session=1", "session=2"):
        if framework == "flask":
            reply = Client(app, use_cookies=False).get(
                "/", headers={"Cookie": cookie}, environ_overrides={"SCRIPT_NAME": prefix}
            )
        else:
            reply = Visitor(app, root_path=prefix).get(f"{prefix}/", Cookie=cookie)
        assert user_in(reply.text) == "ada"
        lines = order_warnings(caplog)
        assert len(lines) == (0 if is_reached or cookie == "other=1" else 1)
    assert is_reached or f"only below {cookie_path!r}" in lines[0]


@pytest.mark.parametrize("framework", ["flask", "quart"])
def test_the_path_of_a_session_says_nothing_about_a_user_from_the_proxy(
    dg_env: dict[str, str], caplog: pytest.LogCaptureFixture, framework: str
) -> None:
    kind, widget = {"flask": (Flask, Widget), "quart": (Quart, QuartWidget)}[framework]
    proxy = {"WIDGETMW_PROXY": "authelia", "WIDGETMW_PROXY_ADDRESSES": "127.0.0.1"}
    app: Any = kind(__name__)
    app.config["SESSION_COOKIE_PATH"] = "/admin"
    app.add_url_rule("/admin", view_func=lambda: HEAD)
    widget(app, Settings.from_env({**dg_env, **proxy}))
    headers = {"Cookie": "session=1", "Remote-User": "ada"}
    if framework == "flask":
        address = {"REMOTE_ADDR": "127.0.0.1"}
        text = Client(app, use_cookies=False).get("/admin", headers=headers, environ_overrides=address).text
    else:
        text = Visitor(app).request("GET", "/admin", headers=headers).text
    assert user_in(text) == "ada"
    assert order_warnings(caplog) == []
