"""Django: the endpoint behind the site's middleware; it must not extend the session."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from importlib import import_module
from typing import Any
from unittest.mock import Mock

import django
import pytest
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.cache.backends.base import InvalidCacheKey
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import include, path
from django.utils.decorators import sync_and_async_middleware

from tests.contract.django_site import Urls
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, COMMON, CSRF, LOGIN_WALL, OURS, PAGE, SESSIONS, STACK, Wsgi
from tests.frameworks.visitor import ENDPOINT, NeverComing, assert_endpoint_headers, user_in
from widgetmw import User
from widgetmw.django import urls

Visit = Callable[..., Any]
ADA = "1"  # her primary key
OUTERMOST = [OURS, SESSIONS, COMMON, CSRF, AUTH]
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


def session_user(request: Any) -> User | None:
    return User(request.session["_auth_user_id"]) if "_auth_user_id" in request.session else None


def note_visit(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        request.session["visited"] = True
        return get_response(request)

    return middleware


def note_visit_late(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        response = get_response(request)
        request.session["visited"] = True
        return response

    return middleware


def read_csrf_token(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Does what packages do that hand the token of Django's CSRF check to each of their pages."""

    def middleware(request: Any) -> Any:
        get_token(request)
        return get_response(request)

    return middleware


@sync_and_async_middleware
def name_requests(get_response: Any) -> Any:
    if not iscoroutinefunction(get_response):

        def middleware(request: Any) -> Any:
            response = get_response(request)
            response.set_cookie("request", uuid.uuid4().hex)
            return response

        return middleware

    async def async_middleware(request: Any) -> Any:
        response = await get_response(request)
        response.set_cookie("request", uuid.uuid4().hex)
        return response

    return async_middleware


def nobody(request: Any) -> None:
    return None


async def async_session_user(request: Any) -> User | None:
    return await sync_to_async(session_user)(request)


@pytest.mark.parametrize("stack", [STACK, OUTERMOST], ids=["below", "above"])
@pytest.mark.parametrize("engine", ["db", "signed_cookies", "cached_db"])
def test_a_token_request_does_not_extend_the_session(
    visit: Visit, configured: Configure, stack: list[str], engine: str
) -> None:
    configured(
        MIDDLEWARE=stack,
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
        SESSION_SAVE_EVERY_REQUEST=True,
    )
    visitor = visit("ada")
    assert "Set-Cookie" in visitor.get().headers
    if engine == "db":
        past = Session.objects.get(pk=visitor.cookie("sessionid")).expire_date - timedelta(days=1)
        Session.objects.update(expire_date=past)
    reply = visitor.token()
    assert user_in(reply.text) == ADA
    assert_endpoint_headers(reply)
    if engine == "db":
        assert Session.objects.get(pk=visitor.cookie("sessionid")).expire_date == past


def take_down(patch: pytest.MonkeyPatch, error: type[Exception] = OSError) -> None:
    """Lets the cache that holds the sessions fail."""
    for method in ("get", "has_key"):
        patch.setattr(LocMemCache, method, Mock(side_effect=error))


