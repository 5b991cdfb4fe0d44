"""FastAPI: the user resolver is an ordinary dependency."""

# No postponed annotations here: FastAPI could not look up the names of functions that are local to a test.

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import anyio
import pytest
from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Request,
    Response,
    Security,
)
from fastapi.responses import HTMLResponse
from fastapi.security import APIKeyCookie, SecurityScopes

from tests.frameworks.fastapi_app import make, user_id, users_for_ada
from tests.frameworks.visitor import HEAD, Visitor, assert_endpoint_headers, packages_snippet, user_in
from widgetmw import Settings, User, identify
from widgetmw.fastapi import install


def test_the_user_dependency_may_have_dependencies(settings: Settings) -> None:
    class Users:
        def __init__(self, user_id: Annotated[str | None, Depends(user_id)]) -> None:
            self.user_id = user_id

    async def current(users: Annotated[Users, Depends()], request: Request) -> User | None:
        assert request.headers["host"] == "app.example"
        return User(users.user_id) if users.user_id else None

    visitor = make(settings, current)
    assert users_for_ada(visitor) == ("ada", "ada")
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 401


@pytest.mark.parametrize("wrap", [Depends, Security, lambda user: Annotated[User, Depends(user)].__metadata__[0]])
def test_depends_and_security_are_accepted(settings: Settings, wrap: Any) -> None:
    def current(user_id: Annotated[str | None, Depends(user_id)]) -> User | None:
        return User(user_id) if user_id else None

    assert users_for_ada(make(settings, wrap(current))) == ("ada", "ada")


def test_security_scopes_reach_the_dependency(settings: Settings) -> None:
    def current(scopes: SecurityScopes, key: Annotated[str, Security(APIKeyCookie(name="key"))]) -> User:
        return User(f"{key} {scopes.scope_str}")

    visitor = make(settings, Security(current, scopes=["chat", "me"]))
    assert visitor.token().status_code == 401  # APIKeyCookie refuses
    visitor.cookies.set("key", "ada")
    assert user_in(visitor.get().text) == "ada chat me"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_yield_dependency_is_closed_before_the_page_goes_out(settings: Settings, kind: str) -> None:
    order: list[str] = []

    def opened() -> Iterator[str]:
        order.append("open")
        yield "ada"
        order.append("closed")

    async def opened_async() -> AsyncIterator[str]:
        order.append("open")
        try:
            yield "ada"
        finally:
            await anyio.sleep(0)
            order.append("closed")

    def current(user_id: Annotated[str, Depends(opened if kind == "sync" else opened_async)]) -> User:
        order.append("resolved")
        return User(user_id)

    visitor = make(settings, current)
    sent: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            sent.extend(order)
            await send(message)

        await visitor.app(scope, receive, sending)

    assert user_in(Visitor(app).get().text) == "ada"
    assert sent[:3] == order == ["open", "resolved", "closed"]
    order.clear()
    assert user_in(visitor.token().text) == "ada"
    assert order == ["open", "resolved", "closed"]


def test_the_user_dependency_may_yield(settings: Settings) -> None:
    closed = []

    def current() -> Iterator[User]:
        try:
            yield User("ada")
        finally:
            closed.append(1)

    assert users_for_ada(make(settings, current)) == ("ada", "ada")
    assert closed == [1, 1]


def test_a_yield_dependency_sees_the_error_of_another_and_is_closed(settings: Settings) -> None:
    seen: list[type[BaseException]] = []

    def opened() -> Iterator[None]:
        try:
            yield
        except HTTPException as error:
            seen.append(type(error))
            raise

    def current(_: Annotated[None, Depends(opened)], user_id: Annotated[str | None, Depends(user_id)]) -> User:
        if user_id is None:
            raise HTTPException(401)
        return User(user_id)

    visitor = make(settings, current)
    assert visitor.get().headers["x-widgetmw"] == "skipped; reason=anonymous"
    assert visitor.token().status_code == 401
    assert seen == [HTTPException] * 2
    assert users_for_ada(visitor) == ("ada", "ada")


