"""Litestar: ``app = WidgetMiddleware(Litestar(...), user=...)``, wrapped around the app.

Litestar runs its ``middleware=`` list per route: the middleware would be created once per route, and never be called
for a path without one. The user is still resolved inside the app, where session and user are available.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from litestar import Litestar, asgi
from litestar.connection import ASGIConnection
from litestar.exceptions import ImproperlyConfiguredException, NotFoundException
from litestar.types import Empty

from widgetmw.asgi.request import Scope, receive_empty_body
from widgetmw.asgi.subrequest import OuterMiddleware, answer_inner_call, require_user_source
from widgetmw.core.endpoint import INNER_CALL, TokenRequest
from widgetmw.core.errors import ResolverError
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
        if self.engine is not None:
            path = f"{self.engine.path}/token"
            paths = [path, *(f"{path}/{vendor.provider.name}" for vendor in self.settings.vendors)]
            app.register(asgi(paths, copy_scope=False)(self._inner_route))

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

    async def _inner_route(self, scope: Any, receive: Any, send: Any) -> None:
        """The route of the endpoint, inside all middleware."""
        if self.engine is None or INNER_CALL not in scope:
            raise NotFoundException
        await prefetch_user_async(scope, self._resolve)
        await answer_inner_call(self.engine, scope, self._resolve)
        # Nothing is sent: the start of a response would save the session and extend its life.

    async def _page_user(self, scope: Scope) -> User | None:
        if "route_handler" in scope and not getattr(scope["route_handler"], "is_mount", False):
            return await self._resolve(scope)
        if INNER_CALL in scope:
            return _unresolved(scope)
        # An error page for a path without a route, for which no middleware ran; or a page of a mounted app, which may
        # have put a session of its own into the scope. The endpoint's route knows the user.
        assert self.engine is not None
        path = f"{scope.get('root_path', '').rstrip('/')}{self.engine.path}/token"
        request = TokenRequest("GET", "/token")
        response = await self._token_response(self.engine, {**scope, "path": path}, receive_empty_body, request)
        return None if response.status == 401 else await resolve_user_async(scope, _unresolved)


def _unresolved(scope: Any) -> User | None:
    raise ResolverError("a layer of the app answered before the user was resolved")
