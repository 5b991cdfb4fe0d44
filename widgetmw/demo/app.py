"""Puts the sample site together: the site, widgetmw around it, the inspector beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from widgetmw import Settings
from widgetmw.demo.inspector import Inspector
from widgetmw.demo.keys import Keys
from widgetmw.demo.site import TTL, Site
from widgetmw.wsgi import WidgetMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def create_app(
    *, ttl: int = TTL, base_url: str = "http://127.0.0.1:8765", clock: Callable[[], float] = time.time
) -> WSGIApplication:
    """Returns the sample site with widgetmw around it, and with keys of its own.

    Args:
        ttl: lifetime of every token in seconds.
        base_url: where it will be served, without a trailing slash.
        clock: Unix time in seconds, for the stand-in backends.
    """
    keys = Keys()
    site = Site(keys, ttl, clock)
    front = WidgetMiddleware(site, Settings.from_env(keys.environ(ttl, base_url)), user=site.user)
    return DispatcherMiddleware(front, {"/inspect": Inspector(site, front)})
