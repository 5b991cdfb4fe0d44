"""Django: packages that work on the session and on the user around the endpoint and the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.http import HttpResponse
from django.urls import include, path

from tests.contract.django_site import Urls
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, COMMON, CSRF, OURS, SESSIONS, STACK, urlpatterns
from tests.frameworks.visitor import ENDPOINT, assert_endpoint_headers, user_in

Visit = Callable[..., Any]
ADA = "1"  # her primary key
HERE = "tests.frameworks.test_django_packages"
HIJACK = "hijack.middleware.HijackUserMiddleware"
TIMEOUT = "django_session_timeout.middleware.SessionTimeoutMiddleware"
ENGINES = ["db", "cache", "cached_db", "file", "signed_cookies"]


def read_session(get_response: Any) -> Any:
    """Reads everything public of the session on the way out, as debug toolbars and audit logs do."""

    def middleware(request: Any) -> HttpResponse:
        response = get_response(request)
        session = request.session
        for name in dir(session):
            if not name.startswith("_"):
                getattr(session, name)
        assert session.accessed
        assert not session.is_empty()
        response["X-Modified"] = str(session.modified)
        return response  # type: ignore[no-any-return]

    return middleware


def touch_session(get_response: Any) -> Any:
    """Notes each visit in the session on the way out."""

    def middleware(request: Any) -> HttpResponse:
        response = get_response(request)
        request.session["visits"] = request.session.get("visits", 0) + 1
        return response  # type: ignore[no-any-return]

    return middleware


def rotate_session(get_response: Any) -> Any:
    """Gives the session a new key on the way out, or replaces it, as some security middleware does."""

    def middleware(request: Any) -> HttpResponse:
        response = get_response(request)
        if "HTTP_X_ROTATE" in request.META:
            request.session.cycle_key()
        if "HTTP_X_REPLACE" in request.META:
            request.session.flush()
            request.session["seen"] = True
        return response  # type: ignore[no-any-return]

    return middleware


def check_forms(get_response: Any) -> Any:
    """Refuses a form without the field that it looks for, as django-honeypot does."""

    def middleware(request: Any) -> HttpResponse:
        return get_response(request)  # type: ignore[no-any-return]

    def process_view(request: Any, view: Any, *_: Any) -> HttpResponse | None:
        return HttpResponse(status=400) if request.method == "POST" and "bait" not in request.POST else None

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


@pytest.mark.parametrize("above", [True, False], ids=["above", "below"])
@pytest.mark.parametrize("name", [HIJACK, f"{HERE}.read_session"])
@pytest.mark.parametrize("engine", ENGINES)
def test_packages_may_read_the_session_after_a_token_request(
    visit: Visit, configured: Configure, name: str, engine: str, above: bool
) -> None:
    around = [name, OURS] if above else [OURS, name]
    configured(
        MIDDLEWARE=[SESSIONS, COMMON, CSRF, AUTH, *around],
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
        SESSION_SAVE_EVERY_REQUEST=True,
    )
    visitor = visit("ada")
    for _ in range(2):
        reply = visitor.token()
        assert user_in(reply.text) == ADA
        assert "Set-Cookie" not in reply.headers
    assert user_in(visitor.get().text) == ADA


@pytest.mark.parametrize("above", [True, False], ids=["above", "below"])
def test_a_check_of_forms_does_not_stop_the_posts_for_a_token(visit: Visit, configured: Configure, above: bool) -> None:
    check = f"{HERE}.check_forms"
    around = [check, OURS] if above else [OURS, check]
    configured(MIDDLEWARE=[SESSIONS, COMMON, AUTH, *around])
    visitor = visit("ada")
    assert user_in(visitor.request("POST", ENDPOINT).text) == ADA
    assert visit().request("POST", f"{ENDPOINT}?signout").status_code == 401
    assert visitor.request("POST", "/").status_code == 400


@pytest.mark.parametrize("name", [TIMEOUT, f"{HERE}.touch_session"])
def test_a_package_that_writes_the_session_does_not_extend_it_on_a_token_request(
    visit: Visit, configured: Configure, name: str
) -> None:
    configured(
        MIDDLEWARE=[SESSIONS, COMMON, CSRF, AUTH, name, OURS],
        SESSION_EXPIRE_AFTER_LAST_ACTIVITY=True,
        SESSION_EXPIRE_AFTER_LAST_ACTIVITY_GRACE_PERIOD=-1,
    )
    visitor = visit("ada")
    assert "Set-Cookie" in visitor.get().headers
    before = Session.objects.get(pk=visitor.cookie("sessionid"))
    reply = visitor.token()
    after = Session.objects.get(pk=visitor.cookie("sessionid"))
    assert_endpoint_headers(reply)
    assert (after.session_data, after.expire_date) == (before.session_data, before.expire_date)
    sessions = Session.objects.count()
    assert_endpoint_headers(visit().token())
    assert Session.objects.count() == sessions


@pytest.mark.parametrize("stack", [STACK, [OURS, *STACK]], ids=["below", "above"])
@pytest.mark.parametrize("name", ["runtime.js", "embed.js"])
def test_no_shared_cache_gets_a_script_with_the_cookie_of_a_session(
    visit: Visit, configured: Configure, stack: list[str], name: str
) -> None:
    configured(MIDDLEWARE=[*stack, f"{HERE}.rotate_session"])
    visitor = visit("ada")
    version = visitor.get().text.partition("runtime.js")[2].partition('"')[0]
    script = f"/_widgetmw/{name}{version}"
    public = visitor.get(script)
    assert "public" in public.headers["Cache-Control"]
    assert "Set-Cookie" not in public.headers
    rotated = visitor.get(script, X_Rotate="1")
    assert "sessionid" in rotated.headers["Set-Cookie"]
    assert rotated.headers["Cache-Control"] == "no-store"
    assert user_in(visitor.get().text) == ADA


def test_a_script_creates_no_session(visit: Visit, configured: Configure) -> None:
    configured(
        INSTALLED_APPS=[*settings.INSTALLED_APPS, "user_sessions"],
        MIDDLEWARE=["user_sessions.middleware.SessionMiddleware", COMMON, CSRF, AUTH, OURS],
        SESSION_ENGINE="user_sessions.backends.db",
        SESSION_SAVE_EVERY_REQUEST=True,
    )
    call_command("migrate", "user_sessions", verbosity=0)
    visitor = visit()
    for name in ("runtime.js", "embed.js", "token"):
        assert "Set-Cookie" not in visitor.get(f"/_widgetmw/{name}").headers
    assert "Set-Cookie" in visitor.get().headers
    visitor = visit("ada")
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == ADA


@pytest.mark.parametrize("place", [0, 4], ids=["above", "below"])
def test_a_store_that_creates_a_session_where_it_finds_none_replaces_no_cookie(
    visit: Visit, configured: Configure, place: int
) -> None:
    stack = ["user_sessions.middleware.SessionMiddleware", COMMON, CSRF, AUTH]
    configured(
        INSTALLED_APPS=[*settings.INSTALLED_APPS, "user_sessions"],
        MIDDLEWARE=[*stack[:place], OURS, *stack[place:]],
        SESSION_ENGINE="user_sessions.backends.db",
    )
    call_command("migrate", "user_sessions", verbosity=0)
    visitor = visit("ada")
    import_module(settings.SESSION_ENGINE).SessionStore(visitor.cookie("sessionid")).delete()  # signed out elsewhere
    reply = visitor.token()
    assert reply.status_code == 401
    assert "Set-Cookie" not in reply.headers  # it may arrive after that of the next sign-in


@pytest.mark.parametrize("exempt", [False, True])
def test_a_single_sign_on_that_must_be_confirmed_is_no_sign_out(
    visit: Visit, configured: Configure, exempt: bool
) -> None:
    oidc = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
    configured(
        MIDDLEWARE=[*STACK, "mozilla_django_oidc.middleware.SessionRefresh"],
        ROOT_URLCONF=Urls(*urlpatterns, path("oidc/", include("mozilla_django_oidc.urls"))),
        OIDC_OP_AUTHORIZATION_ENDPOINT="https://idp.example/authorize",
        OIDC_OP_TOKEN_ENDPOINT="https://idp.example/token",
        OIDC_OP_USER_ENDPOINT="https://idp.example/user",
        OIDC_RP_CLIENT_ID="shop",
        OIDC_RP_CLIENT_SECRET="x",
        OIDC_EXEMPT_URLS=[re.compile("/_widgetmw/")] if exempt else [],
        AUTHENTICATION_BACKENDS=[oidc],
    )
    visitor = visit("ada")  # without an ID token, which counts as one that has expired
    assert visitor.get().headers["Location"].startswith("https://idp.example/authorize")
    before = Session.objects.get(pk=visitor.cookie("sessionid")).session_data
    reply = visitor.token()
    assert reply.status_code == (200 if exempt else 503)
    assert Session.objects.get(pk=visitor.cookie("sessionid")).session_data == before


@pytest.mark.parametrize("engine", ENGINES)
def test_a_session_that_gets_a_new_key_after_the_view_is_not_lost(
    visit: Visit, configured: Configure, engine: str
) -> None:
    configured(
        MIDDLEWARE=[SESSIONS, COMMON, CSRF, AUTH, f"{HERE}.rotate_session", OURS],
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
    )
    visitor = visit("ada")
    assert user_in(visitor.token(X_Rotate="1").text) == ADA
    assert user_in(visitor.token().text) == ADA
    assert user_in(visitor.get().text) == ADA
    visitor.token(X_Replace="1")
    assert visitor.token().status_code == 401
    if engine == "db":
        assert Session.objects.get(pk=visitor.cookie("sessionid")).get_decoded() == {"seen": True}
