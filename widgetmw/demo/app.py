"""Assembles the demo: the sample site, widgetmw around it, and the inspector next to it."""

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
    """Returns the sample site, wrapped in widgetmw and with freshly generated keys.

    Args:
        ttl: lifetime of every token in seconds.
        base_url: the URL the site is served at, without a trailing slash.
        clock: returns Unix time in seconds; used by the stand-in backends.
    """
    keys = Keys()
    site = Site(keys, ttl, clock)
    wrapped_site = WidgetMiddleware(site, Settings.from_env(keys.environ(ttl, base_url)), user=site.user)
    return DispatcherMiddleware(wrapped_site, {"/inspect": Inspector(site, wrapped_site)})
