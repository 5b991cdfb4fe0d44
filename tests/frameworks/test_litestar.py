"""Litestar: client-side and server-side sessions, pages without a route, the endpoint."""

from __future__ import annotations

from inspect import signature
from typing import Any

import litestar
import pytest
from litestar import Litestar, MediaType, Request, Response, Router, asgi, get, websocket
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import ASGIRouteHandler
from litestar.middleware import (
    AbstractAuthenticationMiddleware,
    AuthenticationResult,
    DefineMiddleware,
    MiddlewareProtocol,
)
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.response import Redirect
from litestar.security.session_auth import SessionAuth
from litestar.stores.memory import MemoryStore
from litestar.testing import TestClient
from litestar.types import Receive, Scope, Send
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse

from tests.frameworks import starlette_app
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, assert_endpoint_headers, user_in
from widgetmw import Settings, User
from widgetmw.litestar import WidgetMiddleware

Connection = ASGIConnection[Any, Any, Any, Any]


def member(connection: Connection) -> User | None:
    user_id = connection.session.get("user_id")
    return User(user_id) if user_id else None


@get("/", media_type=MediaType.HTML)
async def page() -> str:
    return HEAD


@get("/in/{user_id:str}", media_type=MediaType.HTML)
async def sign_in(request: Request[Any, Any, Any]) -> str:
    request.session["user_id"] = request.path_params["user_id"]
    return HEAD


@get("/out", media_type=MediaType.HTML)
async def sign_out(request: Request[Any, Any, Any]) -> str:
    request.clear_session()
    return HEAD


