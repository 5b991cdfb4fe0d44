"""Starlette: ``install(app, user=...)``, before or after any ``add_middleware``.

It has two parts. The outer one wraps all middleware, the app's error pages included, and sees the response as the
browser will. The inner one runs inside all middleware, where session and user are available, and resolves the user.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from widgetmw.asgi.middleware import send_response
from widgetmw.asgi.request import App, Receive, Scope, Send, split_path
from widgetmw.asgi.subrequest import OuterMiddleware, answer_inner_call
from widgetmw.asgi.user_probe import ORIGINAL, UserProbe
from widgetmw.core.endpoint import INNER_CALL
from widgetmw.core.errors import ResolverError
from widgetmw.core.events import log
from widgetmw.core.http.page import note_session_cookie
from widgetmw.core.identity.original_state import ORIGINAL_STATE, SESSION_HANDLER
from widgetmw.core.identity.request_identity import IDENTITY_KEY, is_owner, move_to_end
from widgetmw.core.identity.resolvers import ROUTES_ARE_NOT_ASKED, AsyncResolver, accepts_arguments, from_scope
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings, require_settings

__all__ = ["install"]

Resolver: TypeAlias = Callable[[HTTPConnection], User | Awaitable[User | None] | None]


def install(app: Starlette, *, settings: Settings | None = None, user: Resolver | None = None) -> None:
    """Injects vendors' signed identity tokens into the pages of a Starlette app, and serves its token endpoint.

    The order of ``add_middleware`` calls before or after it does not matter: the user is resolved as the innermost
    layer sees the request, and the response is modified as the outermost layer leaves it.

    Args:
        app: not started yet.
        settings: ``None`` reads the environment.
        user: called with the ``HTTPConnection``, sync (then it must not block) or async; returns the signed-in
            ``User``, or ``None``. Without it, the user comes from the authenticating proxy in the settings, or else
            from ``scope["user"]`` as ``AuthenticationMiddleware`` sets it.

    Raises:
        SettingsError: the environment is invalid.
        TypeError: ``app`` is not a Starlette app, or ``user`` is not callable.
        RuntimeError: the app has started, or ``install`` was called for it already.
    """
    if user is not None and not (callable(user) and accepts_arguments(user, 1)):
        raise TypeError("user must be a function of the HTTPConnection that returns a User or None")
    install_resolver(app, settings, None if user is None else _from_connection(user))


def install_resolver(
    app: Starlette, settings: Settings | None, resolver: AsyncResolver | None, excluded_paths: Iterable[str] = ()
) -> None:
    """Like :func:`install`, with a resolver that takes the scope; ``None`` uses the proxy or ``scope["user"]``.

    The excluded paths are not the site's own; ``WIDGETMW_INCLUDE`` overrides them.
    """
    # not by its class: OpenTelemetry replaces the name, but not the base of FastAPI, nor the class of existing apps
    if not hasattr(app, "build_middleware_stack"):
        raise TypeError(
            f"install takes a Starlette or FastAPI app, not {type(app).__name__}: "
            "wrap other apps with widgetmw.asgi.WidgetMiddleware"
        )
    if isinstance(app, _Installed):
        raise RuntimeError("widgetmw is already installed in this app: call install once")
    if app.middleware_stack is not None:
        raise RuntimeError("the app has started: call install before its first request, where the app is created")
    require_settings(settings)
    settings = Settings.from_env() if settings is None else settings
    app.build_middleware_stack = builder = _StackBuilder(app, settings, resolver, excluded_paths)  # type: ignore[method-assign]
    own_class = type(app)
    app.__class__ = type(own_class.__name__, (_Installed, own_class), {"__module__": own_class.__module__})
    app.widgetmw = builder  # type: ignore[attr-defined]


class _Installed:
    """A base of the app's class: our outer part wraps whatever becomes the app's stack.

    Instrumentations take apart what ``build_middleware_stack`` returns and put their own around it, so our outer part
    must not be in there.
    """

    widgetmw: _StackBuilder

    def __setattr__(self, name: str, value: Any) -> None:
        # not a property, which would cost every request a call
        if name == "middleware_stack" and value is not None:
            value = self.widgetmw.wrap(value)
        super().__setattr__(name, value)


class _StackBuilder:
    """Replaces the app's ``build_middleware_stack``, so that all middleware ever added lies between our two parts."""

    _is_new = False  # whether a stack was built that our outer part does not wrap yet

    def __init__(
        self, app: Starlette, settings: Settings, resolver: AsyncResolver | None, excluded_paths: Iterable[str]
    ) -> None:
        self._app = app
        self._build = app.build_middleware_stack
        self._outer_resolver = resolver or _from_outside
        is_by_proxy = resolver is None and settings.proxy is not None
        self.outer = OuterMiddleware(app.router, settings, user=None if is_by_proxy else self._resolve_outside)
        self.outer.takes_user = "install"
        if self.outer.engine is not None:
            self.outer.engine.exclude_by_default(excluded_paths)
            self.outer.engine.endpoint_check.sees_inner_user = True
        self._resolver = resolver or self.outer.proxy_resolver

    def __call__(self) -> ASGIApp:
        added = self._app.user_middleware
        if self._resolver is None and not added:
            log.warning("widgetmw: no middleware sets scope['user']: pass user= to install; %s", ROUTES_ARE_NOT_ASKED)
            self._resolver = from_scope
        for each in added:
            note_session_cookie(each.kwargs.get("session_cookie"))  # of SessionMiddleware
        inner = Middleware(InnerMiddleware, outer=self.outer, resolver=self._resolver or self.outer.by_convention)
        self._app.user_middleware = [*added, inner]
        try:
            stack = self._build()
        finally:
            self._app.user_middleware = added
        self._is_new = True
        return stack

    def wrap(self, stack: ASGIApp) -> ASGIApp:
        """Returns our outer part around a new stack; a stack that already contains it, as it is."""
        if not self._is_new:
            return stack
        self._is_new = False
        self.outer.wrap(stack)
        return self.outer

    def _resolve_outside(self, scope: Scope) -> User | Awaitable[User | None] | None:
        """Resolves the user of a page that may carry a token only after a layer outside of the inner part."""
        assert self.outer.engine is not None
        check = self.outer.engine.endpoint_check
        return self._outer_resolver(check.with_original_identity(scope, scope.get(ORIGINAL, {})))


