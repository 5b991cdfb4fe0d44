"""Litestar: sessions of both kinds, pages without a route, the endpoint."""

from __future__ import annotations

from typing import Any

import litestar
import pytest
from litestar import Litestar, MediaType, Request, Response, get, websocket
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult, DefineMiddleware
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.stores.memory import MemoryStore
from litestar.testing import TestClient

from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, exact, whose
from widgetmw import Settings, User
from widgetmw.litestar import WidgetMiddleware

Connection = ASGIConnection[Any, Any, Any, Any]


def member(connection: Connection) -> User | None:
    person = connection.session.get("person")
    return User(person) if person else None


@get("/", media_type=MediaType.HTML)
async def page() -> str:
    return HEAD


@get("/in/{person:str}", media_type=MediaType.HTML)
async def sign_in(request: Request[Any, Any, Any]) -> str:
    request.session["person"] = request.path_params["person"]
    return HEAD


@get("/out", media_type=MediaType.HTML)
async def sign_out(request: Request[Any, Any, Any]) -> str:
    request.clear_session()
    return HEAD


def missing(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    return Response(HEAD, media_type=MediaType.HTML, status_code=404)


def make(*routes: Any, sessions: Any = None, **options: Any) -> Litestar:
    sessions = sessions or CookieBackendConfig(secret=b"x" * 16)
    given = {"exception_handlers": {404: missing}, "middleware": [sessions.middleware], **options}
    return Litestar([page, sign_in, sign_out, *routes], logging_config=None, **given)


@pytest.mark.parametrize("sessions", [None, ServerSideSessionConfig()], ids=["cookie", "server"])
def test_a_session_from_sign_in_to_sign_out(settings: Settings, sessions: Any) -> None:
    visitor = Visitor(WidgetMiddleware(make(sessions=sessions), settings, user=member))
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401
    assert whose(visitor.get("/in/ada").text) == "ada", "the page of the sign-in itself"
    assert whose(visitor.get().text) == whose(visitor.token().text) == "ada"
    assert whose(visitor.get(f"{ENDPOINT}/digitalgenius").text) == "ada"
    exact(visitor.token())
    assert whose(visitor.get("/in/eve").text) == "eve", "never of who was signed in before"
    assert visitor.get("/out").headers["x-widgetmw"] == "skipped; reason=anonymous"
    assert visitor.token().status_code == 401


def test_a_page_without_a_route_knows_who_is_signed_in(settings: Settings) -> None:
    visitor = Visitor(WidgetMiddleware(make(), settings, user=member))
    assert visitor.get("/nowhere").headers["x-widgetmw"] == "skipped; reason=anonymous"
    visitor.get("/in/ada")
    reply = visitor.get("/nowhere")
    assert (reply.status_code, whose(reply.text)) == (404, "ada")
    visitor.cookies.set("widgetmw", "1", domain="app.example")
    assert whose(visitor.get("/nowhere").text) == "ada", "and is not taken for signed out"


def test_a_page_without_a_route_under_a_mount(settings: Settings) -> None:
    visitor = Visitor(WidgetMiddleware(make(), settings, user=member), root_path="/shop")
    visitor.get("/shop/in/ada")
    assert whose(visitor.get("/shop/nowhere").text) == "ada"


def test_asking_for_a_token_does_not_prolong_the_session(settings: Settings) -> None:
    store = MemoryStore()
    app = make(sessions=ServerSideSessionConfig(), stores={"sessions": store})
    visitor = Visitor(WidgetMiddleware(app, settings, user=member))
    visitor.get("/in/ada")
    kept = dict(store._store)
    assert whose(visitor.token().text) == "ada"
    assert dict(store._store) == kept
    visitor.get()
    assert dict(store._store) != kept, "the test would prove nothing"


class Auth(AbstractAuthenticationMiddleware):
    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        name = connection.headers.get("x-person")
        if not name:
            raise NotAuthorizedException
        return AuthenticationResult(user=name, auth=None)


def test_the_user_of_an_authentication_middleware(settings: Settings) -> None:
    app = make(middleware=[DefineMiddleware(Auth)])
    visitor = Visitor(WidgetMiddleware(app, settings, user=lambda connection: User(connection.user)))
    assert whose(visitor.get(X_Person="ada").text) == whose(visitor.token(X_Person="ada").text) == "ada"
    reply = visitor.token()
    assert reply.status_code == 401
    exact(reply)


def test_what_hooks_add_last_is_seen(settings: Settings) -> None:
    async def share(message: Any, scope: Any) -> None:
        if message["type"] == "http.response.start":
            MutableScopeHeaders.from_message(message)["Cache-Control"] = "public, max-age=60"

    app = WidgetMiddleware(make(before_send=[share]), settings, user=lambda connection: User("ada"))
    reply = Visitor(app).get()
    assert (reply.text, reply.headers["x-widgetmw"]) == (HEAD, "skipped; reason=shared_cache")
    exact(Visitor(app).token())


def test_without_sessions_the_log_names_the_fix(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(WidgetMiddleware(make(middleware=[]), settings, user=member))
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 503
    assert "install a SessionMiddleware" in caplog.text


def test_the_endpoint_is_in_no_schema_and_its_route_tells_nobody_anything(settings: Settings) -> None:
    app = make()
    WidgetMiddleware(app, settings, user=lambda connection: User("ada"))
    assert set(app.openapi_schema.paths or {}) == {"/", "/in/{person}", "/out"}
    assert Visitor(app).token().text == HEAD, "the app's own 404, asked without the middleware"


def test_an_async_resolver(settings: Settings) -> None:
    async def user(connection: Connection) -> User:
        return User("ada")

    visitor = Visitor(WidgetMiddleware(make(), settings, user=user))
    assert whose(visitor.get().text) == whose(visitor.token().text) == "ada"


def test_websockets_and_lifespan_pass(settings: Settings) -> None:
    ran = []

    @websocket("/socket")
    async def socket(socket: litestar.WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        await socket.send_text("hello")

    app: Any = make(socket, on_startup=[lambda: ran.append("start")], on_shutdown=[lambda: ran.append("stop")])
    wrapped: Any = WidgetMiddleware(app, settings, user=member)
    with TestClient(wrapped) as client, client.websocket_connect("/socket") as connected:
        assert connected.receive_text() == "hello"
    assert ran == ["start", "stop"]


def test_what_is_wrong_is_said_at_start(settings: Settings) -> None:
    with pytest.raises(TypeError, match="takes a Litestar app"):
        WidgetMiddleware(lambda *_: None, settings, user=member)  # type: ignore[arg-type]
    for user in ("ada", lambda: None):
        with pytest.raises(TypeError, match="ASGIConnection"):
            WidgetMiddleware(make(), settings, user=user)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="give user="):
        WidgetMiddleware(make(), settings)


PROXY = {"WIDGETMW_PROXY": "authelia", "WIDGETMW_PROXY_ADDRESSES": "127.0.0.1"}


def test_a_proxy_in_front_takes_no_resolver(dg_env: dict[str, str]) -> None:
    visitor = Visitor(WidgetMiddleware(make(), Settings.from_env({**dg_env, **PROXY})))
    assert whose(visitor.get(Remote_User="ada").text) == whose(visitor.token(Remote_User="ada").text) == "ada"
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401
