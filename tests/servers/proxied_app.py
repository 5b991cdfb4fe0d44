"""The app behind a real authenticating proxy; the environment configures the proxy."""

from __future__ import annotations

import os

from tests.servers.apps import asgi_app, wsgi_app
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

if "WIDGETMW_PROXY" in os.environ:
    asgi = AsgiMiddleware(asgi_app)
    wsgi = WsgiMiddleware(wsgi_app)
