"""Starlette: the signed-in user, and when it is resolved."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    BaseUser,
    SimpleUser,
    UnauthenticatedUser,
)
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Host, Mount, Route
from starsessions import InMemoryStore, get_session_metadata, load_session
from starsessions import SessionMiddleware as LazySessions

from tests.frameworks.starlette_app import PAGE, PassThrough, make, member, page
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, user_in
from widgetmw import Settings, User, identify
from widgetmw.asgi import WidgetMiddleware
from widgetmw.starlette import install


class Backend(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Any] | None:
        name = conn.headers.get("x-user")
        return (AuthCredentials(["authenticated"]), NamedUser(name)) if name else None


class NamedUser(SimpleUser):
    @property
    def identity(self) -> str:
        return f"id-of-{self.username}"


def test_the_user_of_the_authentication_middleware_is_the_default(settings: Settings) -> None:
    app = make()
    install(app, settings=settings)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())
    visitor = Visitor(app)
    assert visitor.get().text == PAGE
    assert user_in(visitor.get(X_User="ada").text) == user_in(visitor.token(X_User="ada").text) == "id-of-ada"
    assert visitor.token().status_code == 401


def test_a_backend_that_refuses_visitors_has_to_say_401_for_a_sign_out_to_be_noticed(settings: Settings) -> None:
    class Strict(Backend):
        async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Any] | None:
            if found := await super().authenticate(conn):
                return found
            raise AuthenticationError("no session")

    def unauthorized(conn: HTTPConnection, error: Exception) -> Response:
        return PlainTextResponse(str(error), status_code=401)

    for on_error, status in ((None, 503), (unauthorized, 401)):
        app = make()
        install(app, settings=settings)
        app.add_middleware(AuthenticationMiddleware, backend=Strict(), on_error=on_error)
        visitor = Visitor(app)
        assert user_in(visitor.token(X_User="ada").text) == "id-of-ada"
        assert visitor.token().status_code == status


@pytest.mark.parametrize(("name", "expected"), [("bob", "id-of-bob"), ("", None)])
def test_a_route_names_who_it_has_signed_in_or_out(settings: Settings, name: str, expected: str | None) -> None:
    def change(request: Request) -> Response:
        identify(request.scope, User(f"id-of-{name}") if name else None)
        return HTMLResponse(PAGE)

    app = make(Route("/change", change))
    install(app, settings=settings)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())
    assert user_in(Visitor(app).get("/change", X_User="ada").text) == expected


class StaffBackend(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Any] | None:
        return (AuthCredentials(), NamedUser("1")) if "x-staff" in conn.headers else None


STAFF_ONLY = [Middleware(AuthenticationMiddleware, backend=StaffBackend())]


def known_user(request: Any) -> User | None:
    return User(request.user.identity) if request.user.is_authenticated else None


@pytest.mark.parametrize("user", [None, known_user])
@pytest.mark.parametrize(
    "mount",
    [
        Mount("/staff", Starlette(routes=[Route("/", page)], middleware=STAFF_ONLY)),
        Mount("/staff", routes=[Route("/", page)], middleware=STAFF_ONLY),
    ],
    ids=["app", "routes"],
)
def test_a_user_of_a_mounted_apps_own_authentication_is_none_of_the_whole_app(
    settings: Settings, mount: Mount, user: Any
) -> None:
    app = make(mount)
    install(app, settings=settings, user=user)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())
    visitor = Visitor(app)
    assert user_in(visitor.get("/staff/", X_User="ada", X_Staff="1").text) == "id-of-ada"
    assert visitor.get("/staff/", X_User="ada").text == PAGE, "nobody: that may be a sign-out"


async def make_private(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    response.headers["Cache-Control"] = "no-cache"
    return response


@pytest.mark.parametrize("user", [None, lambda request: User(request.user.identity)])
def test_a_mounted_app_keeps_its_user_from_a_page_that_only_a_middleware_makes_private(
    settings: Settings, user: Any
) -> None:
    def shared(request: Request) -> Response:
        return HTMLResponse(PAGE, headers={"Cache-Control": "public"})

    app = make(Mount("/staff", routes=[Route("/", shared)], middleware=STAFF_ONLY))
    install(app, settings=settings, user=user)
    app.add_middleware(BaseHTTPMiddleware, dispatch=make_private)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())
    assert user_in(Visitor(app).get("/staff/", X_User="ada", X_Staff="1").text) == "id-of-ada"


def test_a_page_of_a_mounted_apps_own_user_has_no_token(settings: Settings) -> None:
    app = make(Mount("/staff", Starlette(routes=[Route("/", page)], middleware=STAFF_ONLY)))
    install(app, settings=settings)
    app.add_middleware(AuthenticationMiddleware, backend=Backend())
    assert Visitor(app).get("/staff/", X_Staff="1").text == PAGE
    assert Visitor(app).token(X_Staff="1").status_code == 401


def test_mounted_apps_with_sessions_of_their_own_share_no_token(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def sign_in(request: Request) -> Response:
        request.session["user_id"] = "5"
        return HTMLResponse(PAGE)

    def part(name: str) -> Mount:
        sessions = Middleware(SessionMiddleware, secret_key="k", session_cookie=name)
        return Mount(f"/{name}", Starlette(routes=[Route("/in", sign_in), Route("/", page)], middleware=[sessions]))

    app = Starlette(routes=[part("shop"), part("staff")])
    install(app, settings=settings, user=member)
    visitor = Visitor(app)
    for name in ("shop", "staff"):
        assert visitor.get(f"/{name}/in").text == visitor.get(f"/{name}/").text == PAGE
    assert "SessionMiddleware must be installed" in caplog.text


class UserMiddleware:
    """Sets ``scope["user"]`` and nothing else, as many apps' own middleware does."""

    def __init__(self, app: Any, header: bytes) -> None:
        self.app, self.header = app, header

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = dict(scope["headers"]).get(self.header)
        scope["user"] = NamedUser(name.decode()) if name else UnauthenticatedUser()
        await self.app(scope, receive, send)


