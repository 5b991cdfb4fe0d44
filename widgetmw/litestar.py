"""Litestar: ``app = WidgetMiddleware(Litestar(...), user=...)``, around the app as it is.

Litestar's middleware belongs to its routes, each of which has its own: in that list we would be made once a route, and
called for no path that has none. The user is found inside of it all the same, where session and user live.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from litestar import Litestar, asgi
from litestar.connection import ASGIConnection
from litestar.exceptions import ImproperlyConfiguredException, NotFoundException
from litestar.types import Empty

from widgetmw.asgi.responder import Message, Scope
from widgetmw.asgi.subrequest import Outer, answered, asked, from_proxy, nameable
from widgetmw.core.endpoint import Call
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import ask_async, takes, whose_async
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings

__all__ = ["WidgetMiddleware"]

Resolver: TypeAlias = Callable[[ASGIConnection[Any, Any, Any, Any]], User | Awaitable[User | None] | None]


class WidgetMiddleware(Outer):
    """Puts a vendor's signed identity into the pages of a Litestar app, and answers its token endpoint.

    Args:
        app: the Litestar app to wrap; it gets a route for the endpoint, which is in no OpenAPI schema.
        settings: how; ``None`` reads the environment.
        user: called with the ``ASGIConnection``, sync (then it must not block) or async; returns the ``User`` who is
            signed in, or ``None``. Without it the proxy that the settings name is believed.

    Raises:
        SettingsError: the environment has problems.
        TypeError: ``app`` is no Litestar app, ``user`` is not callable, or there is neither a ``user`` nor a proxy.
    """

    def __init__(self, app: Litestar, settings: Settings | None = None, *, user: Resolver | None = None) -> None:
        if not isinstance(app, Litestar):
            raise TypeError(f"WidgetMiddleware takes a Litestar app, not {type(app).__name__}: wrap others with asgi")
        if user is not None and not (callable(user) and takes(user, 1)):
            raise TypeError("user must be a function of the ASGIConnection that returns a User or None")
        super().__init__(app, settings, user=None if user is None else self._of_page)  # type: ignore[arg-type]
        nameable(user, self.settings)
        self._resolver = user
        if self.widget is not None:
            names = ("", *(f"/{vendor.provider.name}" for vendor in self.settings.vendors))
            app.register(asgi([f"{self.widget.path}/token{name}" for name in names], copy_scope=False)(self._inside))

    async def _resolve(self, scope: Scope) -> User | None:
        if self._resolver is None:
            return from_proxy(self, scope)
        if scope.get("session") is Empty:  # as clear_session leaves it
            scope = {**scope, "session": {}}
        try:
            found = self._resolver(ASGIConnection(scope))  # type: ignore[arg-type]
            return await found if inspect.isawaitable(found) else found
        except ImproperlyConfiguredException as error:  # it knows what is missing: no session, no user
            raise ResolverError(error.detail) from None

    async def _inside(self, scope: Any, receive: Any, send: Any) -> None:
        """The route of the endpoint: inside of all middleware."""
        if self.widget is None or not asked(scope):
            raise NotFoundException
        await ask_async(scope, self._resolve)
        await answered(self.widget, scope, self._resolve)
        # nothing is sent: a session is saved, and its life prolonged, with the start of an answer

    async def _of_page(self, scope: Scope) -> User | None:
        if "route_handler" in scope:
            return await self._resolve(scope)
        # an error page for a path without a route, for which no middleware ran: the endpoint's route knows
        assert self.widget is not None
        path = f"{scope.get('root_path', '').rstrip('/')}{self.widget.path}/token"
        answer = await self._tokens(self.widget, {**scope, "path": path}, _nothing_more, Call("GET", "/token"))
        return None if answer.status == 401 else await whose_async(scope, _unknown)


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _unknown(scope: Scope) -> User | None:
    raise ResolverError("a layer of the app answered before the user was known")
