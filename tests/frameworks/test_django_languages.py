"""Django: pages under the prefixes of ``i18n_patterns`` have endpoints of their own, and one session and mark."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.urls import path

from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, OURS, SESSIONS, page, sign_in
from tests.frameworks.django_app import urlpatterns as plain

Visit = Callable[..., Any]
LOCALE = "django.middleware.locale.LocaleMiddleware"
ENDPOINTS = next(pattern for pattern in plain if str(pattern.pattern) == "_widgetmw/")
URLS = (path("in/<name>", sign_in), *i18n_patterns(path("", page), ENDPOINTS))


@pytest.fixture(autouse=True)
def languages(configured: Configure) -> None:
    configured(
        ROOT_URLCONF=URLS,
        MIDDLEWARE=[SESSIONS, LOCALE, AUTH, OURS],
        LANGUAGES=[("en", "English"), ("de", "Deutsch")],
        LANGUAGE_CODE="en",
        USE_I18N=True,
    )


def data(text: str) -> tuple[str, str]:
    found = re.search(r'"url":"([^"]+)","key":"([^"]+)"', text)
    assert found
    return found[1], found[2]


def test_the_languages_of_a_site_share_a_mark(visit: Visit) -> None:
    visitor = visit("ada")
    pages = {language: data(visitor.get(f"/{language}/").text) for language in ("en", "de")}
    assert [url for url, _ in pages.values()] == ["/en/_widgetmw/token", "/de/_widgetmw/token"]
    assert pages["en"][1] == pages["de"][1]


def test_an_anonymous_page_in_another_language_knows_the_mark(visit: Visit) -> None:
    _, mark = data(visit("ada").get("/en/").text)
    visitor = visit()
    assert "data-widgetmw" not in visitor.get("/de/").text
    visitor.set_cookie(mark, "1")
    assert "data-widgetmw" in visitor.get("/de/").text
