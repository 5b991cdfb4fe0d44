"""Litestar: ``app = WidgetMiddleware(Litestar(...), user=...)``, wrapped around the app.

Litestar runs its ``middleware=`` list per route: the middleware would be created once per route, and never be called
for a path without one. The user is still resolved inside the app, where session and user are available.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, TypeAlias

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.exceptions import ImproperlyConfiguredException, NotFoundException
from litestar.handlers import ASGIRouteHandler, BaseRouteHandler, HTTPRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware
from litestar.middleware.session import SessionMiddleware
from litestar.types import Empty

from widgetmw.asgi.middleware import send_response
from widgetmw.asgi.request import Receive, Scope, Send, receive_empty_body
from widgetmw.asgi.subrequest import OuterMiddleware, answer_inner_call, require_user_source
from widgetmw.core.endpoint import INNER_CALL, TokenRequest, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError, describe_error
from widgetmw.core.http.page import note_session_cookie
from widgetmw.core.identity.original_state import ORIGINAL_STATE
from widgetmw.core.identity.request_identity import IDENTITY_KEY
from widgetmw.core.identity.resolvers import accepts_arguments, prefetch_user_async, resolve_user_async
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings

__all__ = ["WidgetMiddleware"]

Resolver: TypeAlias = Callable[[ASGIConnection[Any, Any, Any, Any]], User | Awaitable[User | None] | None]


class WidgetMiddleware(OuterMiddleware):
    """Injects vendors' signed identity tokens into the pages of a Litestar app, and answers its token endpoint.

    Args:
        app: the Litestar app to wrap; it gets a route for the endpoint, which is not in the OpenAPI schema.
        settings: ``None`` reads the environment.
        user: called with the ``ASGIConnection``, sync (then it must not block) or async; returns the signed-in
            ``User``, or ``None``. Without it, the user comes from the authenticating proxy in the settings.

    Raises:
        SettingsError: the environment is invalid.
        TypeError: ``app`` is not a Litestar app, ``user`` is not callable, or there is neither ``user`` nor a proxy.
    """

    def __init__(self, app: Litestar, settings: Settings | None = None, *, user: Resolver | None = None) -> None:
        if not isinstance(app, Litestar):
            raise TypeError(
                f"WidgetMiddleware takes a Litestar app, not {type(app).__name__}: "
                "wrap other apps with widgetmw.asgi.WidgetMiddleware"
            )
        if user is not None and not (callable(user) and accepts_arguments(user, 1)):
            raise TypeError("user must be a function of the ASGIConnection that returns a User or None")
        super().__init__(app, settings, user=None if user is None else self._page_user)  # type: ignore[arg-type]
        require_user_source(user, self.settings)
        self._user: Resolver = user or _unresolved
        self._litestar = app
        if self.engine is not None:
            self.engine.endpoint_check.sees_inner_user = True
            path = f"{self.engine.path}/token"
            paths = [path, *(f"{path}/{vendor.provider.name}" for vendor in self.settings.vendors)]
            for layer in app.middleware:
                _note_session_cookie(getattr(layer, "kwargs", {}))
            app.register(_TokenRoute(paths, copy_scope=False)(self._inner_route))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection; anything but HTTP is passed to the app."""
        scope[ORIGINAL_STATE] = {**scope.get("state", {})}
        await super().__call__(scope, receive, send)

    async def _resolve(self, scope: Scope) -> User | None:
        if self.proxy_resolver is not None:
            return self.proxy_resolver(scope)
        if scope.get("session") is Empty:  # after clear_session
            scope = {**scope, "session": {}}
        try:
            user = self._user(ASGIConnection(scope))  # type: ignore[arg-type]
            return await user if inspect.isawaitable(user) else user
        except ImproperlyConfiguredException as error:  # names what is missing, such as a session
            raise ResolverError(error.detail) from None

    async def _token_response(
        self, engine: Engine, scope: Scope, receive: Receive, request: TokenRequest
    ) -> TokenResponse:
        prefix = self._litestar.path.rstrip("/")  # of all routes, ours included
        path = f"{scope.get('root_path', '').rstrip('/')}{prefix}{engine.path}{request.path}"
        return await super()._token_response(engine, {**scope, "path": path}, receive, request)

    async def _inner_route(self, scope: Any, receive: Any, send: Any) -> None:
        """The route of the endpoint, inside all middleware."""
        if self.engine is None or INNER_CALL not in scope:
            raise NotFoundException
        request: Request[Any, Any, Any] = Request(scope, receive)
        # Litestar calls this hook for HTTP routes alone. It may set the user, or refuse the request.
        if (hook := self._litestar.before_request) is not None:
            await hook(request)
        await prefetch_user_async(scope, self._resolve)
        stand_in = await answer_inner_call(self.engine, scope, self._resolve)
        # Nothing is sent through the layers: the start of a response would save the session and extend its life. The
        # app's hooks are still called for it, since they close what its layers have opened for this request.
        await self._call_hooks(request, stand_in)

    async def _call_hooks(self, request: Request[Any, Any, Any], response: TokenResponse) -> None:
        async def send_to_hooks(message: Any) -> None:
            for hook in self._litestar.before_send:
                await self._call_hook(hook(message, request.scope))

        await send_response(response, send_to_hooks)
        if (hook := self._litestar.after_response) is not None:
            await self._call_hook(hook(request))

    async def _call_hook(self, call: Awaitable[Any]) -> None:
        """Reports an error of a hook, which may need what only the app's own routes provide.

        The token is valid all the same, and the other hooks have something to close, too.
        """
        assert self.engine is not None
        try:
            await call
        except Exception as error:
            message = f"a hook failed: {describe_error(error)}"
            self.engine.events.count_and_warn("endpoint", "hook_failed", message, error)

    async def _page_user(self, scope: Scope) -> User | None:
        if scope.get("session") is Empty:  # after clear_session, which leaves the user of an authenticating middleware
            return None
        handler = scope.get("route_handler")
        if handler is not None and (INNER_CALL in scope or not _may_authenticate(handler)):
            return await self._resolve(scope)
        return _unresolved(scope) if INNER_CALL in scope else await self._endpoint_user(scope)

    async def _endpoint_user(self, scope: Scope) -> User | None:
        """Returns the user whom the token endpoint sees, for a page that says less, or something else.

        That is an error page for a path without a route, for which no middleware ran, and a page of a route that
        authenticates by itself: the ids of its users are others, and the endpoint does not know them.
        """
        assert self.engine is not None
        # without what the page's layers have added
        original = dict(islice(scope.items(), list(scope).index(IDENTITY_KEY) + 1))
        original["state"] = dict(original[ORIGINAL_STATE])
        request = TokenRequest("GET", "/token")
        response = await self._token_response(self.engine, original, receive_empty_body, request)
        return None if response.status == 401 else await resolve_user_async(scope, _unresolved)


