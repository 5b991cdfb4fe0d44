"""aiohttp's own server: ``install(app, user=...)``, before or after the app's own middlewares.

aiohttp supports neither ASGI nor WSGI. Our outermost middleware replaces each request's writer, where all headers are
final, including those that ``on_response_prepare`` adds, and streams pass chunk by chunk. The writer calls the core as
the ASGI driver does. For the token endpoint, an inner request goes through the app's middlewares to our own route,
where session and user are available.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from widgetmw.aiohttp.middleware import AiohttpMiddleware, Resolver
from widgetmw.asgi.subrequest import require_user_source
from widgetmw.core.engine import Engine
from widgetmw.core.identity.resolvers import accepts_arguments
from widgetmw.core.settings import Settings, require_settings

__all__ = ["install"]

INSTALLED: Final = web.AppKey("widgetmw", object)


def install(app: web.Application, *, settings: Settings | None = None, user: Resolver | None = None) -> None:
    """Injects vendors' signed identity tokens into the pages of an aiohttp app, and serves its token endpoint.

    Args:
        app: not started yet. A sub-application serves its own pages, under its prefix; one that is added by
            ``add_domain`` needs an ``install`` of its own.
        settings: ``None`` reads the environment.
        user: called with the ``web.Request`` once the app's middlewares have run, sync (then it must not block) or
            async; returns the signed-in ``User``, or ``None``. Without it, the user comes from the authenticating
            proxy in the settings.

    Raises:
        SettingsError: the environment is invalid.
        TypeError: ``app`` is not an aiohttp app, ``user`` is not callable, or there is neither ``user`` nor a proxy.
        RuntimeError: the app has started, or ``install`` was called for it already.
    """
    if not hasattr(app, "pre_freeze"):  # not by its class: OpenTelemetry replaces web.Application
        raise TypeError(f"install takes an aiohttp web.Application, not {type(app).__name__}")
    if user is not None and not (callable(user) and accepts_arguments(user, 1)):
        raise TypeError("user must be a function of the request that returns a User or None")
    if INSTALLED in app:
        raise RuntimeError("widgetmw is already installed in this app: call install once")
    if app.pre_frozen:
        raise RuntimeError(
            "the app has started, or is part of another app: call install earlier, where the app is created"
        )
    require_settings(settings)
    settings = Settings.from_env() if settings is None else settings
    require_user_source(user, settings)
    app[INSTALLED] = AiohttpMiddleware(app, Engine(settings), user) if settings.active else None
