"""Django: pages of every kind, in sync and async stacks."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import django
import jwt
import pytest
from asgiref.sync import sync_to_async
from csp.constants import NONCE, SELF
from django import urls
from django.contrib.auth import get_user, logout
from django.contrib.auth.decorators import login_required
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.contract.django_site import Urls
from tests.contract.site import MARK
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import (
    AUTH,
    COMMON,
    CONDITIONAL,
    CSRF,
    DJANGO_CSP,
    GZIP,
    OURS,
    PAGE,
    SESSIONS,
    STACK,
    TEMPLATE,
)
from tests.frameworks.visitor import BROWSER, ENDPOINT, HEAD, TOKEN, user_in
from widgetmw import User

# Django's own warning about a sync stream under ASGI, or an async one under WSGI
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")

Visit = Callable[..., Any]
ADA = "1"  # her primary key
CSP_MIDDLEWARE = [DJANGO_CSP, "django.middleware.csp.ContentSecurityPolicyMiddleware"][: 1 + (django.VERSION >= (6, 0))]
NONCES: dict[str, Any] = {
    "CONTENT_SECURITY_POLICY": {"DIRECTIVES": {"script-src": [NONCE], "connect-src": [SELF]}},
    "SECURE_CSP": {"script-src": ["<CSP_NONCE_SENTINEL>"], "connect-src": ["'self'"]},
}


def test_signing_in_and_out(visit: Visit) -> None:
    visitor = visit()
    assert visitor.get().text == PAGE
    assert visitor.token().status_code == 401
    visitor.get("/in/ada")
    for path in ("/", "/async"):
        reply = visitor.get(path)
        assert user_in(reply.text) == ADA
        assert reply.headers["Cache-Control"] == "private, no-store"
        assert "Cookie" in reply.headers["Vary"]
        assert reply.headers["Content-Length"] == str(len(reply.text.encode()))
    assert user_in(visitor.token().text) == ADA
    assert visitor.get("/out").text == PAGE
    assert visitor.get().text == PAGE
    assert visitor.token().status_code == 401


def test_the_user_is_request_user_with_name_and_email(visit: Visit, configured: Configure) -> None:
    configured({"HISSUNO_PROJECT_ID": "p", "HISSUNO_SECRET_KEY": "sk_live_" + "x" * 40, "PROVIDERS": ["hissuno"]})
    for name, pk, metadata in (
        ("ada", "1", {"name": "Ada Lovelace", "email": "ada@shop.example"}),
        ("eve", "2", {"name": "eve"}),
    ):
        token = TOKEN.findall(visit(name).get().text)[0]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["userId"], claims["userMetadata"]) == (pk, metadata)


@pytest.mark.parametrize("path", ["/json", "/fragment", "/shared"])
def test_other_content_fragments_and_shared_pages_are_skipped(visit: Visit, path: str) -> None:
    assert "data-widgetmw" not in visit("ada").get(path).text


@pytest.mark.parametrize("path", ["/stream", "/stream-async", "/file", "/gzip", "/gzip-stream"])
def test_streams_files_and_compressed_pages(visit: Visit, path: str) -> None:
    visitor = visit("ada")
    reply = visitor.get(path, Range="bytes=0-9", If_None_Match="*", **BROWSER)
    raw = reply.content if hasattr(reply, "content") else reply.data
    text = gzip.decompress(raw).decode() if raw[:2] == b"\x1f\x8b" else raw.decode()
    assert (reply.status_code, user_in(text)) == (200, ADA)
    assert text.endswith(PAGE[30:])
    assert "ETag" not in reply.headers
    if "Content-Encoding" not in reply.headers:
        assert reply.headers.get("Content-Length", str(len(raw))) == str(len(raw))


def test_error_pages_are_injected(visit: Visit) -> None:
    visitor = visit("ada")
    reply = visitor.get("/broken")
    assert (reply.status_code, user_in(reply.text)) == (500, ADA)
    assert reply.text.startswith(HEAD[:27])
    assert (visitor.get("/nowhere").status_code, user_in(visitor.get("/nowhere").text)) == (404, ADA)


def test_head_has_the_headers_of_get(visit: Visit) -> None:
    visitor = visit("ada")
    for path in ("/", "/stream", "/stream-async"):
        get, head = visitor.get(path), visitor.request("HEAD", path)
        assert head.headers["Cache-Control"] == get.headers["Cache-Control"] == "private, no-store"
        assert head.headers.get("Content-Length") == get.headers.get("Content-Length")


def test_a_304_never_revives_another_page(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[CONDITIONAL, *STACK])
    visitor = visit("ada")
    reply = visitor.get("/etag", If_None_Match='"1"', **BROWSER)
    assert (reply.status_code, user_in(reply.text)) == (200, ADA)
    assert "ETag" not in reply.headers
    assert visit().get("/etag", If_None_Match='"1"', **BROWSER).status_code == 304


@pytest.mark.parametrize("stack", [[GZIP, *STACK], [*STACK, GZIP]], ids=["outside", "inside"])
def test_gzip_works_inside_and_outside(visit: Visit, configured: Configure, stack: list[str]) -> None:
    configured(MIDDLEWARE=stack)
    visitor = visit("ada")
    for path in ("/", "/async", "/stream"):
        reply = visitor.get(path, Accept_Encoding="gzip")
        assert reply.headers["Content-Encoding"] == "gzip"
        raw = reply.content if hasattr(reply, "content") else gzip.decompress(reply.data)
        assert user_in(raw.decode()) == ADA
    assert user_in(visitor.token(Accept_Encoding="identity").text) == ADA


@pytest.mark.parametrize("path", ["/nonced", "/placed"])
@pytest.mark.parametrize("csp_middleware", CSP_MIDDLEWARE, ids=["django-csp", "django"][: len(CSP_MIDDLEWARE)])
def test_the_nonce_of_the_csp_is_used(visit: Visit, configured: Configure, csp_middleware: str, path: str) -> None:
    configured(MIDDLEWARE=[*STACK, csp_middleware], **NONCES)
    reply = visit("ada").get(path)
    nonce = reply.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0]
    assert nonce
    assert reply.text.count(f'<script data-widgetmw nonce="{nonce}"') == 2
    assert user_in(reply.text) == ADA


def test_the_middleware_may_be_above_authentication(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[OURS, SESSIONS, COMMON, CSRF, AUTH])
    visitor = visit("ada")
    for path in ("/", "/async", "/stream"):
        assert user_in(visitor.get(path).text) == ADA
    reply = visitor.token()
    assert user_in(reply.text) == ADA
    assert reply.headers["Vary"] == "Cookie, Origin"


def test_the_middleware_listed_twice_injects_once(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[*STACK, OURS])
    assert visit("ada").get().text.count("runtime.js") == 1


def test_excluded_paths_are_relative_to_the_root_path(visit: Visit, configured: Configure) -> None:
    configured({"EXCLUDE": ["/async"]})
    visitor = visit(root_path="/async")
    visitor.get("/in/ada")
    assert user_in(visitor.get("/").text) == ADA
    assert visitor.get("/async").headers["X-Widgetmw"] == "skipped; reason=excluded"


def test_the_same_environ_may_be_served_twice(configured: Configure) -> None:
    user_ids = iter(["ada", "eve"])
    configured({"USER": lambda request: User(next(user_ids))}, MIDDLEWARE=[OURS])
    environ, handler = EnvironBuilder().get_environ(), WSGIHandler()
    pages = [b"".join(run_wsgi_app(handler, environ)[0]).decode() for _ in range(2)]
    assert [user_in(page) for page in pages] == ["ada", "eve"]


# a script placed by a template


@pytest.mark.parametrize("path", ["/placed", "/placed-async", "/twice"])
def test_a_template_may_place_the_script(visit: Visit, path: str) -> None:
    reply = visit("ada").get(path)
    assert user_in(reply.text) == ADA
    assert reply.text.count("runtime.js") == 1
    assert reply.text.startswith("<!doctype html><html><head><title>Shop</title><script data-widgetmw>")


def test_after_a_base_of_another_origin_the_script_is_in_the_page(visit: Visit) -> None:
    reply = visit("ada").get("/based")
    assert user_in(reply.text) == ADA
    assert " src=" not in reply.text
    assert reply.text.partition("<script")[0].endswith("</title>")


def test_a_user_cannot_say_where_the_placed_script_goes(visit: Visit) -> None:
    reply = visit("ada").get("/placed-after-text")
    assert user_in(reply.text) == ADA
    assert '"<!--widgetmw--><i>"</script><title>Shop</title><script data-widgetmw>' in reply.text


def test_an_anonymous_template_gets_no_script(visit: Visit) -> None:
    visitor = visit()
    empty = TEMPLATE.replace("{% load widgetmw %}", "").replace("{% widgetmw_script %}", "")
    assert visitor.get("/placed").text == empty
    visitor.set_cookie(MARK.removesuffix("=1"), "1")
    assert '"user":null' in visitor.get("/placed").text


def test_a_failing_resolver_omits_the_placed_script(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configured({"USER": lambda request: [][1]})
    assert "<script" not in visit().get("/placed").text
    assert caplog.text.count("IndexError") == 1


# the user


def test_a_session_whose_path_leaves_out_the_endpoint_is_named(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = visit("ada")
    assert user_in(visitor.get("/").text)
    assert "endpoint_without_user" not in caplog.text
    configured(SESSION_COOKIE_PATH="/shop")
    for _ in range(2):
        assert user_in(visitor.get("/").text)
    assert caplog.text.count("endpoint_without_user: browsers send the session's cookie only below '/shop'") == 1


@pytest.mark.parametrize("view", ["identify", "identify-in-scope"])
def test_identify_overrides_request_user(visit: Visit, view: str) -> None:
    visitor = visit("ada")
    if view == "identify":
        assert visitor.get("/identify/anonymous").text == PAGE
    elif not hasattr(visitor, "app"):
        return  # there is no scope under WSGI
    assert user_in(visitor.get(f"/{view}/mallory").text) == "mallory"


def test_alternating_visitors_get_their_own_tokens(visit: Visit) -> None:
    ada, eve = visit("ada"), visit("eve")
    for _ in range(3):
        for path in ("/", ENDPOINT):
            assert (user_in(ada.get(path).text), user_in(eve.get(path).text)) == (ADA, "2")


def test_the_root_path_is_in_all_urls(visit: Visit) -> None:
    visitor = visit(root_path="/a b")
    visitor.get("/in/ada")
    page = visitor.get().text
    assert '"/a%20b/_widgetmw/token"' in page
    assert 'src="/a%20b/_widgetmw/runtime.js?v=' in page
    assert user_in(visitor.token().text) == ADA


def test_an_internal_error_skips_the_page(visit: Visit, monkeypatch: Any, caplog: pytest.LogCaptureFixture) -> None:
    visitor = visit("ada")
    for target in (
        "widgetmw.core.html.body_rewriter.fast_offset",
        "widgetmw.core.engine.Engine.prepare_page",
        "widgetmw.core.engine.Engine.early_skip_reason",
    ):
        for path in ("/", "/stream"):
            with monkeypatch.context() as patch:
                patch.setattr(target, lambda *_: 1 / 0)
                assert visitor.get(path).text == PAGE
    assert caplog.text.count("ZeroDivisionError") == 1  # the same cause, so it is logged once a minute


def test_an_error_in_a_stream_of_the_app_propagates(visit: Visit, configured: Configure) -> None:
    from django.http import StreamingHttpResponse
    from django.urls import path

    from tests.contract.django_site import Urls
    from tests.frameworks import django_app

    def chunks() -> Any:
        yield PAGE[:20]
        raise KeyError("x")

    view = path("torn", lambda request: StreamingHttpResponse(chunks()))
    configured(ROOT_URLCONF=Urls(view, *django_app.urlpatterns), DEBUG_PROPAGATE_EXCEPTIONS=False)
    assert visit("ada").get("/torn").status_code == 500


def test_a_user_function_without_a_next_value_fails_at_once(visit: Visit, configured: Configure) -> None:
    configured({"USER": lambda request: next(iter(()))})
    visitor = visit()
    for path in ("/", "/async"):
        response = visitor.get(path)
        assert (response.status_code, user_in(response.text)) == (200, None)
    assert visitor.get(ENDPOINT).status_code == 503


def test_the_user_function_may_be_sync_or_async(visit: Visit, configured: Configure) -> None:
    async def user(request: Any) -> User:
        # Django 5.0 added request.auser
        django_user = await (request.auser() if hasattr(request, "auser") else sync_to_async(get_user)(request))
        return User(f"async-{django_user.pk}")

    configured({"USER": user})
    visitor = visit("ada")
    for path in ("/", "/async", ENDPOINT):
        assert user_in(visitor.get(path).text) == "async-1"
    configured({"USER": "tests.frameworks.test_django_pages.by_path"})
    for path in ("/", "/async", ENDPOINT):
        assert user_in(visitor.get(path).text) == "path-ada"


def test_the_page_that_deletes_the_users_cookie_has_no_token(visit: Visit, configured: Configure) -> None:
    configured({"USER": lambda request: User("ada")})
    visitor = visit()
    reply = visitor.get("/forget")  # this browser does not have that cookie
    assert user_in(reply.text) == "ada"
    assert_deletes_cookie(reply)
    visitor.set_cookie("access_token", "x")
    reply = visitor.get("/forget")
    assert reply.text == PAGE
    assert reply.headers["X-Widgetmw"] == "skipped; reason=signing_out"
    assert_deletes_cookie(reply)


def test_a_cookie_that_a_view_sets_as_a_header_is_kept(visit: Visit) -> None:
    reply = visit("ada").get("/two-cookies")
    assert user_in(reply.text) == ADA
    cookies = str([value for name, value in reply.headers.items() if name.lower() == "set-cookie"])
    assert "a=1; Partitioned" in cookies
    assert "b=2; Path=/" in cookies


def by_primary_key(request: Any) -> User | None:
    return User(request.user.pk) if request.user.is_authenticated else None


@pytest.mark.parametrize("user", [None, by_primary_key])
@pytest.mark.parametrize("end", ["flush", "clear"])
def test_a_page_whose_view_has_emptied_the_session_has_no_token(
    visit: Visit, configured: Configure, end: str, user: Any
) -> None:
    def sign_out(request: Any) -> HttpResponse:
        getattr(request.session, end)()
        return HttpResponse(PAGE)

    view = urls.path("sign-out", login_required(sign_out))
    configured({"USER": user} if user else {}, ROOT_URLCONF=Urls(view, *django_app.urlpatterns))
    visitor = visit("ada")
    assert visitor.get("/sign-out").text == PAGE
    assert visitor.token().status_code == 401


def test_a_page_that_is_rendered_before_its_view_signs_out_has_no_token(visit: Visit, configured: Configure) -> None:
    def sign_out(request: Any) -> HttpResponse:
        response = django_app.render(request, TEMPLATE)
        logout(request)
        return response

    configured({}, ROOT_URLCONF=Urls(urls.path("sign-out", sign_out), *django_app.urlpatterns))
    visitor = visit("ada")
    assert user_in(visitor.get("/placed").text) == ADA
    assert user_in(visitor.get("/sign-out").text) is None


def assert_deletes_cookie(reply: Any) -> None:
    values = [value for name, value in reply.headers.items() if name.lower() == "set-cookie"]
    assert len(values) == 1
    assert values[0].strip().startswith("access_token=")


def by_path(request: Any) -> User:
    return User(f"path-{request.user.username}")


def test_the_admin_is_excluded_unless_it_is_included(visit: Visit, configured: Configure) -> None:
    admin = urls.path("admin/", urls.include(([urls.path("", lambda request: HttpResponse(PAGE))], "admin")))
    for included, reason in (("", "skipped; reason=excluded"), ("/admin", "injected")):
        configured({"INCLUDE": included, "DEBUG": True}, ROOT_URLCONF=Urls(admin, *django_app.urlpatterns))
        visitor = visit("ada")
        reply = visitor.get("/admin/")
        assert reply.headers["X-Widgetmw"] == reason
        assert user_in(reply.text) == (ADA if included else None)
        assert user_in(visitor.get().text) == ADA
