"""FastAPI: ``install(app, user=current_user)``, where ``current_user`` is a dependency like any other."""

from __future__ import annotations

import inspect
from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, TypeAlias

from fastapi import Depends, FastAPI, HTTPException, Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from widgetmw.asgi.request import Message, Scope, receive_empty_body
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import is_auth_error
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings
from widgetmw.starlette import explain, install_resolver

__all__ = ["install"]

Dependency: TypeAlias = Callable[..., Any] | params.Depends

_RESULT: Final = "widgetmw.dependency_result"
_HELD_UNTIL_SENT: Final = "fastapi_inner_astack"  # since 0.118; until then, a route closed what it held before that
_ERROR_HANDLERS: Final = "starlette.exception_handlers"
_LOGFIRE_SPAN: Final = "logfire.span"
_HELD: Final = (
    "user= and a route both depend on %s. The route holds it until its response is out, so each page opens it a second "
    "time. If that is a connection of a pool, pages that are requested at once wait for each other: let the dependency "
    "call identify, or write Depends(%s, scope='function') in the routes"
)


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
    if not hasattr(app, "dependency_overrides"):  # not by its class, see install_resolver
        raise TypeError(f"install takes a FastAPI app, not {type(app).__name__}")
    if user is not None and not (callable(user) or isinstance(user, params.Depends)):
        raise TypeError("user must be a dependency: a function that returns a User or None")
    documentation = [path for path in (app.docs_url, app.redoc_url) if path]
    install_resolver(app, settings, None if user is None else _DependencyResolver(app, user), documentation)


class _DependencyResolver:
    """Resolves the user by a dependency outside of all routes, with a route that no request can reach."""

    def __init__(self, app: FastAPI, user: Dependency) -> None:
        dependency = user if isinstance(user, params.Depends) else Depends(user)

        async def endpoint(request: Request, user: Any = dependency) -> Response:
            request.scope[_RESULT].append(user)
            return Response()

        self._app = app
        self._route = APIRoute("/", endpoint, response_model=None, dependency_overrides_provider=app)
        if self._route.body_field is not None:
            raise TypeError("user must not read the request's body: use cookies, headers or the session")
        self._solve = self._route.app
        with suppress(ImportError):  # the layer that FastAPI has around its routes; versions before 0.117 have none
            exit_stack = import_module("fastapi.middleware.asyncexitstack")
            self._solve = exit_stack.AsyncExitStackMiddleware(self._route.app)
        self._is_reported = False
        self._checked_routes: set[int] = set()  # by identity, since routes cannot be hashed

    async def __call__(self, scope: Scope) -> User | None:
        self._report_held_dependency(scope)
        result: list[User | None] = []
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        # Not a copy: a middleware may replace the session in the request's scope once a dependency loads it. What is
        # set here, such as exit stacks, is not for the request's own route, and its error handlers are not for this.
        # Nor is its span: Logfire would record our arguments in place of the page's.
        own: Scope = {"method": "GET", _ERROR_HANDLERS: ({}, {}), _LOGFIRE_SPAN: None, _RESULT: result}
        own_scope = ChainMap(own, scope)
        try:
            await self._solve(own_scope, receive_empty_body, send)
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

    def _report_held_dependency(self, scope: Scope) -> None:
        route = scope.get("route")
        if self._is_reported or id(route) in self._checked_routes or not isinstance(route, APIRoute):
            return
        self._checked_routes.add(id(route))
        if _HELD_UNTIL_SENT in scope and (name := _held_dependency(route, self._route)):
            self._is_reported = True
            builder: Any = getattr(self._app, "widgetmw")  # noqa: B009  set by install_resolver
            builder.outer.engine.events.warn_always("page", "held_dependency", _HELD % (name, name))


def _held_dependency(route: APIRoute, own: APIRoute) -> str:
    """Returns the name of a dependency with ``yield`` that the page's route still holds, and ``user=`` needs, too."""
    calls = [each.call for each in _flatten(route.dependant) if getattr(each, "scope", None) != "function"]
    needed = (each.call for each in _flatten(own.dependant) if _yields(each.call))
    return next((getattr(call, "__name__", "") for call in needed if any(call is each for each in calls)), "")


def _flatten(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from _flatten(each)


def _yields(call: object) -> bool:
    return inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call)
