"""Starlette: the endpoint behind the app's middleware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tests.frameworks.starlette_app import make, member, with_sessions
from tests.frameworks.visitor import BROWSER, ENDPOINT, HEAD, Visitor, assert_endpoint_headers, user_in
from widgetmw import Settings
from widgetmw.starlette import install


class LoginWall(BaseHTTPMiddleware):
    """Refuses anonymous visitors."""

    refusals: ClassVar[dict[str, Callable[[], Response]]] = {
        "redirect": lambda: RedirectResponse("/login?next=/_widgetmw/token"),
        "page": lambda: HTMLResponse(HEAD + "Please sign in."),
        "401": lambda: Response(status_code=401, headers={"WWW-Authenticate": "Basic"}),
        "403": lambda: HTMLResponse("Forbidden", 403),
        "429": lambda: Response(status_code=429),
        "503": lambda: HTMLResponse("Down for maintenance", 503),
        "https": lambda: RedirectResponse("https://app.example/_widgetmw/token", 308),
    }

    def __init__(self, app: Any, refusal: str) -> None:
        super().__init__(app)
        self.refuse = self.refusals[refusal]

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        if request.session or request.url.path.startswith("/in/"):
            return await call_next(request)  # type: ignore[no-any-return]
        return self.refuse()


@pytest.mark.parametrize(
    ("refusal", "status"),
    [("redirect", 401), ("page", 401), ("401", 401), ("403", 401), ("429", 503), ("503", 503), ("https", 503)],
)
def test_the_endpoint_keeps_its_own_responses_behind_a_login_wall(
    settings: Settings, refusal: str, status: int
) -> None:
    app = make()
    app.add_middleware(LoginWall, refusal=refusal)
    install(app, settings=settings, user=member)
    app.add_middleware(SessionMiddleware, secret_key="x")
    visitor = Visitor(app)
    reply = visitor.token()
    assert reply.status_code == status
    assert reply.json()["error"] == {401: "not_authenticated", 503: "token_unavailable"}[status]
    assert_endpoint_headers(reply)
    visitor.get("/in/ada")
    assert user_in(visitor.token().text) == "ada"


class Terms(BaseHTTPMiddleware):
    """Stops signed-in visitors on their way to the endpoint, with a page or a redirect."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        if request.session and request.url.path == ENDPOINT:
            return LoginWall.refusals[request.headers["x-answer"]]()
        return await call_next(request)  # type: ignore[no-any-return]


@pytest.mark.parametrize("answer", ["redirect", "page"])
def test_a_middleware_that_stops_a_signed_in_user_does_not_sign_them_out(settings: Settings, answer: str) -> None:
    app = make()
    app.add_middleware(Terms)
    visitor = with_sessions(app, settings)
    reply = visitor.token(X_Answer=answer)
    assert reply.status_code == 503
    assert_endpoint_headers(reply)
    visitor.cookies.clear()
    assert visitor.token(X_Answer=answer).status_code == 401


def test_the_page_of_a_login_wall_has_no_token(settings: Settings) -> None:
    app = make()
    app.add_middleware(LoginWall, refusal="page")
    visitor = with_sessions(app, settings)
    assert user_in(visitor.get().text) == "ada"
    visitor.cookies.clear()
    reply = visitor.get()
    assert reply.text == HEAD + "Please sign in."
    assert reply.headers["x-widgetmw"] == "skipped; reason=anonymous"


def test_a_middleware_that_forbids_the_response_signs_nobody_out(settings: Settings) -> None:
    class Late(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            await call_next(request)
            return Response("no", 403)

    app = make()
    app.add_middleware(Late)
    reply = with_sessions(app, settings).token()
    assert user_in(reply.text) is None
    assert reply.status_code == 503


def test_a_token_request_does_not_extend_a_rolling_session(settings: Settings) -> None:
    class Rolling(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            request.session["seen"] = True
            return await call_next(request)  # type: ignore[no-any-return]

    app = make()
    app.add_middleware(Rolling)
    visitor = with_sessions(app, settings)
    assert "set-cookie" in visitor.get().headers
    assert_endpoint_headers(visitor.token())


def test_cors_middleware_of_the_app_does_not_affect_the_endpoint(dg_env: dict[str, str]) -> None:
    app = make()
    app.add_middleware(CORSMiddleware, allow_origins=["https://partner.example"], allow_credentials=True)
    settings = Settings.from_env({**dg_env, "WIDGETMW_ALLOWED_ORIGINS": "https://listed.example"})
    visitor = with_sessions(app, settings)
    assert visitor.get("/in/ada", Origin="https://partner.example").headers["access-control-allow-origin"]
    refused = visitor.token(Origin="https://partner.example", Sec_Fetch_Site="cross-site")
    assert refused.status_code == 403
    assert_endpoint_headers(refused)
    headers = {"Origin": "https://partner.example", "Access-Control-Request-Method": "GET"}
    assert visitor.request("OPTIONS", ENDPOINT, headers=headers).status_code == 405
    listed = visitor.token(Origin="https://listed.example", Sec_Fetch_Site="cross-site")
    assert user_in(listed.text) == "ada"
    assert listed.headers["access-control-allow-origin"] == "https://listed.example"
    preflight = visitor.request("OPTIONS", ENDPOINT, headers={**headers, "Origin": "https://listed.example"})
    assert preflight.status_code == 204


def test_csrf_and_caching_middleware_do_not_affect_the_endpoint(settings: Settings) -> None:
    class Guard(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            if request.method == "POST":
                return Response("no CSRF token", 403)
            reply = await call_next(request)
            if request.headers.get("if-none-match") == '"1"':
                return Response(status_code=304)
            reply.headers["ETag"] = '"1"'
            return reply  # type: ignore[no-any-return]

    app = make()
    app.add_middleware(Guard)
    visitor = with_sessions(app, settings)
    assert user_in(visitor.request("POST", ENDPOINT, content=b"x=1").text) == "ada"
    reply = visitor.token(If_None_Match='"1"')
    assert user_in(reply.text) == "ada"
    assert_endpoint_headers(reply)
    head = visitor.request("HEAD", ENDPOINT)
    assert (head.status_code, head.content) == (200, b"")
    assert visitor.get(If_None_Match='"1"').status_code == 304
    assert user_in(visitor.get(If_None_Match='"1"', **BROWSER).text) == "ada"


def test_a_failing_middleware_makes_the_endpoint_return_503(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            raise ValueError("secret detail")

    app = make()
    app.add_middleware(Broken)
    install(app, settings=settings, user=member)
    reply = Visitor(app).token()
    assert reply.status_code == 503
    assert_endpoint_headers(reply)
    assert "ValueError at frameworks/test_starlette" in caplog.text
    assert "secret detail" not in caplog.text
