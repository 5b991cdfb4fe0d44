"""The ASGI driver."""

from widgetmw.asgi.middleware import WidgetMiddleware

__all__ = ["WidgetMiddleware"]
