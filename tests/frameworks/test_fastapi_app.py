"""FastAPI: the app's schema, routers, sub-apps, middleware and root path."""

# No postponed annotations here: FastAPI could not look up the names of functions that are local to a test.

import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Form,
    HTTPException,
    Request,
    Response,
)
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware

from tests.frameworks.fastapi_app import make, users_for_ada
from tests.frameworks.test_starlette_user import Backend
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor, assert_endpoint_headers, fastapi_snippet, user_in
from widgetmw import Settings, User, identify
from widgetmw.fastapi import install


def test_the_endpoint_is_outside_the_schema_and_the_dependencies_of_the_app(settings: Settings) -> None:
    def guard() -> None:
        raise HTTPException(418)

    visitor = make(settings, lambda: User("ada"), dependencies=[Depends(guard)])
    assert list(visitor.get("/openapi.json").json()["paths"]) == ["/"]
    assert visitor.get().status_code == 418
    assert user_in(visitor.token().text) == "ada"


def test_scope_user_is_the_default_user(settings: Settings) -> None:
    visitor = make(settings)
    visitor.app.add_middleware(AuthenticationMiddleware, backend=Backend())
    assert users_for_ada(visitor) == ("id-of-ada", "id-of-ada")
    assert visitor.token().status_code == 401


