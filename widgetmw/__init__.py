"""Tells a vendor's chat widget who is signed in, for any ASGI or WSGI app.

Public names: :class:`Settings`, :class:`SettingsError`, :class:`User`, :func:`identify`, :func:`observe` and the
:class:`Event` that its listeners get; and the middleware classes
:class:`widgetmw.asgi.WidgetMiddleware` and :class:`widgetmw.wsgi.WidgetMiddleware`.
"""

from widgetmw.core.errors import SettingsError
from widgetmw.core.identity.request_identity import identify
from widgetmw.core.identity.user import User
from widgetmw.core.metrics import Event, observe
from widgetmw.core.settings import Settings

__version__ = "0.2.0"
__all__ = ["Event", "Settings", "SettingsError", "User", "identify", "observe"]