def test_a_user_of_an_app_below_another_host_is_none_of_the_whole_app(settings: Settings) -> None:
    staff = Starlette(routes=[Route("/", page)], middleware=[Middleware(UserMiddleware, header=b"x-staff")])
    app = make(Host("staff.example", staff))
    install(app, settings=settings)
    app.add_middleware(UserMiddleware, header=b"x-user")
    visitor = Visitor(app)
    assert visitor.get(Host="staff.example", X_Staff="1").text == PAGE
    assert user_in(visitor.get(Host="staff.example", X_User="ada", X_Staff="1").text) == "id-of-ada"


def test_a_display_name_is_not_an_id(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    class DisplayNameOnly(BaseUser):
        is_authenticated = True
        display_name = "Ada"  # its identity raises NotImplementedError

    class DisplayNameBackend(Backend):
        async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Any] | None:
            return AuthCredentials(), DisplayNameOnly()

    app = make()
    install(app, settings=settings)
    app.add_middleware(AuthenticationMiddleware, backend=DisplayNameBackend())
    assert Visitor(app).get().text == PAGE
    assert "no usable identity" in caplog.text


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("status", [401, 403])
def test_the_resolver_may_be_sync_or_async_and_may_refuse(settings: Settings, asynchronous: bool, status: int) -> None:
    def user(request: HTTPConnection) -> User:
        assert type(request) is HTTPConnection
        if "x-user" not in request.headers:
            raise HTTPException(status)
        return User(request.headers["x-user"])

    async def async_user(request: HTTPConnection) -> User:
        await anyio.sleep(0)
        return user(request)

    app = make()
    install(app, settings=settings, user=async_user if asynchronous else user)
    visitor = Visitor(app)
    assert visitor.get().headers["x-widgetmw"] == "skipped; reason=anonymous"
    assert visitor.token().status_code == 401
    assert user_in(visitor.get(X_User="eve").text) == user_in(visitor.token(X_User="eve").text) == "eve"


def test_the_user_is_resolved_once_and_only_for_pages(settings: Settings) -> None:
    resolved_paths = []

    def user(request: HTTPConnection) -> User:
        resolved_paths.append(request.url.path)
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
    assert resolved_paths == ["/", ENDPOINT]


def test_a_request_that_signs_in_gets_a_token_in_its_page(settings: Settings) -> None:
    async def welcome(request: Request) -> Response:
        request.session["user_id"] = "ada"
        return HTMLResponse(PAGE)

    app = make(Route("/welcome", welcome))
    install(app, settings=settings, user=member)
    app.add_middleware(SessionMiddleware, secret_key="x")
    visitor = Visitor(app)
    assert user_in(visitor.get("/welcome").text) == "ada"
    assert visitor.get("/out").text == PAGE


