"""Django: caches around the middleware, and responses that the app keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import path
from django.views.decorators.cache import cache_page

from tests.contract.django_site import Urls
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, COMMON, CSRF, OURS, PAGE, SESSIONS
from tests.frameworks.visitor import ENDPOINT, TOKEN, user_in
from widgetmw import User
from widgetmw.django import WidgetMiddleware

Visit = Callable[..., Any]
ADA = "1"  # her primary key
EVE = "2"
UPDATE, FETCH = (f"django.middleware.cache.{name}CacheMiddleware" for name in ("Update", "FetchFrom"))
PER_SITE = [UPDATE, SESSIONS, COMMON, CSRF, AUTH, OURS, FETCH]
KEPT = HttpResponse(PAGE)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def kept_page(request: Any) -> HttpResponse:
    return KEPT


def cached_page(request: Any) -> HttpResponse:
    return HttpResponse(PAGE)


def by_template(request: Any) -> TemplateResponse:
    return TemplateResponse(request, engines["django"].from_string(PAGE), {"a": 1})


def stored_by_app(request: Any) -> HttpResponse:
    return HttpResponse(PAGE, headers={"Cache-Control": request.META.get("HTTP_X_CACHE", "max-age=60")})


URLS = Urls(
    path("kept", kept_page),
    path("cached", cache_page(60)(cached_page)),
    path("said", stored_by_app),
    *django_app.urlpatterns,
)


def cached_bytes() -> bytes:
    return b"".join(cache._cache.values())


@pytest.mark.parametrize("where", ["/", "/placed", "/gzip"])
@pytest.mark.parametrize("options", [{"DELIVERY": "fetch"}, {"EMBED": ["digitalgenius"]}], ids=["fetch", "embed"])
def test_a_page_from_the_per_site_cache_holds_the_script_once(
    visit: Visit, configured: Configure, options: dict[str, Any], where: str
) -> None:
    configured(options, MIDDLEWARE=PER_SITE)
    visitor = visit()
    first = visitor.get(where)
    cached = visitor.get(where)
    assert content(cached) == content(first)
    assert b"data-widgetmw" in cached_bytes() or where == "/gzip"
    if where != "/gzip":
        assert cached.text.count("runtime.js") == 1
    assert cached.headers["X-Widgetmw"] == "skipped; reason=already_injected"


def content(reply: Any) -> bytes:
    return reply.content if hasattr(reply, "content") else reply.data  # type: ignore[no-any-return]


@pytest.mark.parametrize("own", ["max-age=60", "no-store", "no-store, max-age=60"])
@pytest.mark.parametrize("configured_value", ["private, no-store", "no-store", "private"])
def test_the_per_site_cache_never_stores_a_token(
    visit: Visit, configured: Configure, configured_value: str, own: str
) -> None:
    configured({"CACHE_CONTROL": configured_value}, MIDDLEWARE=PER_SITE, ROOT_URLCONF=URLS)
    visitor = visit("ada")
    for where in ("/said", "/placed", ENDPOINT, f"{ENDPOINT}/digitalgenius", ENDPOINT):
        assert user_in(visitor.get(where, X_Cache=own).text) == ADA
    assert not TOKEN.search(cached_bytes().decode("latin-1"))
    visitor.get("/out")
    assert visitor.token().status_code == 401


def test_a_page_that_a_cache_inside_stores_gets_each_visitors_token(visit: Visit, configured: Configure) -> None:
    configured(ROOT_URLCONF=URLS)
    for name, user_id in (("ada", ADA), ("eve", EVE), ("", None)):
        visitor = visit(name)
        for _ in range(2):
            reply = visitor.get("/cached")
            assert user_in(reply.text) == user_id
            assert reply.text.count("runtime.js") == (user_id is not None)
    assert not TOKEN.search(cached_bytes().decode("latin-1"))


def test_a_response_that_the_app_keeps_is_never_modified(visit: Visit, configured: Configure) -> None:
    configured(ROOT_URLCONF=URLS)
    for _ in range(2):
        for name, user_id in (("ada", ADA), ("eve", EVE), ("", None)):
            reply = visit(name).get("/kept")
            assert user_in(reply.text) == user_id
            assert reply.text.count("runtime.js") == (user_id is not None)
    assert KEPT.content == PAGE.encode()
    assert "Cache-Control" not in KEPT.headers


def test_a_modified_response_keeps_its_class_and_attributes(configured: Configure) -> None:
    configured({"USER": lambda request: User("ada")}, ROOT_URLCONF=URLS)
    closed = []

    def app(request: Any) -> TemplateResponse:
        response = by_template(request).render()
        response._resource_closers.append(lambda: closed.append(True))
        response.set_cookie("a", "b")
        return response

    response = WidgetMiddleware(app)(RequestFactory().get("/"))
    assert user_in(response.content.decode()) == "ada"
    assert (type(response), response.context_data, response.is_rendered) == (TemplateResponse, {"a": 1}, True)
    assert response.cookies["a"].value == "b"
    response.close()
    assert closed == [True]
