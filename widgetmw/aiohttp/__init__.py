"""aiohttp's own server: ``install(app, user=...)``, before or after the app's own middlewares.

aiohttp speaks neither ASGI nor WSGI. What is installed is its outermost middleware, which gives each request a writer
of ours: there all headers have come together, what ``on_response_prepare`` adds included, and streams pass piece by
piece. The writer speaks to the core as the ASGI driver does. For the endpoint, a request of our own goes through the
app's middlewares to a route of ours, where session and user live.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from widgetmw.aiohttp.layer import Layer, Resolver
from widgetmw.asgi.subrequest import nameable
from widgetmw.core.engine import Widget
from widgetmw.core.identity.resolvers import takes
from widgetmw.core.settings import Settings

__all__ = ["install"]

INSTALLED: Final = web.AppKey("widgetmw", object)


def install(app: web.Application, *, settings: Settings | None = None, user: Resolver | None = None) -> None:
    """Puts a vendor's signed identity into the pages of an aiohttp app, and serves its token endpoint.

    Args:
        app: not started yet. One that is a part of another serves its own pages, under its prefix; one that is added
            by ``add_domain`` needs an ``install`` of its own.
        settings: how; ``None`` reads the environment.
        user: called with the ``web.Request`` once the app's middlewares have run, sync (then it must not block) or
            async; returns the ``User`` who is signed in, or ``None``. Without it the proxy that the settings name is
            believed.

    Raises:
        SettingsError: the environment has problems.
        TypeError: ``app`` is no aiohttp app, ``user`` is not callable, or there is neither a ``user`` nor a proxy.
        RuntimeError: the app has started, or has it already.
    """
    if not isinstance(app, web.Application):
        raise TypeError(f"install takes an aiohttp web.Application, not {type(app).__name__}")
    if user is not None and not (callable(user) and takes(user, 1)):
        raise TypeError("user must be a function of the request that returns a User or None")
    if INSTALLED in app:
        raise RuntimeError("widgetmw is installed in this app already: call install once")
    if app.pre_frozen:
        raise RuntimeError("the app has started, or is a part of another: call install before, where it is created")
    settings = Settings.from_env() if settings is None else settings
    nameable(user, settings)
    app[INSTALLED] = Layer(app, Widget(settings), user) if settings.active else None