def test_sessions_and_base_middleware_added_afterwards(settings: Settings) -> None:
    def current(request: Request) -> User | None:
        return User(request.session["user_id"]) if "user_id" in request.session else None

    visitor = make(settings, current)

    class Timing(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            reply: Response = await call_next(request)
            reply.headers["Server-Timing"] = "total"
            return reply

    @visitor.app.post("/in")
    def sign_in(request: Request, user_id: Annotated[str, Form()]) -> dict[str, str]:
        request.session["user_id"] = user_id
        return {}

    visitor.app.add_middleware(Timing)
    visitor.app.add_middleware(SessionMiddleware, secret_key="x")
    assert visitor.get().text == HEAD
    visitor.request("POST", "/in", data={"user_id": "ada"})
    assert users_for_ada(visitor) == ("ada", "ada")
    assert_endpoint_headers(visitor.token())


def test_routers_sub_apps_and_streams(settings: Settings) -> None:
    router, sub = APIRouter(prefix="/shop"), FastAPI()

    @router.get("/cart", response_class=HTMLResponse)
    @sub.get("/cart", response_class=HTMLResponse)
    async def cart() -> str:
        return HEAD

    app = FastAPI()
    install(app, settings=settings, user=lambda: User("ada"))
    app.include_router(router)
    app.mount("/sub", sub)
    app.mount("/plain", Starlette())
    for path in ("/shop/cart", "/sub/cart"):
        reply = Visitor(app).get(path)
        assert user_in(reply.text) == "ada"
        assert '"/_widgetmw/token"' in reply.text
    assert Visitor(app).get("/plain/x").status_code == 404


def test_the_documentation_is_excluded_unless_it_is_included(dg_env: dict[str, str]) -> None:
    for include, users in (("", [None, None]), ("/docs", ["ada", None]), ("/docs,/api-docs", ["ada", "ada"])):
        app = FastAPI(redoc_url="/api-docs")
        settings = Settings.from_env({**dg_env, "WIDGETMW_DEBUG": "1", "WIDGETMW_INCLUDE": include})
        install(app, settings=settings, user=lambda: User("ada"))
        replies = [Visitor(app).get(path) for path in ("/docs", "/api-docs")]
        assert [user_in(reply.text) for reply in replies] == users
        assert replies[0].headers["x-widgetmw"] == ("injected" if include else "skipped; reason=excluded")


def test_urls_carry_the_root_path(settings: Settings) -> None:
    visitor = make(settings, lambda: User("ada"))
    visitor.root_path = "/api"
    assert '"/api/_widgetmw/token"' in visitor.get("/").text
    assert user_in(visitor.get("/_widgetmw/token").text) == "ada"
    assert user_in(visitor.get("/api/_widgetmw/token").text) == "ada"


def test_json_routes_do_not_resolve_the_user(settings: Settings) -> None:
    class Item(BaseModel):
        html: str = HEAD

    def current() -> User:
        raise AssertionError("the user was resolved")

    visitor = make(settings, current)
    visitor.app.get("/json", response_model=Item)(Item)
    assert visitor.get("/json").json() == {"html": HEAD}


def test_a_route_may_call_identify(settings: Settings) -> None:
    app = FastAPI()

    @app.get("/", response_class=HTMLResponse)
    def page(request: Request) -> str:
        identify(request.scope, User("identified"))
        return HEAD

    install(app, settings=settings, user=lambda: User("ada"))
    assert user_in(Visitor(app).get().text) == "identified"


def test_apps_in_one_process_have_separate_dependency_overrides(settings: Settings) -> None:
    def current() -> User:
        return User("ada")

    one, other = make(settings, current), make(settings, current)
    one.app.dependency_overrides[current] = lambda: User("eve")
    assert (users_for_ada(one), users_for_ada(other)) == (("eve", "eve"), ("ada", "ada"))


def test_it_runs_on_trio(settings: Settings) -> None:
    visitor = make(settings, lambda: User("ada"))
    visitor.backend = "trio"
    assert users_for_ada(visitor) == ("ada", "ada")


# invalid arguments


def test_invalid_arguments_are_rejected_at_startup(settings: Settings) -> None:
    def form(name: Annotated[str, Form()]) -> User:
        return User(name)

    class Body(BaseModel):
        name: str

    def body(body: Body) -> User:
        return User(body.name)

    with pytest.raises(TypeError, match="FastAPI app, not Starlette"):
        install(Starlette(), settings=settings)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a dependency"):
        install(FastAPI(), settings=settings, user=User("ada"))  # type: ignore[arg-type]

    def deep(user: Annotated[User, Depends(body)]) -> User:
        return user

    for reader in (form, body, deep):
        with pytest.raises(TypeError, match="must not read the request's body"):
            install(FastAPI(), settings=settings, user=reader)


def test_a_second_install_and_a_started_app_are_rejected(settings: Settings) -> None:
    visitor = make(settings)
    with pytest.raises(RuntimeError, match="call install once"):
        install(visitor.app, settings=settings)
    app = FastAPI()
    Visitor(app).get()
    with pytest.raises(RuntimeError, match="before its first request"):
        install(app, settings=settings)


def test_the_endpoint_accepts_post_and_refuses_other_methods(settings: Settings) -> None:
    visitor = make(settings, lambda: User("ada"))
    assert user_in(visitor.request("POST", ENDPOINT, json={"user": "eve"}).text) == "ada"
    assert visitor.request("DELETE", ENDPOINT).status_code == 405


class PolicyAroundTheApp:
    """A layer that replaces the policy after everything else."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", b"script-src 'nonce-late'")]
            await send(message)

        await self.app(scope, receive, send_with_policy)


def nonces(app: Any) -> tuple[set[str], set[str]]:
    """Returns the nonces in the policy of a page, and those of our script elements."""
    reply = Visitor(app).get()
    in_policy = re.findall("'nonce-([^']+)'", reply.headers["Content-Security-Policy"])
    return set(in_policy), set(re.findall(r'<script data-widgetmw(?: nonce="([^"]+)")?', reply.text))


@pytest.mark.parametrize("comes_first", ["install", "the policy"])
def test_the_nonce_of_a_middleware_is_on_the_script_whichever_was_added_first(
    settings: Settings, comes_first: str
) -> None:
    app = FastAPI()
    app.add_api_route("/", lambda: HTMLResponse(HEAD))
    steps: list[Callable[[], Any]] = [
        lambda: install(app, settings=settings, user=lambda: User("ada")),
        lambda: exec(fastapi_snippet("CSP with a nonce"), {"app": app, "Request": Request}),
    ]
    for step in steps if comes_first == "install" else reversed(steps):
        step()
    in_policy, on_script = nonces(app)
    assert in_policy == on_script


def test_the_nonce_of_a_layer_around_the_app_is_not_on_the_script(settings: Settings) -> None:
    app = make(settings, lambda: User("ada")).app
    assert nonces(PolicyAroundTheApp(app)) == ({"late"}, {""})
    app = FastAPI()
    app.add_api_route("/", lambda: HTMLResponse(HEAD))
    install(app, settings=settings, user=lambda: User("ada"))
    app.add_middleware(PolicyAroundTheApp)
    assert nonces(app) == ({"late"}, {"late"})
