"""Django: an app, a middleware and URLs.

Where they go::

    INSTALLED_APPS += ["widgetmw.django"]
    MIDDLEWARE: "widgetmw.django.WidgetMiddleware", below AuthenticationMiddleware and GZipMiddleware, and above
        whatever sets a Content-Security-Policy
    urlpatterns = [path("_widgetmw/", include("widgetmw.django.urls")), *urlpatterns]

``settings.WIDGETMW`` holds settings that override the environment, with or without their prefix, and ``"USER"``, the
dotted path to a function of the request that returns the signed-in user, instead of :func:`from_request`.
``manage.py check`` reports mistakes.
"""

from widgetmw.django.middleware import WidgetMiddleware
from widgetmw.django.user import from_request

__all__ = ["WidgetMiddleware", "from_request"]