def test_the_resolver_runs_while_middleware_resources_are_open(settings: Settings) -> None:
    current: ContextVar[str | None] = ContextVar("current", default=None)
    resource = {"open": False}

    class Opening(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            resource["open"] = True
            request.state.user_id = "ada"
            current.set("ada")
            try:
                return await call_next(request)  # type: ignore[no-any-return]
            finally:
                resource["open"] = False

    def user(request: HTTPConnection) -> User | None:
        assert resource["open"]
        assert current.get() == request.state.user_id
        return User(request.state.user_id)

    app = make()
    install(app, settings=settings, user=user)
    app.add_middleware(Opening)
    app.add_middleware(PassThrough)
    visitor = Visitor(app)
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"


def test_a_middleware_closes_what_the_resolver_has_opened_after_a_route_has_used_the_state(settings: Settings) -> None:
    """As advanced-alchemy closes the session that a dependency has put into the state."""
    is_open: list[bool] = []

    class Closing(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            if hasattr(request.state, "database"):
                is_open.remove(request.state.database)
            return response

    async def page(request: Request) -> HTMLResponse:
        request.state.language = "en"
        return HTMLResponse(PAGE)

    def user(connection: HTTPConnection) -> User:
        is_open.append(True)
        connection.state.database = True
        return User("ada")

    app = make(Route("/page", page))
    install(app, settings=settings, user=user)
    app.widgetmw.outer.engine.endpoint_check.remaining = 0  # type: ignore[attr-defined]  # it would ask once more
    app.add_middleware(Closing)
    assert user_in(Visitor(app).get("/page").text) == "ada"
    assert not is_open


def test_identify_in_a_route_overrides_the_resolver(settings: Settings) -> None:
    async def other(request: Request) -> Response:
        identify(request.scope, User("eve") if "eve" in request.url.query else None)
        return HTMLResponse(PAGE)

    app = make(Route("/other", other))
    install(app, settings=settings, user=lambda request: User("ada"))
    visitor = Visitor(app)
    assert user_in(visitor.get("/other?eve").text) == "eve"
    assert visitor.get("/other").text == PAGE
    assert user_in(visitor.get().text) == "ada"


def test_several_apps_in_one_process_are_independent(dg_env: dict[str, str]) -> None:
    visitors = {}
    for name in ("one", "two"):
        app = make()
        install(
            app, settings=Settings.from_env({**dg_env, "WIDGETMW_PATH": f"/{name}"}), user=lambda _, n=name: User(n)
        )
        visitors[name] = Visitor(app)
    for name, visitor in visitors.items():
        reply = visitor.get()
        assert user_in(reply.text) == user_in(visitor.get(f"/{name}/token").text) == name
        assert f'"/{name}/token"' in reply.text
        assert visitor.token().status_code == 404


class NameFromCookie:
    """Sets ``state.user``, as many apps do."""

    def __init__(self, app: Any, cookie: str) -> None:
        self.app, self.cookie = app, cookie

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        connection = HTTPConnection(scope)
        connection.state.user = connection.cookies.get(self.cookie)
        await self.app(scope, receive, send)


def in_state(connection: HTTPConnection) -> User | None:
    name = getattr(connection.state, "user", None)
    return User(name) if name else None


async def in_state_later(connection: HTTPConnection) -> User | None:
    return in_state(connection)


@pytest.mark.parametrize("resolver", [in_state, in_state_later])
def test_a_mounted_app_that_sets_the_same_value_of_the_state_does_not_name_the_user(
    settings: Settings, resolver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def page(request: Request) -> HTMLResponse:
        if "sign-out" in request.query_params:
            request.state.user = None
        return HTMLResponse(HEAD)

    staff = Starlette(routes=[Route("/", page)], middleware=[Middleware(NameFromCookie, cookie="staff")])
    shop = Starlette(routes=[Route("/", page), Mount("/staff", staff)])
    install(shop, settings=settings, user=resolver)
    shop.add_middleware(NameFromCookie, cookie="customer")
    visitor = Visitor(shop)
    visitor.cookies.set("staff", "5")
    assert (visitor.get("/staff/").text, visitor.token().status_code) == (HEAD, 401)
    assert "endpoint_without_user" in caplog.text
    visitor.cookies.set("customer", "ada")
    assert (
        user_in(visitor.get("/").text) == user_in(visitor.get("/staff/").text) == user_in(visitor.token().text) == "ada"
    )
    assert visitor.get("/?sign-out").text == HEAD


def test_a_route_adds_to_a_state_that_holds_an_array(settings: Settings) -> None:
    class Array:
        def __bool__(self) -> bool:
            raise ValueError("the truth value of an array is ambiguous")  # NumPy's words

    class Model:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            HTTPConnection(scope).state.weights = Array()  # a server does this with the state of the lifespan
            await self.app(scope, receive, send)

    async def limited(request: Request) -> HTMLResponse:
        request.state.view_rate_limit = 1
        return HTMLResponse(HEAD)

    app = Starlette(routes=[Route("/", limited)])
    install(app, settings=settings, user=lambda request: User("ada"))
    app.add_middleware(Model)
    bare = WidgetMiddleware(Starlette(routes=[Route("/", limited)]), settings, user=lambda scope: User("ada"))
    assert user_in(Visitor(app).get("/").text) == user_in(Visitor(Model(bare)).get("/").text) == "ada"


async def user_of_session(conn: HTTPConnection) -> User | None:
    await load_session(conn)
    return User(conn.session["id"]) if "id" in conn.session else None


def star_sessions(name: str) -> Middleware:
    return Middleware(LazySessions, store=InMemoryStore(), lifetime=60, cookie_name=name, cookie_https_only=False)


async def lazy_page(request: Request) -> HTMLResponse:
    """A page of a route that loads the session itself, and signs in or out."""
    await load_session(request)
    id = request.query_params.get("id")
    if id is not None:
        request.session.clear()
        request.session.update({"id": id} if id else {"message": "bye"})
    return HTMLResponse(PAGE)


@pytest.fixture(params=["install", "WidgetMiddleware"])
def lazy_visitor(settings: Settings, request: pytest.FixtureRequest) -> Visitor:
    """Visits an app with starsessions, and a mounted app with a session of its own."""
    staff = Starlette(routes=[Route("/", lazy_page)], middleware=[star_sessions("staff")])
    app = Starlette(routes=[Mount("/staff", staff), Route("/", lazy_page)])
    if request.param == "install":
        install(app, settings=settings, user=user_of_session)
    else:
        app.add_middleware(
            WidgetMiddleware, settings=settings, user=lambda scope: user_of_session(HTTPConnection(scope))
        )
    app.user_middleware.insert(0, star_sessions("session"))
    return Visitor(app)


def test_a_route_may_load_the_session_itself(lazy_visitor: Visitor) -> None:
    assert user_in(lazy_visitor.get("/?id=ada").text) == "ada", "the response that signs in"
    assert user_in(lazy_visitor.get("/").text) == user_in(lazy_visitor.token().text) == "ada"
    assert user_in(lazy_visitor.get("/?id=eve").text) == "eve", "not the previous user"
    assert lazy_visitor.get("/?id=").text == lazy_visitor.get("/").text == PAGE
    assert lazy_visitor.token().status_code == 401


def test_a_session_that_a_mounted_app_loads_names_no_user(lazy_visitor: Visitor) -> None:
    for path in ("/staff/?id=5", "/staff/", "/?id=ada", "/staff/"):
        assert "5" not in user_ids(lazy_visitor.get(path).text)
    assert user_in(lazy_visitor.token().text) == "ada"


def test_a_token_request_does_not_save_the_session(settings: Settings, lazy_visitor: Visitor) -> None:
    """It may have loaded the session before a sign-out, which saving would undo."""
    seen = []

    class ReadMetadata(PassThrough):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await super().__call__(scope, receive, send)
            seen.append(get_session_metadata(HTTPConnection(scope))["lifetime"])

    lazy_visitor.app.user_middleware.insert(1, Middleware(ReadMetadata))
    store = lazy_visitor.app.user_middleware[0].kwargs["store"]
    lazy_visitor.get("/?id=ada")
    before = dict(store.data)
    assert user_in(lazy_visitor.token().text) == "ada"
    assert (store.data, seen) == (before, [60, 60]), "the layers of the app may go on using the session"
    lazy_visitor.get("/")
    assert store.data != before, "otherwise the test would prove nothing"


def user_ids(page: str) -> set[str]:
    return set() if page == PAGE else {user_in(page)}
