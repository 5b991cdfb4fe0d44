"""FastAPI: ``install(app, user=current_user)``, where ``current_user`` is a dependency like any other."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeAlias

from fastapi import Depends, FastAPI, HTTPException, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from widgetmw.asgi.request import Message, Scope, receive_empty_body
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import AsyncResolver, is_auth_error
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings
from widgetmw.starlette import explain, install_resolver

__all__ = ["install"]

Dependency: TypeAlias = Callable[..., Any] | params.Depends

_RESULT: Final = "widgetmw.dependency_result"
_ERROR_HANDLERS: Final = "starlette.exception_handlers"


def install(app: FastAPI, *, settings: Settings | None = None, user: Dependency | None = None) -> None:
    """Injects vendors' signed identity tokens into the pages of a FastAPI app, and serves its token endpoint.

    The order of ``add_middleware`` calls before or after it does not matter. The endpoint is not in the OpenAPI schema.

    Args:
        app: not started yet.
        settings: ``None`` reads the environment.
        user: a dependency that returns or yields the signed-in ``User``, or ``None``; with sub-dependencies,
            ``Security`` scopes and ``app.dependency_overrides`` as in any route. ``HTTPException`` with 401 or 403
            means anonymous. ``Depends(...)`` and ``Security(...)`` are accepted too. Without it, the user comes from
            the authenticating proxy in the settings, or else from ``scope["user"]``.

    Raises:
        SettingsError: the environment is invalid.
        TypeError: ``app`` is not a FastAPI app, ``user`` is not callable, or it reads the body of the request.
        RuntimeError: the app has started, or ``install`` was called for it already.
    """
    if not isinstance(app, FastAPI):
        raise TypeError(f"install takes a FastAPI app, not {type(app).__name__}")
    if user is not None and not (callable(user) or isinstance(user, params.Depends)):
        raise TypeError("user must be a dependency: a function that returns a User or None")
    documentation = [path for path in (app.docs_url, app.redoc_url) if path]
    install_resolver(app, settings, None if user is None else _from_dependency(app, user), documentation)


def _from_dependency(app: FastAPI, user: Dependency) -> AsyncResolver:
    """Returns a resolver that solves a dependency outside any route, with a route that no request can reach."""
    dependency = user if isinstance(user, params.Depends) else Depends(user)

    async def endpoint(request: Request, user: Any = dependency) -> Response:
        request.scope[_RESULT].append(user)
        return Response()

    route = APIRoute("/", endpoint, response_model=None, dependency_overrides_provider=app)
    if route.body_field is not None:
        raise TypeError("user must not read the request's body: use cookies, headers or the session")
    solve = route.app
    try:  # the layer that FastAPI has around its routes; versions before 0.117 have none
        solve = import_module("fastapi.middleware.asyncexitstack").AsyncExitStackMiddleware(route.app)
    except ImportError:
        pass

    async def resolve(scope: Scope) -> User | None:
        result: list[User | None] = []
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        # Not a copy: a middleware may replace the session in the request's scope once a dependency loads it. What is
        # set here, such as exit stacks, is not for the request's own route, and its error handlers are not for this.
        own_scope = ChainMap({"method": "GET", _ERROR_HANDLERS: ({}, {}), _RESULT: result}, scope)
        try:
            await solve(own_scope, receive_empty_body, send)
        except RequestValidationError as error:
            # Name what the dependency requires, without any value.
            places = sorted({".".join(str(part) for part in problem["loc"]) for problem in error.errors()})
            lacks = "which the request lacks or has in another form: add defaults"
            raise ResolverError(f"the dependency requires {', '.join(places)}, {lacks}") from None
        except AssertionError as error:
            raise explain(error) from None
        if result:
            return result[0]
        status = sent[0]["status"]  # the dependency has set an error handler in the scope, as AuthX does
        if is_auth_error(HTTPException(status)):
            return None
        raise ResolverError(f"the dependency failed, and its error handler answered {status}; catch that error")

    return resolve