@pytest.mark.parametrize("stack", [STACK, OUTERMOST], ids=["below", "above"])
def test_a_session_store_that_is_down_for_a_moment_signs_nobody_out(
    visit: Visit, configured: Configure, stack: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(MIDDLEWARE=stack, SESSION_ENGINE="django.contrib.sessions.backends.cache")
    visitor = visit("ada")
    assert user_in(visitor.token().text) == ADA
    with monkeypatch.context() as patch:
        take_down(patch)
        reply = visitor.token()
        assert reply.status_code == 503  # a 401 would end the conversation
        assert "Set-Cookie" not in reply.headers
    assert user_in(visitor.token().text) == ADA


@pytest.mark.parametrize("engine", ["cache", "cached_db", "db"])
def test_a_session_that_its_store_no_longer_has_is_a_sign_out(visit: Visit, configured: Configure, engine: str) -> None:
    configured(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}")
    visitor = visit("ada")
    import_module(settings.SESSION_ENGINE).SessionStore(visitor.cookie("sessionid")).delete()
    assert visitor.token().status_code == 401


@pytest.mark.parametrize("place", [1, 5], ids=["above", "below"])
@pytest.mark.parametrize("layer", ["note_visit", "note_visit_late"])
@pytest.mark.parametrize("engine", ["cache", "cached_db", "db", "file"])
def test_a_layer_that_writes_to_a_session_that_has_ended_begins_no_other(
    visit: Visit, configured: Configure, engine: str, layer: str, place: int
) -> None:
    stack = [SESSIONS, COMMON, CSRF, AUTH, OURS]
    stack.insert(place, f"{__name__}.{layer}")
    configured(MIDDLEWARE=stack, SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}")
    visitor = visit("ada")
    import_module(settings.SESSION_ENGINE).SessionStore(visitor.cookie("sessionid")).delete()
    reply = visitor.token()
    assert reply.status_code == 401
    assert "Set-Cookie" not in reply.headers  # it may arrive after that of the next sign-in
    assert "sessionid" in visitor.get().headers["Set-Cookie"]


@pytest.mark.parametrize("error", [InvalidCacheKey, NotImplementedError], ids=["memcached", "no-exists"])
def test_a_cookie_whose_session_cannot_exist_is_nobody_s(
    visit: Visit, configured: Configure, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(SESSION_ENGINE="django.contrib.sessions.backends.cache")
    take_down(monkeypatch, error)
    assert visit().token(Cookie="sessionid=not-a-key").status_code == 401


@pytest.mark.parametrize("engine", ["file", "signed_cookies", "cached_db"])
def test_a_cookie_in_the_format_of_another_session_store_is_nobody_s(
    visit: Visit, configured: Configure, engine: str
) -> None:
    configured(SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}")
    assert visit().token(Cookie="sessionid=eyJ1c2VyIjoiMSJ9:1vOb2K:x-y_z").status_code == 401


def test_a_layer_that_writes_to_the_session_does_not_hide_that_its_store_is_down(
    visit: Visit, configured: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = [SESSIONS, f"{__name__}.note_visit", COMMON, CSRF, AUTH, OURS]
    configured(MIDDLEWARE=stack, SESSION_ENGINE="django.contrib.sessions.backends.cache")
    visitor = visit("ada")
    with monkeypatch.context() as patch:
        take_down(patch)
        assert visitor.token().status_code == 503


@pytest.mark.parametrize("name", ["session_user", "async_session_user"])
def test_a_function_of_the_site_does_not_hide_that_the_session_store_is_down(
    visit: Visit, configured: Configure, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = f"{__name__}.{name}"
    configured({"USER": user}, SESSION_ENGINE="django.contrib.sessions.backends.cache")
    visitor = visit("ada")
    with monkeypatch.context() as patch:
        take_down(patch)
        assert visitor.token().status_code == 503
    assert user_in(visitor.token().text) == ADA


@pytest.mark.parametrize("stack", [STACK, OUTERMOST], ids=["below", "above"])
def test_a_token_request_that_ends_the_session_deletes_its_cookie(
    visit: Visit, configured: Configure, stack: list[str]
) -> None:
    configured(MIDDLEWARE=stack)
    visitor = visit("ada")
    get_user_model().objects.update(password=uuid.uuid4().hex)  # the session's hash no longer fits
    reply = visitor.token()
    assert reply.status_code == 401
    assert 'sessionid=""' in reply.headers["Set-Cookie"]


@pytest.mark.parametrize("stack", [STACK, OUTERMOST], ids=["below", "above"])
def test_a_session_whose_key_is_rotated_is_not_lost(visit: Visit, configured: Configure, stack: list[str]) -> None:
    configured(MIDDLEWARE=stack, SECRET_KEY="old" * 20)
    visitor = visit("ada")
    before = visitor.cookie("sessionid")
    configured(SECRET_KEY="new" * 20, SECRET_KEY_FALLBACKS=["old" * 20])
    assert user_in(visitor.token().text) == ADA
    assert visitor.cookie("sessionid") != before
    configured(SECRET_KEY_FALLBACKS=[])
    assert user_in(visitor.token().text) == ADA
    assert user_in(visitor.get().text) == ADA


def test_a_token_request_does_not_renew_the_cookie_of_csrf(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[SESSIONS, COMMON, CSRF, f"{__name__}.read_csrf_token", AUTH, OURS])
    visitor = visit("ada")
    assert "csrftoken" in visitor.get().headers["Set-Cookie"]
    reply = visitor.token()  # it may arrive after the response to a sign-in, which replaces this cookie
    assert user_in(reply.text) == ADA
    assert "Set-Cookie" not in reply.headers


def test_a_layer_in_an_event_loop_may_set_a_cookie_of_its_own(visit: Visit, configured: Configure) -> None:
    configured({"USER": f"{__name__}.nobody"}, MIDDLEWARE=[f"{__name__}.name_requests", SESSIONS, COMMON, AUTH, OURS])
    reply = visit("ada").token()  # nothing has read the session, and the event loop must not
    assert reply.status_code == 401
    assert "request=" in reply.headers["Set-Cookie"]


def test_an_anonymous_token_request_creates_no_session(visit: Visit, configured: Configure) -> None:
    configured(SESSION_SAVE_EVERY_REQUEST=True)
    reply = visit().token()
    assert reply.status_code == 401
    assert_endpoint_headers(reply)


@pytest.mark.parametrize(("kind", "status"), [("302", 401), ("200", 401), ("401", 401), ("403", 401), ("503", 503)])
def test_the_endpoint_keeps_its_own_responses_behind_a_login_wall(
    visit: Visit, configured: Configure, kind: str, status: int
) -> None:
    configured(MIDDLEWARE=[*OUTERMOST, LOGIN_WALL])
    reply = visit().token(X_Wall=kind)
    assert reply.status_code == status
    assert_endpoint_headers(reply)
    assert user_in(visit("ada").token(X_Wall=kind).text) == ADA
    assert visit().get("/_widgetmw/token/unknown", X_Wall=kind).status_code == 404


class ViewWall:
    """Refuses anonymous visitors once Django has found the view, as django-stronghold does."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_view(self, request: Any, *_: Any) -> HttpResponse | None:
        is_open = request.user.is_authenticated or request.path.startswith("/in/")
        return None if is_open else HttpResponse(status=302, headers={"Location": "/login"})


VIEW_WALL = "tests.frameworks.test_django_endpoint.ViewWall"


@pytest.mark.parametrize(
    "stack",
    [[*STACK, LOGIN_WALL], [*STACK, VIEW_WALL], [*STACK[:-1], VIEW_WALL, OURS]],
    ids=["inside", "view", "above"],
)
def test_a_login_wall_lets_anonymous_visitors_load_the_scripts(
    visit: Visit, configured: Configure, stack: list[str]
) -> None:
    own = path("runtime.js", lambda request: HttpResponse("the site's own"))
    configured(MIDDLEWARE=stack, ROOT_URLCONF=Urls(own, *django_app.urlpatterns))
    for name in ("runtime.js", "embed.js"):
        reply = visit().get(f"/_widgetmw/{name}")
        assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        assert "Set-Cookie" not in reply.headers
    assert visit().get("/runtime.js").status_code == visit().get("/_widgetmw/other.js").status_code == 302
    assert visit("ada").get("/runtime.js").text == "the site's own"


def test_a_login_wall_lets_visitors_load_scripts_whose_view_is_instrumented(
    visit: Visit, configured: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pattern in urls.urlpatterns:
        monkeypatch.setattr(pattern, "callback", wraps(pattern.callback)(partial(pattern.callback)))
    configured(MIDDLEWARE=[*STACK, VIEW_WALL])
    assert visit().get("/_widgetmw/runtime.js").status_code == 200


def test_a_script_of_the_site_at_the_same_path_is_its_own(visit: Visit, configured: Configure) -> None:
    own = path("runtime.js", lambda request: HttpResponse("the site's own"))
    configured(ROOT_URLCONF=Urls(own, path("", include("widgetmw.django.urls"))))
    assert visit().get("/runtime.js").text == "the site's own"
    assert visit().get("/embed.js").status_code == 200


def terms(get_response: Any) -> Any:
    """Stops signed-in visitors on their way to the endpoint, and notes in their session where they wanted to go."""

    def middleware(request: Any) -> HttpResponse:
        if not request.user.is_authenticated or request.path != ENDPOINT:
            return get_response(request)  # type: ignore[no-any-return]
        request.session["next"] = request.path
        return HttpResponse(status=302, headers={"Location": "/terms"})

    return middleware


def test_a_middleware_that_stops_a_signed_in_user_does_not_sign_them_out(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[*STACK, "tests.frameworks.test_django_endpoint.terms"])
    visitor = visit("ada")
    reply = visitor.token()
    assert reply.status_code == 503
    assert_endpoint_headers(reply)
    assert "next" not in Session.objects.get(pk=visitor.cookie("sessionid")).get_decoded()
    assert visit().token().status_code == 401


bodies: list[bytes] = []


def record_bodies(get_response: Any) -> Any:
    """Records every response, as profilers and audit logs do."""

    def middleware(request: Any) -> HttpResponse:
        response = get_response(request)
        bodies.append(response.content)
        return response  # type: ignore[no-any-return]

    return middleware


def test_a_middleware_below_sees_no_token(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[*STACK, "tests.frameworks.test_django_endpoint.record_bodies"])
    visitor = visit("ada")
    bodies.clear()
    for address in (ENDPOINT, f"{ENDPOINT}/digitalgenius", "/"):
        assert user_in(visitor.get(address).text) == ADA
    assert len(bodies) == 3
    assert not any(b"eyJ" in body for body in bodies)
    assert visit().token().status_code == 401


@pytest.mark.skipif(django.VERSION < (5, 1), reason="Django 5.1 added LoginRequiredMiddleware")
def test_login_required_does_not_redirect_the_endpoint(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[*STACK, LOGIN_REQUIRED], LOGIN_URL="/login")
    visitor = visit()
    assert visitor.get("/json").status_code == 302
    reply = visitor.token()
    assert (reply.status_code, reply.headers["Content-Type"]) == (401, "application/json")
    assert visitor.get("/_widgetmw/runtime.js").status_code == 200


def test_posts_need_no_csrf_token_and_other_methods_are_refused(visit: Visit) -> None:
    visitor = visit("ada")
    assert user_in(visitor.request("POST", ENDPOINT).text) == ADA
    assert visitor.request("HEAD", ENDPOINT).status_code == 200
    refused = visitor.request("DELETE", ENDPOINT)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_cross_site_requests_are_refused_unless_their_origin_is_listed(visit: Visit, configured: Configure) -> None:
    configured({"ALLOWED_ORIGINS": ["https://listed.example"]})
    visitor = visit("ada")
    assert visitor.token(Sec_Fetch_Site="cross-site").status_code == 403
    listed = visitor.token(Sec_Fetch_Site="cross-site", Origin="https://listed.example")
    assert listed.headers["Access-Control-Allow-Origin"] == "https://listed.example"
    headers = {"Origin": "https://listed.example", "Access-Control-Request-Method": "POST"}
    preflight = visitor.request("OPTIONS", ENDPOINT, headers=headers)
    assert preflight.status_code == 204
    assert "Content-Type" not in preflight.headers


def test_the_urlconf_decides_the_endpoint_path(visit: Visit, configured: Configure) -> None:
    urls = (path("deep/chat/", include("widgetmw.django.urls")), *django_app.urlpatterns[:-1])
    configured({"PATH": "/ignored"}, ROOT_URLCONF=Urls(*urls))
    visitor = visit("ada")
    page = visitor.get().text
    assert '"/deep/chat/token"' in page
    assert user_in(page) == user_in(visitor.get("/deep/chat/token/digitalgenius").text) == ADA
    assert visitor.get("/deep/chat/runtime.js").status_code == 200
    assert visitor.get(ENDPOINT).status_code == 404


def test_without_urls_pages_are_skipped_with_one_warning(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configured(ROOT_URLCONF=Urls(*django_app.urlpatterns[:-1]))
    visitor = visit("ada")
    for _ in range(2):
        reply = visitor.get()
        assert (reply.text, reply.headers["X-Widgetmw"]) == (PAGE, "skipped; reason=urls_missing")
    assert caplog.text.count("does not include widgetmw.django.urls") == 1


OTHER_SITE = Urls(path("o/token/", lambda request: HttpResponse("the site's own")), path("", django_app.page))


def choose_urlconf(get_response: Any) -> Any:
    """Serves another site on another host, as django-hosts and django-tenants do."""

    def middleware(request: Any) -> HttpResponse:
        if request.get_host().startswith("other."):
            request.urlconf = OTHER_SITE
        return get_response(request)  # type: ignore[no-any-return]

    return middleware


def test_paths_of_an_urlconf_without_our_urls_are_the_sites_own(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configured(MIDDLEWARE=["tests.frameworks.test_django_endpoint.choose_urlconf", *STACK])
    visitor = visit("ada")
    assert visitor.get("/o/token/", Host="other.example").text == "the site's own"
    assert visitor.get("/", Host="other.example").text == PAGE
    assert "urls_missing at" in caplog.text
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == ADA


def test_without_urls_the_site_s_own_token_views_work(visit: Visit, configured: Configure) -> None:
    own = path("api/token", lambda request: HttpResponse("the site's own"))
    configured(ROOT_URLCONF=Urls(own, *django_app.urlpatterns[:-1]))
    assert visit("ada").get("/api/token").text == "the site's own"


def test_without_the_middleware_the_endpoint_still_works(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=STACK[:-1])
    visitor = visit("ada")
    assert visitor.get().text == PAGE
    assert user_in(visitor.token().text) == ADA


@pytest.mark.parametrize("error", [PermissionDenied("secret detail"), ValueError("secret detail"), "ada"])
def test_a_resolver_that_refuses_or_fails(
    visit: Visit, configured: Configure, error: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def user(request: Any) -> Any:
        if isinstance(error, Exception):
            raise error
        return error

    configured({"USER": user})
    visitor = visit("ada")
    refused = isinstance(error, PermissionDenied)
    for where in ("/", "/async"):
        reply = visitor.get(where)
        assert (reply.text, reply.headers["X-Widgetmw"]) == (
            PAGE,
            "skipped; reason=" + ("anonymous" if refused else "resolver_failed"),
        )
    assert visitor.token().status_code == (401 if refused else 503)
    assert "secret detail" not in caplog.text


def test_a_user_without_a_usable_primary_key_is_a_failure(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configured(MIDDLEWARE=["tests.frameworks.test_django_endpoint.set_unusual_user", OURS])
    visitor = visit()
    assert user_in(visitor.get(X_Pk="nameless").text) == "7"
    for pk in ("None", "empty"):
        assert visitor.get(X_Pk=pk).text == PAGE
        assert visitor.token(X_Pk=pk).status_code == 503
    assert "no primary key" in caplog.text


class UnusualUser:
    is_authenticated = True

    def __init__(self, pk: Any) -> None:
        self.pk = pk


def set_unusual_user(get_response: Any) -> Any:
    def middleware(request: Any) -> HttpResponse:
        request.user = UnusualUser({"None": None, "empty": "", "nameless": 7}[request.META["HTTP_X_PK"]])
        return get_response(request)  # type: ignore[no-any-return]

    return middleware


def test_without_request_user_the_log_names_the_fix(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configured(MIDDLEWARE=[OURS])
    visitor = visit()
    assert visitor.get().text == PAGE
    assert visitor.token().status_code == 503
    assert "put AuthenticationMiddleware above" in caplog.text


def test_fetch_delivery_does_not_resolve_the_user_for_a_page(visit: Visit, configured: Configure) -> None:
    configured({"DELIVERY": "fetch", "USER": lambda request: User(request.path)})
    visitor = visit()
    reply = visitor.get()
    assert '"ask":true' in reply.text
    assert user_in(visitor.token().text) == ENDPOINT


def test_the_body_of_a_token_request_is_not_waited_for(configured: Configure) -> None:
    options: Any = {"input_stream": NeverComing(), "content_length": 6}
    assert Wsgi().request("POST", ENDPOINT, **options).status_code == 401