class _TokenRoute(ASGIRouteHandler):
    """The route of the endpoint. A hook or a middleware of the app may read the body, as it does on HTTP routes."""

    def resolve_request_max_body_size(self) -> None:
        """Called by Litestar for each body that is read, although its own ASGI routes lack this."""


def _note_session_cookie(options: dict[str, Any]) -> None:
    """Reads the options of a session or an authentication layer."""
    config = getattr(options.get("backend"), "config", None)
    config = config or getattr(options.get("config"), "session_backend_config", None)  # of SessionAuth
    name = getattr(config, "key", None) or options.get("auth_cookie_key")  # of JWTCookieAuth
    note_session_cookie(name)
    note_session_cookie(name and f"{name}-0")  # the first part of a session that is too long for one cookie


def _may_authenticate(handler: BaseRouteHandler) -> bool:
    """Whether a route may set the user or the session by itself, as far as its own middleware and hook tell."""
    if isinstance(handler, ASGIRouteHandler) and handler.is_mount:
        return True
    if isinstance(handler, HTTPRouteHandler):
        hook = handler.resolve_before_request()
        if hook is not None and hook is not handler.ownership_layers[0].before_request:
            return True
    layers = handler.resolve_middleware()  # those of the whole app come last
    return any(map(_may_set_user, layers[: len(layers) - len(handler.ownership_layers[0].middleware or ())]))


def _may_set_user(layer: Any) -> bool:
    kind = getattr(layer, "middleware", layer)
    if not isinstance(kind, type) or not kind.__module__.startswith("litestar.middleware."):
        return True
    return issubclass(kind, (AbstractAuthenticationMiddleware, SessionMiddleware))


def _unresolved(scope: Any) -> User | None:
    raise ResolverError("a layer of the app answered before the user was resolved")
