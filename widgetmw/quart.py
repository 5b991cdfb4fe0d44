"""Quart: ``Widget(app, user=...)``, or ``Widget(user=...).init_app(app)`` with an app factory.

The response is modified as the whole app leaves it, outside ``app.asgi_app``. The user is resolved inside the request
context: for a page when all of the app's hooks have run, for the endpoint in a view of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

from quart import Quart, Response, abort, current_app, request, request_finished, session

from widgetmw.asgi.request import App, Message, Receive, Scope, Send, page_request
from widgetmw.asgi.subrequest import OuterMiddleware, answer_inner_call
from widgetmw.core.endpoint import INNER_CALL
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError
from widgetmw.core.events import log
from widgetmw.core.identity.resolvers import ROUTES_ARE_NOT_ASKED, accepts_arguments, from_scope, prefetch_user_async
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings, require_settings
from widgetmw.flask_common import NAME, check_cookie_path, identity_of_request, leave_unsaved, settings_for, token_rules

__all__ = ["Widget"]

Resolver: TypeAlias = Callable[[], User | Awaitable[User | None] | None]


class Widget:
    """The extension: injects vendors' signed identity tokens into pages of Quart apps, and serves the token endpoint.

    Args:
        app: an app to install it in; ``init_app`` takes it later, and takes several.
        settings: ``None`` reads ``app.config``, which overrides the environment: ``app.config["WIDGETMW_DELIVERY"]``.
        user: called without arguments inside the request context, sync (then it must not block) or async; returns the
            signed-in ``User``, or ``None``. Without it, the user comes from the authenticating proxy in the settings.

    Raises:
        SettingsError: the configuration is invalid.
        TypeError: ``user`` is not callable.
    """

    def __init__(
        self, app: Quart | None = None, settings: Settings | None = None, *, user: Resolver | None = None
    ) -> None:
        if user is not None and not (callable(user) and accepts_arguments(user, 0)):
            raise TypeError("user must be a function without arguments that returns a User or None")
        require_settings(settings)
        self._settings, self._user = settings, user
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Installs it in an app, before the app's first request.

        Raises:
            SettingsError: the configuration is invalid.
            TypeError: ``app`` is not a Quart app.
            RuntimeError: it is already installed in the app.
        """
        if not isinstance(app, Quart):
            raise TypeError(
                f"Widget takes a Quart app, not {type(app).__name__}: wrap others with widgetmw.asgi.WidgetMiddleware"
            )
        settings = settings_for(app, self._settings)
        outer_resolver = None if self._user is None else _from_outside
        if self._user is None and settings.active and settings.proxy is None:
            log.warning("widgetmw: nothing says who is signed in: pass user= to Widget; %s", ROUTES_ARE_NOT_ASKED)
            outer_resolver = from_scope
        outer = OuterMiddleware(_disconnect_inner_calls(app.asgi_app), settings, user=outer_resolver)  # type: ignore[arg-type]
        app.extensions[NAME] = outer
        if outer.engine is not None:
            _InnerPart(app, outer, outer.engine, self._user)
            app.asgi_app = outer  # type: ignore[method-assign, assignment]


def _disconnect_inner_calls(app: App) -> App:
    """Tells the app that the client has disconnected as soon as it has answered an inner request.

    Since 0.23 Quart returns only then, while the real client stays connected and waits for our response.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if INNER_CALL not in scope or not _is_on_asyncio():  # Quart-Trio returns once it has answered
            await app(scope, receive, send)
            return
        answered = asyncio.Event()

        async def receive_inner() -> Message:
            received, over = asyncio.ensure_future(receive()), asyncio.ensure_future(answered.wait())
            try:
                await asyncio.wait([received, over], return_when=asyncio.FIRST_COMPLETED)
                return received.result() if received.done() else {"type": "http.disconnect"}
            finally:
                received.cancel()
                over.cancel()

        async def send_inner(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.set()

        await app(scope, receive_inner, send_inner)

    return wrapped


def _is_on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _InnerPart:
    """Runs inside the app, and resolves the user."""

    def __init__(self, app: Quart, outer: OuterMiddleware, engine: Engine, user: Resolver | None) -> None:
        self._outer, self._engine = outer, engine
        self._user: Any = user

        async def token_view(**_: str) -> Response:  # not a method, since packages mark views with attributes
            return await self._token_response()

        for rule, host in token_rules(app):
            app.add_url_rule(f"{engine.path}{rule}", NAME, token_view, **host)
        request_finished.connect(self._prefetch_user, app)  # a weak reference; the view keeps this object alive

    def _resolve(self, scope: Scope) -> User | Awaitable[User | None] | None:
        proxy_resolver = self._outer.proxy_resolver
        if proxy_resolver is not None:
            return proxy_resolver(scope)
        return from_scope(scope) if self._user is None else self._user()

    async def _token_response(self) -> Response:
        """The view of the endpoint. The app's hooks see a response without a token."""
        scope: Any = request.scope
        if INNER_CALL not in scope:
            abort(404)
        response = await answer_inner_call(self._engine, scope, self._resolve)
        leave_unsaved(session, current_app)
        return Response(response.body, response.status, dict(response.headers))

    async def _prefetch_user(self, app: Quart, response: Any, **_: Any) -> None:
        """Resolves the user of a page when the app is done with it and the request context still exists."""
        scope: Any = request.scope
        identity = identity_of_request(app, scope, self._outer, self._engine, "asgi_app")
        if identity is None:
            return
        with suppress(Exception):  # the outer part will fail in the same way, and log it
            page, method = page_request(scope), scope["method"]
            identity.root_path = page.root_path  # a layer may have set it, in a copy of the scope
            call, status, headers = scope.get(INNER_CALL), response.status_code, list(response.headers)
            is_interrupted = call is not None and call.is_interrupted(status)
            if is_interrupted or self._engine.page_that_needs_user(page, method, page.path, status, headers):
                await prefetch_user_async(scope, self._resolve)
                check_cookie_path(app, request.cookies, identity, self._engine)


def _from_outside(scope: Scope) -> User | None:
    raise ResolverError("the page came from an ASGI layer around the Quart app, where the user cannot be resolved")