class InnerMiddleware:
    """Runs inside all middleware, and resolves the user.

    Instrumentations replace its ``__call__``, as Sentry's does, and follow ``app`` to see what is inside.
    """

    def __init__(self, app: App, outer: OuterMiddleware, resolver: AsyncResolver) -> None:
        self.app = app
        self._outer = outer
        self._resolver = resolver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app, outer, engine, resolver = self.app, self._outer, self._outer.engine, self._resolver
        if engine is None or not is_owner(scope, outer):
            await app(scope, receive, send)
            return
        root_path, path = split_path(scope)
        if root_path:
            # a layer outside of this one may have set it, in a copy of the scope
            scope[IDENTITY_KEY].root_path = root_path
        if INNER_CALL in scope:
            await send_response(await answer_inner_call(engine, scope, resolver), send)
        elif engine.is_endpoint(path):  # only here has the path lost its prefix
            await outer._respond(engine, scope, receive, send, path[len(engine.path) :])
        elif not engine.is_inline_delivery:
            await app(scope, receive, send)
        else:
            get = scope.get
            scope[ORIGINAL] = {key: get(key) for key in ("auth", "session", SESSION_HANDLER, "user")}
            scope[ORIGINAL_STATE] = {**(get("state") or {})}
            move_to_end(scope)
            probe = UserProbe()
            probe.begin(engine, scope, root_path, path, send, resolver)
            probe.read_request_headers()
            try:
                await app(scope, receive, probe.send)
            except Exception:
                await probe.prefetch_for_error()
                raise
            if probe.is_undecided:
                await probe.close()


def _from_outside(scope: Scope) -> User | None:
    """Reads ``scope["user"]`` for a page that no route made. A missing key does not mean an anonymous visitor."""
    if "user" not in scope:
        raise ResolverError("a middleware outside the one that sets scope['user'] returned a page")
    return from_scope(scope)


def _from_connection(user: Resolver) -> AsyncResolver:
    # sync if the app's function is: one more coroutine would cost every page
    def resolve(scope: Scope) -> User | Awaitable[User | None] | None:
        try:
            result = user(HTTPConnection(scope))
        except AssertionError as error:
            raise explain(error) from None
        if result is None or isinstance(result, User) or not inspect.isawaitable(result):
            return result
        return _await_user(result)

    return resolve


async def _await_user(awaitable: Awaitable[User | None]) -> User | None:
    try:
        return await awaitable
    except AssertionError as error:
        raise explain(error) from None


def explain(error: AssertionError) -> Exception:
    """Names the fix if ``request.session``, ``request.user`` or ``request.auth`` lacks its middleware."""
    if "must be installed" not in str(error):  # Starlette's own words
        return error
    return ResolverError(
        f"{error}: call app.add_middleware for it, before or after install; if it is there, a middleware outside of "
        "it, such as a cache, returned the page, and belongs inside of it: add that one first"
    )