def missing(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    return Response(HEAD, media_type=MediaType.HTML, status_code=404)


def make(*routes: Any, sessions: Any = None, **options: Any) -> Litestar:
    sessions = sessions or CookieBackendConfig(secret=b"x" * 16)
    defaults = {"exception_handlers": {404: missing}, "middleware": [sessions.middleware], **options}
    return Litestar([page, sign_in, sign_out, *routes], logging_config=None, **defaults)


@pytest.mark.parametrize("sessions", [None, ServerSideSessionConfig()], ids=["cookie", "server"])
def test_a_session_from_sign_in_to_sign_out(settings: Settings, sessions: Any) -> None:
    visitor = Visitor(WidgetMiddleware(make(sessions=sessions), settings, user=member))
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401
    assert user_in(visitor.get("/in/ada").text) == "ada", "the response that signs in"
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"
    assert user_in(visitor.get(f"{ENDPOINT}/digitalgenius").text) == "ada"
    assert_endpoint_headers(visitor.token())
    assert user_in(visitor.get("/in/eve").text) == "eve", "not the previous user"
    assert visitor.get("/out").headers["x-widgetmw"] == "skipped; reason=anonymous"
    assert visitor.token().status_code == 401


def test_a_page_that_signs_in_is_no_sign_of_a_wrong_place(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(WidgetMiddleware(make(), settings, user=member))
    assert user_in(visitor.get("/in/ada").text) == "ada"
    assert not caplog.records


def test_a_404_page_has_the_signed_in_user(settings: Settings) -> None:
    visitor = Visitor(WidgetMiddleware(make(), settings, user=member))
    assert visitor.get("/nowhere").headers["x-widgetmw"] == "skipped; reason=anonymous"
    visitor.get("/in/ada")
    reply = visitor.get("/nowhere")
    assert (reply.status_code, user_in(reply.text)) == (404, "ada")
    visitor.cookies.set("widgetmw", "1", domain="app.example")
    assert user_in(visitor.get("/nowhere").text) == "ada", "and not treated as signed out"


def test_a_404_page_under_a_root_path_has_the_signed_in_user(settings: Settings) -> None:
    visitor = Visitor(WidgetMiddleware(make(), settings, user=member), root_path="/shop")
    visitor.get("/shop/in/ada")
    assert user_in(visitor.get("/shop/nowhere").text) == "ada"


def test_a_token_request_does_not_extend_the_session(settings: Settings) -> None:
    store = MemoryStore()
    app = make(sessions=ServerSideSessionConfig(), stores={"sessions": store})
    visitor = Visitor(WidgetMiddleware(app, settings, user=member))
    visitor.get("/in/ada")
    before = dict(store._store)
    assert user_in(visitor.token().text) == "ada"
    assert dict(store._store) == before
    visitor.get()
    assert dict(store._store) != before, "otherwise the test would prove nothing"


@pytest.mark.parametrize("path", [ENDPOINT, "/nowhere", "/"])
def test_what_a_layer_opens_is_closed_by_the_hook_of_the_app(settings: Settings, path: str) -> None:
    """As advanced-alchemy closes the session in which litestar-users has looked up the user."""
    opened: list[str] = []
    closed: list[str] = []

    def open_session(app: Any) -> Any:
        async def middleware(scope: Scope, receive: Receive, send: Send) -> None:
            scope["session_of_database"] = scope["path"]  # type: ignore[typeddict-unknown-key]
            opened.append(scope["path"])
            await app(scope, receive, send)

        return middleware

    async def close_session(message: Any, scope: Any) -> None:
        session = scope.pop("session_of_database", None) if message["type"] == "http.response.start" else None
        closed.extend([session] if session else [])

    sessions = CookieBackendConfig(secret=b"x" * 16)
    app = make(middleware=[sessions.middleware, open_session], before_send=[close_session])
    visitor = Visitor(WidgetMiddleware(app, settings, user=member))
    visitor.get("/in/ada")
    assert user_in(visitor.get(path).text) == "ada"
    assert path in opened or ENDPOINT in opened
    assert opened == closed


def test_what_a_hook_opens_before_a_token_request_is_closed_after_it(settings: Settings) -> None:
    open_for: list[str] = []

    async def begin(request: Request[Any, Any, Any]) -> None:
        open_for.append(request.url.path)

    async def end(request: Request[Any, Any, Any]) -> None:
        open_for.remove(request.url.path)

    visitor = Visitor(WidgetMiddleware(make(before_request=begin, after_response=end), settings, user=member))
    visitor.get("/in/ada")
    assert user_in(visitor.token().text) == "ada"
    assert open_for == []


@pytest.mark.parametrize("hook", ["after_response", "before_send"])
def test_a_hook_that_fails_for_token_requests_does_not_withhold_the_token(
    settings: Settings, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def read_what_a_route_sets(*values: Any) -> None:
        scope = values[-1] if hook == "before_send" else values[-1].scope
        if scope["path"].startswith(ENDPOINT):
            scope["state"]["set_by_a_route"]

    hooks = [read_what_a_route_sets] if hook == "before_send" else read_what_a_route_sets
    visitor = Visitor(WidgetMiddleware(make(**{hook: hooks}), settings, user=member))
    visitor.get("/in/ada")
    assert user_in(visitor.token().text) == "ada"
    assert "endpoint: hook_failed: a hook failed: KeyError" in caplog.text


def test_a_hook_that_fails_for_token_requests_does_not_keep_the_others_from_closing(settings: Settings) -> None:
    closed: list[str] = []

    async def read_what_a_route_sets(message: Any, scope: Any) -> None:
        scope["state"]["set_by_a_route"]

    async def close(message: Any, scope: Any) -> None:
        closed.append(message["type"])

    async def close_after_response(request: Any) -> None:
        closed.append("after_response")

    app = make(before_send=[read_what_a_route_sets, close], after_response=close_after_response)
    Visitor(WidgetMiddleware(app, settings, user=member)).token()
    assert closed == ["http.response.start", "http.response.body", "after_response"]


@pytest.mark.parametrize("sessions", [CookieBackendConfig(secret=b"x" * 16), ServerSideSessionConfig()])
def test_a_page_that_clears_the_session_does_not_name_the_user_of_the_authentication(
    settings: Settings, sessions: Any
) -> None:
    def find_user(session: dict[str, str], connection: Connection) -> User | None:
        return User(session["user_id"]) if session else None

    auth = SessionAuth[Any, Any](retrieve_user_handler=find_user, session_backend_config=sessions, exclude="/in/")
    app = make(middleware=[], on_app_init=[auth.on_app_init])
    visitor = Visitor(WidgetMiddleware(app, settings, user=lambda connection: connection.user))
    visitor.get("/in/ada")
    assert user_in(visitor.get().text) == "ada"
    assert visitor.get("/out").headers["x-widgetmw"] == "skipped; reason=anonymous"
    assert visitor.token().status_code == 401


class Auth(AbstractAuthenticationMiddleware):
    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        name = connection.headers.get("x-user")
        if not name:
            raise NotAuthorizedException
        return AuthenticationResult(user=name, auth=None)


def test_the_resolver_sees_the_user_of_an_authentication_middleware(settings: Settings) -> None:
    app = make(middleware=[DefineMiddleware(Auth)])
    visitor = Visitor(WidgetMiddleware(app, settings, user=lambda connection: User(connection.user)))
    assert user_in(visitor.get(X_User="ada").text) == user_in(visitor.token(X_User="ada").text) == "ada"
    reply = visitor.token()
    assert reply.status_code == 401
    assert_endpoint_headers(reply)


class StaffAuth(AbstractAuthenticationMiddleware):
    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        return AuthenticationResult(user=connection.headers.get("x-staff"), auth=None)


@get("/door", media_type=MediaType.HTML, middleware=[DefineMiddleware(StaffAuth)])
async def door() -> str:
    return HEAD


STAFF = [Router("/staff", route_handlers=[page], middleware=[DefineMiddleware(StaffAuth)]), door]


def by_user(connection: Connection) -> User | None:
    return User(connection.user) if connection.user else None


def test_a_user_of_a_routers_own_authentication_is_none_of_the_whole_app(settings: Settings) -> None:
    visitor = Visitor(WidgetMiddleware(make(*STAFF, middleware=[DefineMiddleware(Auth)]), settings, user=by_user))
    for path in ("/staff", "/door"):
        assert user_in(visitor.get(path, X_User="ada", X_Staff="5").text) == "ada"


def test_a_page_of_a_routers_own_user_has_no_token(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(WidgetMiddleware(make(*STAFF, middleware=[]), settings, user=by_user))
    assert visitor.get("/staff", X_Staff="5").text == visitor.get("/door", X_Staff="5").text == HEAD
    assert "'user' is not defined in scope" in caplog.text


def test_a_user_of_a_mounted_app_is_none_of_the_whole_app(settings: Settings) -> None:
    async def staff_app(scope: Any, receive: Any, send: Any) -> None:
        scope["user"] = "5"
        await HTMLResponse(HEAD)(scope, receive, send)

    mount = asgi("/staff", is_mount=True, copy_scope=False)(staff_app)
    app = make(mount, middleware=[DefineMiddleware(Auth, exclude="^/staff")])
    visitor = Visitor(WidgetMiddleware(app, settings, user=by_user))
    assert visitor.get("/staff").text == HEAD
    assert user_in(visitor.get("/staff", X_User="ada").text) == "ada"


def test_routers_with_sessions_of_their_own_share_no_token(settings: Settings) -> None:
    sessions = ServerSideSessionConfig(key="staff")
    staff = Router("/staff", route_handlers=[page, sign_in], middleware=[sessions.middleware])
    visitor = Visitor(WidgetMiddleware(make(staff, middleware=[]), settings, user=member))
    assert visitor.get("/staff/in/5").text == visitor.get("/staff").text == HEAD


def test_a_route_whose_own_middleware_does_not_authenticate_asks_no_layer_twice(settings: Settings) -> None:
    limited = Router("/limited", route_handlers=[page], middleware=[RateLimitConfig(("second", 9)).middleware])
    requests: list[str] = []

    class Count(MiddlewareProtocol):
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            requests.append(scope["path"])
            await self.app(scope, receive, send)

    visitor = Visitor(WidgetMiddleware(make(limited, middleware=[Count]), settings, user=lambda _: User("ada")))
    assert user_in(visitor.get("/limited").text) == "ada"
    requests.clear()
    assert user_in(visitor.get("/limited").text) == "ada"
    assert requests == ["/limited"]


def test_headers_from_before_send_hooks_count(settings: Settings) -> None:
    async def share(message: Any, scope: Any) -> None:
        if message["type"] == "http.response.start":
            MutableScopeHeaders.from_message(message)["Cache-Control"] = "public, max-age=60"

    app = WidgetMiddleware(make(before_send=[share]), settings, user=lambda connection: User("ada"))
    reply = Visitor(app).get()
    assert (reply.text, reply.headers["x-widgetmw"]) == (HEAD, "skipped; reason=shared_cache")
    assert_endpoint_headers(Visitor(app).token())


def test_without_sessions_the_log_names_the_fix(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    visitor = Visitor(WidgetMiddleware(make(middleware=[]), settings, user=member))
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 503
    assert "install a SessionMiddleware" in caplog.text


class Terms(MiddlewareProtocol):
    """Stops signed-in visitors on their way to the endpoint."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == ENDPOINT and scope.get("session"):
            await Redirect("/terms").to_asgi_response(app=None, request=Request(scope))(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def test_a_middleware_that_stops_a_signed_in_user_does_not_sign_them_out(settings: Settings) -> None:
    sessions = CookieBackendConfig(secret=b"x" * 16)
    app = make(middleware=[sessions.middleware, DefineMiddleware(Terms)])
    visitor = Visitor(WidgetMiddleware(app, settings, user=member))
    visitor.get("/in/ada")
    reply = visitor.token()
    assert reply.status_code == 503
    assert_endpoint_headers(reply)
    visitor.get("/out")
    assert visitor.token().status_code == 401


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_redirect_outside_of_the_session_is_no_sign_out(settings: Settings, signed_in: bool) -> None:
    app = make()
    inner = app.asgi_handler

    async def canonical_host(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != ENDPOINT:
            await inner(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 302, "headers": [(b"location", b"https://www.example/")]})
        await send({"type": "http.response.body"})

    visitor = Visitor(WidgetMiddleware(app, settings, user=member))
    app.asgi_handler = canonical_host
    if signed_in:
        visitor.get("/in/ada")
    assert visitor.token().status_code == 503


def test_the_endpoint_is_outside_the_schema_and_its_route_is_a_404_without_the_middleware(settings: Settings) -> None:
    app = make()
    WidgetMiddleware(app, settings, user=lambda connection: User("ada"))
    assert set(app.openapi_schema.paths or {}) == {"/", "/in/{user_id}", "/out"}
    assert Visitor(app).token().text == HEAD, "the app's own 404, without the middleware"


def test_the_resolver_may_be_async(settings: Settings) -> None:
    async def user(connection: Connection) -> User:
        return User("ada")

    visitor = Visitor(WidgetMiddleware(make(), settings, user=user))
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"


def test_websockets_and_lifespan_pass_through(settings: Settings) -> None:
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


def test_mistakes_in_the_installation_are_rejected_at_startup(settings: Settings) -> None:
    with pytest.raises(TypeError, match="takes a Litestar app"):
        WidgetMiddleware(lambda *_: None, settings, user=member)  # type: ignore[arg-type]
    for user in ("ada", lambda: None):
        with pytest.raises(TypeError, match="ASGIConnection"):
            WidgetMiddleware(make(), settings, user=user)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="pass user="):
        WidgetMiddleware(make(), settings)


PROXY = {"WIDGETMW_PROXY": "authelia", "WIDGETMW_PROXY_ADDRESSES": "127.0.0.1"}


def test_no_resolver_is_needed_behind_an_authenticating_proxy(dg_env: dict[str, str]) -> None:
    visitor = Visitor(WidgetMiddleware(make(), Settings.from_env({**dg_env, **PROXY})))
    assert user_in(visitor.get(Remote_User="ada").text) == user_in(visitor.token(Remote_User="ada").text) == "ada"
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401


@pytest.mark.skipif(
    "copy_scope" not in signature(ASGIRouteHandler.__init__).parameters,
    reason="this Litestar fails where a mounted app has a session of its own, with or without widgetmw",
)
def test_the_session_of_a_mounted_app_names_no_user(settings: Settings) -> None:
    colleague_app = starlette_app.make(
        middleware=[Middleware(SessionMiddleware, secret_key="y", session_cookie="admin")]
    )

    @asgi("/admin", is_mount=True, copy_scope=False)
    async def admin(scope: Scope, receive: Receive, send: Send) -> None:
        await colleague_app(scope, receive, send)  # type: ignore[arg-type]

    visitor = Visitor(WidgetMiddleware(make(admin), settings, user=member))
    colleague = Visitor(colleague_app)
    colleague.get("/in/boss")
    visitor.cookies.set("admin", colleague.cookies["admin"])
    visitor.get("/in/ada")
    # the token first: Litestar puts the session of the mounted app into its own cookie, too
    assert (user_in(visitor.token().text), user_in(visitor.get("/admin/").text)) == ("ada", "ada")
    visitor.cookies.delete("session")
    assert (visitor.token().status_code, visitor.get("/admin/").text) == (401, starlette_app.PAGE)


@pytest.mark.skipif("path" not in signature(Litestar).parameters, reason="this Litestar has no path for all routes")
@pytest.mark.parametrize("root_path", ["", "/behind"])
def test_an_app_with_a_path_of_its_own_finds_the_user_at_the_endpoint(settings: Settings, root_path: str) -> None:
    app = WidgetMiddleware(make(path="/shop"), settings, user=member)
    visitor = Visitor(app, root_path=root_path)
    assert visitor.token().status_code == 401
    visitor.get("/shop/in/ada")
    assert user_in(visitor.get("/shop/").text) == user_in(visitor.token().text) == "ada"
    assert visitor.get("/shop/missing").status_code == 404


def named(connection: Connection) -> User | None:
    user_id = connection.state.get("user_id")
    return User(user_id) if user_id else None


async def name_user(request: Request[Any, Any, Any]) -> None:
    if "refuse" in request.cookies:
        raise NotAuthorizedException
    request.state["user_id"] = request.cookies.get("user_id")


def test_the_endpoint_finds_the_user_whom_a_hook_of_the_app_sets(settings: Settings) -> None:
    visitor = Visitor(WidgetMiddleware(make(before_request=name_user), settings, user=named))
    assert (visitor.get().text, visitor.token().status_code) == (HEAD, 401)
    visitor.cookies.set("user_id", "ada")
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"
    visitor.cookies.set("refuse", "1")
    assert visitor.token().status_code == 401


async def read_body(request: Request[Any, Any, Any]) -> None:
    request.state["user_id"] = "ada" if await request.body() == b"" else "eve"


class BodyReader(MiddlewareProtocol):
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(Request(scope, receive))
        await self.app(scope, receive, send)


@pytest.mark.parametrize("options", [{"before_request": read_body}, {"middleware": [BodyReader]}])
def test_a_hook_or_a_middleware_of_the_app_may_read_the_body_of_a_token_request(
    settings: Settings, options: dict[str, Any]
) -> None:
    visitor = Visitor(WidgetMiddleware(make(**options), settings, user=named))
    assert user_in(visitor.token().text) == user_in(visitor.request("POST", ENDPOINT, content=b"x").text) == "ada"


def test_a_user_whom_only_a_hook_of_a_router_sets_gets_no_token(settings: Settings) -> None:
    router = Router("/staff", route_handlers=[page], before_request=name_user)
    visitor = Visitor(WidgetMiddleware(make(router), settings, user=named))
    visitor.cookies.set("user_id", "ada")
    assert (visitor.get("/staff").text, visitor.token().status_code) == (HEAD, 401)
