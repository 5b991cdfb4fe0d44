"""Django: an app, a middleware and URLs.

Where they go::

    INSTALLED_APPS += ["widgetmw.django"]
    MIDDLEWARE: "widgetmw.django.WidgetMiddleware", below AuthenticationMiddleware and GZipMiddleware, and above
        whatever sets a Content-Security-Policy
    urlpatterns += [path("_widgetmw/", include("widgetmw.django.urls"))]

``settings.WIDGETMW`` holds settings over the environment, with or without their prefix, and ``"USER"``, the dotted
path of a function of the request that says who is signed in. ``manage.py check`` says what is amiss.
"""

from widgetmw.django.middleware import WidgetMiddleware

__all__ = ["WidgetMiddleware"]
