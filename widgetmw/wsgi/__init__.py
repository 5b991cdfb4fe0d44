"""The WSGI driver (PEP 3333)."""

from widgetmw.wsgi.middleware import WidgetMiddleware

__all__ = ["WidgetMiddleware"]
