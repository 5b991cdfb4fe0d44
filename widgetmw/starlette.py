"""Starlette: ``install(app, user=...)``, before or after any ``add_middleware``.

What is installed has two parts. The outer one stands outside of all middleware, the app's error pages included, and
sees the answer as the browser will. The inner one stands inside of it, where session and user live, and finds out who
is signed in.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from widgetmw.asgi.middleware import App, Receive, placed, send_answer
from widgetmw.asgi.responder import Scope, Send, UserProbe, is_special
from widgetmw.asgi.subrequest import Outer, answered, asked
from widgetmw.core.errors import ResolverError
from widgetmw.core.events import log
from widgetmw.core.identity.resolvers import AsyncResolver, claimed, from_scope, takes
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings

__all__ = ["install"]

Resolver: TypeAlias = Callable[[HTTPConnection], User | Awaitable[User | None] | None]


def install(app: Starlette, *, settings: Settings | None = None, user: Resolver | None = None) -> None:
    """Puts a vendor's signed identity into the pages of a Starlette app, and serves its token endpoint.

    The order of ``add_middleware`` calls before or after it does not matter: the request is seen as the innermost
    layer sees it, the response as the outermost leaves it.

    Args:
        app: not started yet.
        settings: how; ``None`` reads the environment.
        user: called with the ``HTTPConnection``, sync (then it must not block) or async; returns the ``User`` who is
            signed in, or ``None``. Without it the proxy that the settings name is believed, or else
            ``scope["user"]`` is read, as ``AuthenticationMiddleware`` sets it.

    Raises:
        SettingsError: the environment has problems.
        TypeError: ``app`` is no Starlette app, or ``user`` is not callable.
        RuntimeError: the app has started, or has it already.
    """
    if user is not None and not (callable(user) and takes(user, 1)):
        raise TypeError("user must be a function of the HTTPConnection that returns a User or None")
    install_resolver(app, settings, None if user is None else _from_connection(user))


def install_resolver(app: Starlette, settings: Settings | None, resolver: AsyncResolver | None) -> None:
    """As :func:`install`, with a resolver that takes the scope; ``None`` asks the proxy or reads ``scope["user"]``."""
    if not isinstance(app, Starlette):
        raise TypeError(f"install takes a Starlette or FastAPI app, not {type(app).__name__}: wrap others with asgi")
    if isinstance(app.build_middleware_stack, _Builder):
        raise RuntimeError("widgetmw is installed in this app already: call install once")
    if app.middleware_stack is not None:
        raise RuntimeError("the app has started: call install before its first request, where it is created")
    settings = Settings.from_env() if settings is None else settings
    app.build_middleware_stack = _Builder(app, settings, resolver)  # type: ignore[method-assign]


class _Builder:
    """Stands in for the app's ``build_middleware_stack``, so that all that is ever added lies in between."""

    def __init__(self, app: Starlette, settings: Settings, resolver: AsyncResolver | None) -> None:
        self._app = app
        self._build = app.build_middleware_stack
        outside = resolver if resolver is not None or settings.proxy else _from_outside
        self.outer = Outer(app.router, settings, user=outside)
        self._resolver = resolver or self.outer.front

    def __call__(self) -> ASGIApp:
        added = self._app.user_middleware
        if self._resolver is None and not added:
            log.warning("no middleware of the app could set scope['user']: give install a user=, or call identify")
        self._app.user_middleware = [*added, Middleware(_Inner, self.outer, self._resolver or from_scope)]
        try:
            self.outer.wrap(self._build())
        finally:
            self._app.user_middleware = added
        return self.outer


class _Inner:
    """Inside of everything but the routes: finds out who is signed in."""

    def __init__(self, app: App, outer: Outer, resolver: AsyncResolver) -> None:
        self.app = app
        self._outer = outer
        self._resolver = resolver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        widget = self._outer.widget
        if widget is None or scope["type"] != "http" or not claimed(scope, self._outer):
            await self.app(scope, receive, send)
        elif asked(scope):
            await send_answer(*await answered(widget, scope, self._resolver), send)
        elif widget.asks_user:
            mount, path = placed(scope)
            probe = UserProbe()
            probe.begin(widget, scope, mount, path, send, self._resolver)
            if is_special(scope["headers"]):
                probe.read_request()
            await self.app(scope, receive, probe.send)
            if probe.held_start is not None:
                await probe.close()
        else:
            await self.app(scope, receive, send)


def _from_outside(scope: Scope) -> User | None:
    """Reads ``scope["user"]`` for a page that no route made: where it is not set, that does not mean nobody."""
    if "user" not in scope:
        raise ResolverError("a layer outside of the one that sets scope['user'] answered with a page")
    return from_scope(scope)


def _from_connection(user: Resolver) -> AsyncResolver:
    # plain as long as the app's function is: a coroutine more would cost every page
    def resolve(scope: Scope) -> User | Awaitable[User | None] | None:
        try:
            found = user(HTTPConnection(scope))
        except AssertionError as error:
            raise explained(error) from None
        if found is None or isinstance(found, User) or not inspect.isawaitable(found):
            return found
        return _awaited(found)

    return resolve


async def _awaited(found: Awaitable[User | None]) -> User | None:
    try:
        return await found
    except AssertionError as error:
        raise explained(error) from None


def explained(error: AssertionError) -> Exception:
    """Names the fix where ``request.session``, ``request.user`` or ``request.auth`` has nothing to stand on."""
    if "must be installed" not in str(error):  # Starlette's own words
        return error
    return ResolverError(f"{error}: call app.add_middleware for it, before or after install")
