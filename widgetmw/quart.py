"""Quart: ``Widget(app, user=...)``, or ``Widget(user=...).init_app(app)`` with an app factory.

The page is seen as the whole app leaves it, outside of ``app.asgi_app``. Who is signed in is found out inside of the
request context: for a page when all of the app's hooks have run, for the endpoint by a view of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from quart import Quart, Response, abort, request, request_finished, session

from widgetmw.asgi.middleware import App, Receive
from widgetmw.asgi.responder import Message, Scope, Send
from widgetmw.asgi.subrequest import Outer, answered, asked, asks, from_proxy, nameable
from widgetmw.core.config_overlay import overlaid
from widgetmw.core.engine import Widget as Core
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import ask_async, claimed, takes
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings

__all__ = ["Widget"]

Resolver: TypeAlias = Callable[[], User | Awaitable[User | None] | None]

_NAME: Final = "widgetmw"


class Widget:
    """The extension: puts a vendor's signed identity into the pages of Quart apps, and serves the token endpoint.

    Args:
        app: an app to begin with; ``init_app`` takes it later, and takes several.
        settings: how; ``None`` reads ``app.config`` over the environment: ``app.config["WIDGETMW_DELIVERY"]``.
        user: called without arguments inside of the request context, sync (then it must not block) or async; returns
            the ``User`` who is signed in, or ``None``. Without it the proxy that the settings name is believed.

    Raises:
        SettingsError: the configuration has problems.
        TypeError: ``user`` is not callable, or there is neither a ``user`` nor a proxy.
    """

    def __init__(
        self, app: Quart | None = None, settings: Settings | None = None, *, user: Resolver | None = None
    ) -> None:
        if user is not None and not (callable(user) and takes(user, 0)):
            raise TypeError("user must be a function without arguments that returns a User or None")
        self._settings = settings
        self._user = user
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Installs it in an app, before its first request.

        Raises:
            SettingsError: the configuration has problems.
            TypeError: there is neither a ``user`` nor a proxy.
            RuntimeError: the app has it already.
        """
        if _NAME in app.extensions:
            raise RuntimeError("widgetmw is installed in this app already: call init_app once")
        settings = self._settings
        if settings is None:
            settings = Settings.from_env(overlaid(os.environ, app.config))
        nameable(self._user, settings)
        page_user = None if self._user is None else _from_elsewhere
        outer = Outer(_ending(app.asgi_app), settings, user=page_user)  # type: ignore[arg-type]
        app.extensions[_NAME] = outer
        if outer.widget is not None:
            _Inner(app, outer, outer.widget, self._user)
            app.asgi_app = outer  # type: ignore[method-assign, assignment]


def _ending(app: App) -> App:
    """Tells the app that the client has left as soon as it has answered a request that the outer part sent.

    From 0.23 on Quart returns only then, and the client stays: it waits for what we make of the answer.
    """

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if not asked(scope):
            await app(scope, receive, send)
            return
        ended = asyncio.Event()
        coming: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def left() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async def hear() -> Message:
            if coming:
                return coming.pop()
            waiting = [asyncio.ensure_future(ended.wait()), asyncio.ensure_future(left())]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waiting:
                    each.cancel()
            return {"type": "http.disconnect"}

        async def tell(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                ended.set()

        await app(scope, hear, tell)

    return served


class _Inner:
    """Inside of the app: finds out who is signed in."""

    def __init__(self, app: Quart, outer: Outer, widget: Core, user: Resolver | None) -> None:
        self._outer = outer
        self._widget = widget
        self._user = user
        for rule in ("/token", "/token/<provider>"):
            host = {"host": "<host>"} if app.url_map.host_matching else {}
            app.add_url_rule(f"{widget.path}{rule}", _NAME, self._token, **host)  # type: ignore[arg-type]
        request_finished.connect(self._finished, app)  # which the view keeps alive

    def _resolve(self, scope: Scope) -> User | Awaitable[User | None] | None:
        return from_proxy(self._outer, scope) if self._user is None else self._user()

    async def _token(self, **_: str) -> Response:
        """The view of the endpoint. What it returns is looked at by the app's own hooks alone."""
        if not asked(request.scope):  # type: ignore[arg-type]
            abort(404)
        answer, _call = await answered(self._widget, request.scope, self._resolve)  # type: ignore[arg-type]
        _leave_session_alone()
        return Response(answer.body, answer.status, dict(answer.headers))

    async def _finished(self, app: Quart, response: Any, **_: Any) -> None:
        """Asks for the user of a page, when the app is done with it and the context is still there."""
        scope: Any = request.scope
        try:
            if claimed(scope, self._outer) and asks(self._widget, scope, response.status_code, list(response.headers)):
                await ask_async(scope, self._resolve)
        except Exception:  # noqa: S110  further out the same will fail, and be said
            pass


def _leave_session_alone() -> None:
    """Keeps the session from being saved, in a cookie or in a store, for no more than a token was asked for."""
    if session.permanent:
        session.permanent = False  # in this request only: it is not saved
    session.modified = False


def _from_elsewhere(scope: Scope) -> User | None:
    raise ResolverError("the page came from an ASGI layer around the Quart app, where nobody can be found out")
