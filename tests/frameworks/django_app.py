"""A Django site with pages and a session-based sign-in, and visitors of its WSGI and ASGI handlers."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.contrib.auth import get_user_model, login, logout
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.urls import include, path
from werkzeug.test import Client

from tests.contract import django_site
from tests.frameworks.visitor import ENDPOINT, HEAD, Visitor
from widgetmw import User, identify

PAGE = HEAD + "x" * 2000
BASE = '<base href="https://cdn.example/">'
TEMPLATE = "{% load widgetmw %}<!doctype html><html><head><title>Shop</title>{% widgetmw_script %}</head><body>Hello"
AFTER_TEXT = TEMPLATE.replace("<title>", '<script type="application/json">"<!--widgetmw--><i>"</script><title>')
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = "widgetmw.django.WidgetMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
DJANGO_CSP = "csp.middleware.CSPMiddleware"
LOGIN_WALL = "tests.frameworks.django_app.login_wall"
STACK = [SESSIONS, COMMON, CSRF, AUTH, OURS]

FILE = django_site.FOLDER / "page.html"


def page(request: Any) -> HttpResponse:
    return HttpResponse(PAGE)


async def async_page(request: Any) -> HttpResponse:
    return HttpResponse(PAGE)


def sign_in(request: Any, name: str) -> HttpResponse:
    login(request, get_user_model().objects.get(username=name))
    return JsonResponse({})


def sign_out(request: Any) -> HttpResponse:
    logout(request)
    return HttpResponse(PAGE)


def chunks() -> Iterator[str]:
    for i in range(0, len(PAGE), 9):
        yield PAGE[i : i + 9]


async def async_chunks() -> AsyncIterator[str]:
    for chunk in chunks():
        yield chunk


def render(request: Any, text: str) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(text).render({}, request))


async def placed_async(request: Any) -> HttpResponse:
    return render(request, TEMPLATE)


def nonced(request: Any) -> HttpResponse:
    nonce = request.csp_nonce if hasattr(request, "csp_nonce") else request._csp_nonce
    return HttpResponse(f'{HEAD}<script nonce="{nonce}">1</script>')


def identify_user(request: Any, name: str) -> HttpResponse:
    identify(request.META, None if name == "anonymous" else User(name))
    return HttpResponse(PAGE)


def identify_in_scope(request: Any, name: str) -> HttpResponse:
    identify(request.scope, User(name))
    return HttpResponse(PAGE)


def broken(request: Any) -> HttpResponse:
    raise ValueError("secret detail")


def set_two_cookies(request: Any) -> HttpResponse:
    response = HttpResponse(PAGE, headers={"Set-Cookie": "a=1; Partitioned"})
    response.set_cookie("b", "2")
    return response


def forget(request: Any) -> HttpResponse:
    """Signs out whoever is known by a cookie of the app's own."""
    response = HttpResponse(PAGE)
    response.delete_cookie("access_token")
    return response


urlpatterns = [
    path("", page),
    path("async", async_page),
    path("in/<name>", sign_in),
    path("out", sign_out),
    path("stream", lambda request: StreamingHttpResponse(chunks())),
    path("stream-async", lambda request: StreamingHttpResponse(async_chunks())),
    path("file", lambda request: FileResponse(FILE.open("rb"))),
    path("gzip", lambda request: HttpResponse(gzip.compress(PAGE.encode()), headers={"Content-Encoding": "gzip"})),
    path("gzip-stream", lambda request: _compressed(chunks())),
    path("json", lambda request: JsonResponse({"html": PAGE})),
    path("fragment", lambda request: HttpResponse("<p>part</p>")),
    path("shared", lambda request: HttpResponse(PAGE, headers={"Cache-Control": "public, max-age=60"})),
    path("etag", lambda request: HttpResponse(PAGE, headers={"ETag": '"1"'})),
    path("placed", lambda request: render(request, TEMPLATE)),
    path("placed-async", placed_async),
    path("placed-after-text", lambda request: render(request, AFTER_TEXT)),
    path("based", lambda request: render(request, TEMPLATE.replace("<title>", BASE + "<title>"))),
    path("twice", lambda request: render(request, TEMPLATE + "{% widgetmw_script %}")),
    path("nonced", nonced),
    path("identify/<name>", identify_user),
    path("identify-in-scope/<name>", identify_in_scope),
    path("broken", broken),
    path("forget", forget),
    path("two-cookies", set_two_cookies),
    path("_widgetmw/", include("widgetmw.django.urls")),
]


def handler500(request: Any) -> HttpResponse:
    return HttpResponse(HEAD + "Oops", status=500)


def _compressed(chunks: Iterator[str]) -> StreamingHttpResponse:
    data = gzip.compress("".join(chunks).encode())
    return StreamingHttpResponse(
        (data[i : i + 50] for i in range(0, len(data), 50)), headers={"Content-Encoding": "gzip"}
    )


def login_wall(get_response: Any) -> Any:
    """Refuses anonymous visitors with the status that a request header names."""

    def middleware(request: Any) -> HttpResponse:
        if request.user.is_authenticated or request.path.startswith("/in/"):
            return get_response(request)  # type: ignore[no-any-return]
        kind = request.META.get("HTTP_X_WALL", "302")
        return HttpResponse(HEAD, status=int(kind), headers={"Location": "/login"} if kind.startswith("3") else {})

    return middleware


class Wsgi:
    """A visitor of the WSGI handler."""

    def __init__(self, root_path: str = "") -> None:
        self.client = Client(WSGIHandler())
        self.root_path = root_path

    def get(self, path: str = "/", **headers: str) -> Any:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def request(self, method: str, path: str, **options: Any) -> Any:
        options.setdefault("environ_overrides", {"SCRIPT_NAME": self.root_path})
        return self.client.open(path, method=method, buffered=True, **options)

    def token(self, **headers: str) -> Any:
        return self.get(ENDPOINT, **headers)

    def cookie(self, name: str) -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None

    def set_cookie(self, name: str, value: str) -> None:
        self.client.set_cookie(name, value)


class Asgi(Visitor):
    """A visitor of the ASGI handler."""

    def __init__(self, root_path: str = "") -> None:
        super().__init__(ASGIHandler(), root_path=root_path)

    def get(self, path: str = "/", **headers: str) -> Any:
        return super().get(self.root_path + path, **headers)

    def cookie(self, name: str) -> str | None:
        return self.cookies.get(name)

    def set_cookie(self, name: str, value: str) -> None:
        self.cookies.set(name, value)
