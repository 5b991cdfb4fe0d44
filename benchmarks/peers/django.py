"""Django middleware: the package's, and django-browser-reload, which inserts a script during development."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.urls import include, path
from django.utils.module_loading import import_string

from benchmarks.rounds import Batch
from benchmarks.subject import ADA
from benchmarks.subject import settings as widgetmw_settings
from benchmarks.traffic import SHORT_HEADERS, wsgi_request
from widgetmw import User

Middleware = Callable[[WSGIRequest], Any]


def user(request: Any) -> User:
    """Returns the signed-in user."""
    return ADA


def cases(body: bytes, notes: list[str]) -> dict[str, Batch]:
    """Returns a bare view, and the same view with each middleware around it."""

    def view(request: WSGIRequest) -> HttpResponse:
        return HttpResponse(body)

    found: dict[str, Middleware] = {
        "bare": view,
        **{name: each(view) for name, each in _load_middleware(notes).items()},
    }
    for name, each in found.items():
        changed = each(WSGIRequest(wsgi_request(SHORT_HEADERS))).content != body
        assert changed == (name != "bare"), f"{name}: the page is not as expected"
    return {name: _batch(each) for name, each in found.items()}


def _load_middleware(notes: list[str]) -> dict[str, Callable[[Middleware], Middleware]]:
    urls = {"widgetmw.django": "_widgetmw/"}
    if find_spec("django_browser_reload"):
        urls["django_browser_reload"] = "__reload__/"
    else:
        notes.append("django-browser-reload is not installed")
    if not settings.configured:
        settings.configure(
            DEBUG=True,
            SECRET_KEY="not-a-secret",
            INSTALLED_APPS=list(urls),
            WIDGETMW={"SETTINGS": widgetmw_settings(), "USER": f"{__name__}.user"},
        )
        django.setup()
        settings.ROOT_URLCONF = tuple(path(prefix, include(f"{app}.urls")) for app, prefix in urls.items())
    found = {"widgetmw.django": "widgetmw.django.WidgetMiddleware"}
    if "django_browser_reload" in urls:
        found["django-browser-reload"] = "django_browser_reload.middleware.BrowserReloadMiddleware"
    return {name: import_string(dotted) for name, dotted in found.items()}


def _batch(middleware: Middleware) -> Batch:
    environ = wsgi_request(SHORT_HEADERS)

    def calls(count: int) -> float:
        start = time.thread_time()
        for _ in range(count):
            middleware(WSGIRequest(environ.copy()))
        return time.thread_time() - start

    return calls
