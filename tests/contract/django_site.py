"""The canned app in Django. Django's settings are global, so each site activates its own before a request."""

from __future__ import annotations

import os
from contextvars import copy_context
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path

from tests.contract.site import AsgiSite, Reply, Site, WsgiSite
from widgetmw import Settings
from widgetmw.django import configuration

FOLDER = Path(gettempdir()) / f"widgetmw-tests-{os.getpid()}"  # created by the tests that need it

if not settings.configured:
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "widgetmw.django",
        ],
        MIDDLEWARE=["widgetmw.django.WidgetMiddleware"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}},
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        LOGGING_CONFIG=None,
        USE_TZ=True,
    )
    django.setup()


class Urls:
    """A URLconf for one test."""

    def __init__(self, *urlpatterns: Any) -> None:
        self.urlpatterns = urlpatterns


class DjangoSite(WsgiSite):
    driver = "django"
    app_owns_urls = True
    handler: Any = WSGIHandler

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        environ: dict[str, str] = {"WIDGETMW_DEBUG": "true", **args[0]}
        Site.__init__(self, *args, **kwargs)
        self.config = {**environ, "USER": lambda request: self.resolve(self.raw_request(request))}
        prefix = Settings.from_env(environ).path.lstrip("/")
        self.urls = Urls(path(f"{prefix}/", include("widgetmw.django.urls")), re_path("", self.page_view()))
        self.activate()
        self.installed = configuration.installed()
        self.django_handler: Any = self.handler()
        self.middleware = self.django_handler

    def activate(self) -> None:
        if len(dict(self.page.headers)) < len(self.page.headers):
            pytest.skip("a Django response holds each header only once")
        settings.WIDGETMW, settings.ROOT_URLCONF = self.config, self.urls
        configuration._current = getattr(self, "installed", None)

    def raw_request(self, request: Any) -> Any:
        return request.META

    def page_view(self) -> Any:
        return self.view

    def view(self, request: Any) -> HttpResponseBase:
        self.record_environ(request.META)
        return self.respond()

    def respond(self) -> HttpResponseBase:
        return self.body(self.page.status, dict(self.page.headers))

    def body(self, status: int, headers: dict[str, str]) -> HttpResponseBase:
        if isinstance(self.page.body, bytes):
            return HttpResponse(self.page.body, status=status, headers=headers)
        return StreamingHttpResponse(iter(self.page.chunks), status=status, headers=headers)

    @property
    def engine(self) -> Any:
        return self.installed.engine if self.middleware is self.django_handler else self.middleware.engine

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        self.activate()
        # in a context of its own: each URLconf leaves a variable behind, which asgiref copies at each switch of threads
        reply = copy_context().run(super().request, path, method, root_path, **headers)
        return Reply(reply.status, reply.headers, []) if method == "HEAD" else reply  # servers send no body


class DjangoStreamSite(DjangoSite):
    """The same pages as streamed responses."""

    driver = "django-stream"

    def body(self, status: int, headers: dict[str, str]) -> HttpResponseBase:
        return StreamingHttpResponse(iter(self.page.chunks), status=status, headers=headers)


class DjangoAsyncSite(DjangoSite, AsgiSite):
    """Async from the server to the view, including streamed responses."""

    driver = "django-async"
    gateway = "asgi"
    handler = ASGIHandler

    def raw_request(self, request: Any) -> Any:
        return request.scope

    def page_view(self) -> Any:
        async def view(request: Any) -> HttpResponseBase:
            self.seen.requests.append({k.decode().lower(): v.decode("latin-1") for k, v in request.scope["headers"]})
            kept = {key[5:].lower().replace("_", "-") for key in request.META if key.startswith("HTTP_")}
            self.seen.requests[-1] = {k: v for k, v in self.seen.requests[-1].items() if k in kept}
            self.on_request(request.scope)
            return self.respond()

        return view

    def body(self, status: int, headers: dict[str, str]) -> HttpResponseBase:
        async def chunks() -> Any:
            for chunk in self.page.chunks:
                yield chunk

        if isinstance(self.page.body, bytes):
            return HttpResponse(self.page.body, status=status, headers=headers)
        return StreamingHttpResponse(chunks(), status=status, headers=headers)

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        self.activate()
        reply = AsgiSite.request(self, path, method, root_path, **headers)
        return Reply(reply.status, reply.headers, []) if method == "HEAD" else reply
