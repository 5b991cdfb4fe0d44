"""A Starlette app with a page and a session-based sign-in."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.frameworks.visitor import HEAD, Visitor
from widgetmw import Settings, User
from widgetmw.starlette import install

PAGE = HEAD + "x" * 2000


def member(request: HTTPConnection) -> User | None:
    user_id = request.session.get("user_id")
    return User(user_id) if user_id else None


async def page(request: Request) -> Response:
    return HTMLResponse(PAGE)


async def sign_in(request: Request) -> Response:
    request.session["user_id"] = request.path_params["user_id"]
    return JSONResponse({})


async def sign_out(request: Request) -> Response:
    request.session.clear()
    return HTMLResponse(PAGE)


def make(*routes: Any, **options: Any) -> Starlette:
    return Starlette(
        routes=[*routes, Route("/", page), Route("/in/{user_id}", sign_in), Route("/out", sign_out)], **options
    )


def with_sessions(app: Starlette, settings: Settings, **options: Any) -> Visitor:
    """Installs the plugin and a session middleware, and signs in."""
    install(app, settings=settings, user=member)
    app.add_middleware(SessionMiddleware, secret_key="x", **options)
    visitor = Visitor(app)
    visitor.get("/in/ada")
    return visitor


class PassThrough(BaseHTTPMiddleware):
    """Changes nothing."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        return await call_next(request)  # type: ignore[no-any-return]