def test_dependency_overrides_take_effect_immediately(settings: Settings) -> None:
    def current(user_id: Annotated[str | None, Depends(user_id)]) -> User | None:
        return User(user_id) if user_id else None

    visitor = make(settings, current)
    overrides = visitor.app.dependency_overrides
    overrides[user_id] = lambda: "eve"
    assert users_for_ada(visitor) == ("eve", "eve")
    overrides[current] = lambda: User("mallory")
    assert users_for_ada(visitor) == ("mallory", "mallory")
    overrides.clear()
    assert users_for_ada(visitor) == ("ada", "ada")


def test_the_dependency_is_solved_separately_from_the_route(settings: Settings) -> None:
    resolved_paths: list[str] = []

    def current(request: Request) -> User:
        resolved_paths.append(request.url.path)
        return User("ada")

    app = FastAPI()

    @app.get("/items/{item}", response_class=HTMLResponse)
    def page(item: str, user: Annotated[User, Depends(current)]) -> str:
        return HEAD + item + user.id

    install(app, settings=settings, user=current)
    reply = Visitor(app).get("/items/7")
    assert reply.text.endswith("7ada")
    assert user_in(reply.text) == "ada"
    assert resolved_paths == ["/items/7"] * 2


@pytest.mark.parametrize("visitor_id", ["ada", None])
def test_a_dependency_that_identifies_the_user_needs_one_connection_for_a_page(
    settings: Settings, visitor_id: str | None
) -> None:
    open_connections: list[str] = []

    def connect() -> Iterator[str]:
        assert open_connections == [], "the pool has one connection"
        open_connections.append("connection")
        yield open_connections[0]
        open_connections.clear()

    def current(request: Request, connection: Annotated[str, Depends(connect)]) -> User | None:
        user = User(visitor_id) if visitor_id else None
        identify(request.scope, user)
        return user

    app = FastAPI()

    @app.get("/", response_class=HTMLResponse, dependencies=[Depends(current)])
    def page() -> str:
        return HEAD

    install(app, settings=settings, user=current)
    reply = Visitor(app).get()
    assert user_in(reply.text) == visitor_id
    assert reply.headers["X-Widgetmw"] == ("injected" if visitor_id else "skipped; reason=anonymous")
    assert user_in(Visitor(app).token().text) == visitor_id


@pytest.mark.parametrize("scope", ["request", "function", "identified", "other"])
def test_a_connection_that_the_route_still_holds_is_reported_once(
    settings: Settings, scope: str, caplog: pytest.LogCaptureFixture
) -> None:
    if "scope" not in inspect.signature(Depends).parameters:
        pytest.skip("this FastAPI has no scopes of dependencies")

    def connect() -> Iterator[str]:
        yield "ada"

    def current(request: Request, name: Annotated[str, Depends(connect)]) -> User:
        identify(request.scope, User(name)) if scope == "identified" else None
        return User(name)

    needs = {
        "request": Depends(connect),
        "function": Depends(connect, scope="function"),
        "identified": Depends(current),
        "other": Depends(user_id),
    }
    app = FastAPI()
    app.get("/", response_class=HTMLResponse, dependencies=[needs[scope]])(lambda: HEAD)
    install(app, settings=settings, user=current)
    visitor = Visitor(app)
    for _ in range(2):
        assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"
    assert caplog.text.count("page: held_dependency: user= and a route both depend on connect.") == (scope == "request")


def test_a_dependency_may_load_the_session(settings: Settings) -> None:
    from starsessions import CookieStore, SessionMiddleware, load_session

    async def current(request: Request) -> User | None:
        await load_session(request)
        return User(request.session["id"]) if "id" in request.session else None

    visitor = make(settings, current)
    visitor.app.add_middleware(SessionMiddleware, store=CookieStore("x" * 32), lifetime=3600, cookie_https_only=False)

    @visitor.app.get("/in")
    async def sign_in(request: Request) -> None:
        await load_session(request)
        request.session["id"] = "ada"

    assert (visitor.get().text, visitor.token().status_code) == (HEAD, 401)
    visitor.get("/in")
    assert users_for_ada(visitor) == ("ada", "ada")
    assert "set-cookie" not in visitor.token().headers


