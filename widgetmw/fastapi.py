"""FastAPI: ``install(app, user=current_user)``, where ``current_user`` is a dependency like any other."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeAlias

from fastapi import Depends, FastAPI, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from widgetmw.asgi.responder import Message, Scope
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings
from widgetmw.starlette import explained, install_resolver

__all__ = ["install"]

Dependency: TypeAlias = Callable[..., Any] | params.Depends

_FOUND: Final = "widgetmw.found"
# of the request's own route: it must keep its exit stacks, and its error handlers must not answer ours
_OF_THE_ROUTE = ("fastapi_", "starlette.exception_handlers")


def install(app: FastAPI, *, settings: Settings | None = None, user: Dependency | None = None) -> None:
    """Puts a vendor's signed identity into the pages of a FastAPI app, and serves its token endpoint.

    The order of ``add_middleware`` calls before or after it does not matter. The endpoint is in no OpenAPI schema.

    Args:
        app: not started yet.
        settings: how; ``None`` reads the environment.
        user: a dependency that returns or yields the ``User`` who is signed in, or ``None``; with sub-dependencies,
            ``Security`` scopes and ``app.dependency_overrides`` as in any route. ``HTTPException`` with 401 or 403
            means nobody. ``Depends(...)`` and ``Security(...)`` are taken too. Without it the proxy that the settings
            name is believed, or else ``scope["user"]`` is read.

    Raises:
        SettingsError: the environment has problems.
        TypeError: ``app`` is no FastAPI app, ``user`` is not callable, or it reads the body of the request.
        RuntimeError: the app has started, or has it already.
    """
    if not isinstance(app, FastAPI):
        raise TypeError(f"install takes a FastAPI app, not {type(app).__name__}")
    if user is not None and not (callable(user) or isinstance(user, params.Depends)):
        raise TypeError("user must be a dependency: a function that returns a User or None")
    install_resolver(app, settings, None if user is None else _Dependency(app, user))


class _Dependency:
    """Solves a dependency outside of any route, by a route that nobody can reach."""

    def __init__(self, app: FastAPI, user: Dependency) -> None:
        depends = user if isinstance(user, params.Depends) else Depends(user)

        async def endpoint(request: Request, user: Any = depends) -> Response:
            request.scope[_FOUND].append(user)
            return Response()

        route = APIRoute("/", endpoint, response_model=None, dependency_overrides_provider=app)
        if route.body_field is not None:
            raise TypeError("user must not read the request's body: take cookies, headers or the session")
        self._solve = _enclosed(route.app)

    async def __call__(self, scope: Scope) -> User | None:
        found: list[User | None] = []
        inner = {key: value for key, value in scope.items() if not key.startswith(_OF_THE_ROUTE)}
        try:
            await self._solve({**inner, "method": "GET", _FOUND: found}, _no_body, _nowhere)
        except RequestValidationError as error:
            raise ResolverError(_missing(error)) from None
        except AssertionError as error:
            raise explained(error) from None
        return found[0]


def _enclosed(app: ASGIApp) -> ASGIApp:
    """Puts a route into the layer that FastAPI has around its routes; versions before 0.117 have none."""
    try:
        layer = import_module("fastapi.middleware.asyncexitstack")
    except ImportError:
        return app
    return layer.AsyncExitStackMiddleware(app)  # type: ignore[no-any-return]


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _nowhere(message: Message) -> None:
    pass


def _missing(error: RequestValidationError) -> str:
    """Names what a dependency wants and the request has not, without any value."""
    places = sorted({".".join(str(part) for part in problem["loc"]) for problem in error.errors()})
    return f"the dependency wants {', '.join(places)}, which the request lacks or has in another form: give defaults"