def test_changes_that_a_dependency_makes_to_the_response_are_discarded(settings: Settings) -> None:
    ran = []

    def current(response: Response, tasks: BackgroundTasks) -> User:
        response.set_cookie("extended", "1")
        response.status_code = 418
        tasks.add_task(ran.append, 1)
        return User("ada")

    visitor = make(settings, current)
    page = visitor.get()
    assert (page.status_code, user_in(page.text)) == (200, "ada")
    assert "set-cookie" not in page.headers
    assert_endpoint_headers(visitor.token())
    assert ran == [1, 1]


# failures of a dependency


@pytest.mark.parametrize("status", [401, 403])
def test_401_and_403_mean_anonymous_without_calling_error_handlers(settings: Settings, status: int) -> None:
    def current() -> User:
        raise HTTPException(status, "secret detail")

    visitor = make(settings, current)

    @visitor.app.exception_handler(HTTPException)
    async def handler(request: Request, error: HTTPException) -> Response:
        raise RuntimeError("must not be called")

    assert visitor.get().text == HEAD
    reply = visitor.token()
    assert (reply.status_code, reply.json()["error"]) == (401, "not_authenticated")
    assert_endpoint_headers(reply)


@pytest.mark.parametrize(("status", "answer"), [(401, 401), (403, 401), (500, 503)])
def test_an_error_handler_that_the_dependency_sets_decides_by_its_status(
    settings: Settings, status: int, answer: int
) -> None:
    async def handler(request: Request, error: Exception) -> Response:
        return Response(status_code=status)

    def current(request: Request) -> User:  # as AuthX does
        request.scope["starlette.exception_handlers"][0][ArithmeticError] = handler
        raise ArithmeticError

    visitor = make(settings, current)
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == answer


@pytest.mark.parametrize(("is_database_up", "answer"), [(True, 401), (False, 503)])
def test_fastapi_login_names_its_users_to_the_endpoint(settings: Settings, is_database_up: bool, answer: int) -> None:
    class NotAuthenticated(Exception):
        pass

    async def manager(request: Request) -> User:  # as fastapi-login's, with an exception of the app
        if not is_database_up:
            raise ConnectionError
        if (id := request.headers.get("x-user")) is None:
            raise NotAuthenticated
        return User(id)

    scope: dict[str, Any] = {"Request": Request, "User": User, "NotAuthenticated": NotAuthenticated, "manager": manager}
    exec(packages_snippet("fastapi-login"), scope)
    visitor = make(settings, scope["current_user"])
    assert visitor.token().status_code == answer
    if is_database_up:
        assert users_for_ada(visitor) == ("ada", "ada")


def test_an_error_handler_that_the_dependency_sets_is_for_its_request_only(settings: Settings) -> None:
    handlers: list[dict[Any, Any]] = []

    def current(request: Request) -> None:
        handlers.append(dict(request.scope["starlette.exception_handlers"][0]))
        request.scope["starlette.exception_handlers"][0][ArithmeticError] = None

    visitor = make(settings, current)
    visitor.get()
    visitor.token()
    assert handlers
    assert not any(handlers)


@pytest.mark.parametrize(
    "error", [HTTPException(500, "secret detail"), ValueError("secret detail"), "ada", {"id": "ada"}]
)
def test_any_other_failure_is_503_and_skips_the_page(
    settings: Settings, error: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def current() -> Any:
        if isinstance(error, Exception):
            raise error
        return error

    visitor = make(settings, current)
    page = visitor.get()
    assert (page.text, page.headers["x-widgetmw"]) == (HEAD, "skipped; reason=resolver_failed")
    assert visitor.token().status_code == 503
    assert (type(error).__name__) in caplog.text
    assert "secret detail" not in caplog.text


def test_missing_request_parameters_are_named(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    def current(x_user: Annotated[str, Header()], age: int = 0) -> User:
        return User(x_user)

    visitor = make(settings, current)
    assert visitor.get("/?age=secret").text == HEAD
    assert visitor.token().status_code == 503
    assert "header.x-user" in caplog.text
    assert "query.age" in caplog.text
    assert "secret" not in caplog.text
    assert users_for_ada(visitor) == ("ada", "ada")


def test_missing_sessions_are_logged_with_the_fix(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    def current(request: Request) -> User:
        return User(request.session["user_id"])

    visitor = make(settings, current)
    assert visitor.get().text == HEAD
    assert visitor.token().status_code == 503
    assert "SessionMiddleware must be installed" in caplog.text
    assert "app.add_middleware" in caplog.text
