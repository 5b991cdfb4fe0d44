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
from django.contrib.auth import get_user
from django.core.handlers.wsgi import WSGIHandler
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, COMMON, CONDITIONAL, CSRF, GZIP, HAND, OURS, PAGE, POLICY, SESSIONS, STACK
from tests.frameworks.visitor import BROWSER, ENDPOINT, HEAD, TOKEN, whose
from widgetmw import User

# Django's own, where a stream is of the other kind than the server
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")

Visit = Callable[..., Any]
ADA = "1"  # her primary key
POLICIES = [POLICY, "django.middleware.csp.ContentSecurityPolicyMiddleware"][: 1 + (django.VERSION >= (6, 0))]
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
        assert whose(reply.text) == ADA
        assert reply.headers["Cache-Control"] == "private, no-store"
        assert "Cookie" in reply.headers["Vary"]
        assert reply.headers["Content-Length"] == str(len(reply.text.encode()))
    assert whose(visitor.token().text) == ADA
    assert visitor.get("/out").text == PAGE
    assert visitor.get().text == PAGE
    assert visitor.token().status_code == 401


def test_the_person_is_request_user_with_name_and_email(visit: Visit, configured: Configure) -> None:
    configured({"HISSUNO_PROJECT_ID": "p", "HISSUNO_SECRET_KEY": "sk_live_" + "x" * 40, "PROVIDERS": ["hissuno"]})
    for name, pk, known in (
        ("ada", "1", {"name": "Ada Lovelace", "email": "ada@shop.example"}),
        ("eve", "2", {"name": "eve"}),
    ):
        token = TOKEN.findall(visit(name).get().text)[0]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["userId"], claims["userMetadata"]) == (pk, known)


@pytest.mark.parametrize("path", ["/json", "/fragment", "/shared"])
def test_what_is_no_page_for_one_person_is_left_alone(visit: Visit, path: str) -> None:
    assert "data-widgetmw" not in visit("ada").get(path).text


@pytest.mark.parametrize("path", ["/stream", "/stream-async", "/file", "/gzip", "/gzip-stream"])
def test_streams_files_and_compressed_pages(visit: Visit, path: str) -> None:
    visitor = visit("ada")
    reply = visitor.get(path, Range="bytes=0-9", If_None_Match="*", **BROWSER)
    raw = reply.content if hasattr(reply, "content") else reply.data
    text = gzip.decompress(raw).decode() if raw[:2] == b"\x1f\x8b" else raw.decode()
    assert (reply.status_code, whose(text)) == (200, ADA)
    assert text.endswith(PAGE[30:])
    assert "ETag" not in reply.headers
    if "Content-Encoding" not in reply.headers:
        assert reply.headers.get("Content-Length", str(len(raw))) == str(len(raw))


def test_error_pages_are_pages(visit: Visit) -> None:
    visitor = visit("ada")
    reply = visitor.get("/broken")
    assert (reply.status_code, whose(reply.text)) == (500, ADA)
    assert reply.text.startswith(HEAD[:27])
    assert (visitor.get("/nowhere").status_code, whose(visitor.get("/nowhere").text)) == (404, ADA)


def test_head_has_the_headers_of_get(visit: Visit) -> None:
    visitor = visit("ada")
    for path in ("/", "/stream", "/stream-async"):
        get, head = visitor.get(path), visitor.request("HEAD", path)
        assert head.headers["Cache-Control"] == get.headers["Cache-Control"] == "private, no-store"
        assert head.headers.get("Content-Length") == get.headers.get("Content-Length")


def test_a_304_never_brings_back_another_page(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[CONDITIONAL, *STACK])
    visitor = visit("ada")
    reply = visitor.get("/etag", If_None_Match='"1"', **BROWSER)
    assert (reply.status_code, whose(reply.text)) == (200, ADA)
    assert "ETag" not in reply.headers
    assert visit().get("/etag", If_None_Match='"1"', **BROWSER).status_code == 304


@pytest.mark.parametrize("stack", [[GZIP, *STACK], [*STACK, GZIP]], ids=["outside", "inside"])
def test_gzip_on_either_side(visit: Visit, configured: Configure, stack: list[str]) -> None:
    configured(MIDDLEWARE=stack)
    visitor = visit("ada")
    for path in ("/", "/async", "/stream"):
        reply = visitor.get(path, Accept_Encoding="gzip")
        assert reply.headers["Content-Encoding"] == "gzip"
        raw = reply.content if hasattr(reply, "content") else gzip.decompress(reply.data)
        assert whose(raw.decode()) == ADA
    assert whose(visitor.token(Accept_Encoding="identity").text) == ADA


@pytest.mark.parametrize("path", ["/nonced", "/hand"])
@pytest.mark.parametrize("policy", POLICIES, ids=["django-csp", "django"][: len(POLICIES)])
def test_the_nonce_of_the_policy_is_used(visit: Visit, configured: Configure, policy: str, path: str) -> None:
    configured(MIDDLEWARE=[*STACK, policy], **NONCES)
    reply = visit("ada").get(path)
    nonce = reply.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0]
    assert nonce
    assert reply.text.count(f'<script data-widgetmw nonce="{nonce}"') == 2
    assert whose(reply.text) == ADA


def test_the_place_may_be_above_authentication_too(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[OURS, SESSIONS, COMMON, CSRF, AUTH])
    visitor = visit("ada")
    for path in ("/", "/async", "/stream"):
        assert whose(visitor.get(path).text) == ADA
    reply = visitor.token()
    assert whose(reply.text) == ADA
    assert reply.headers["Vary"] == "Cookie, Origin"


def test_the_middleware_listed_twice_acts_once(visit: Visit, configured: Configure) -> None:
    configured(MIDDLEWARE=[*STACK, OURS])
    assert visit("ada").get().text.count("runtime.js") == 1


def test_excluded_paths_are_below_the_mount(visit: Visit, configured: Configure) -> None:
    configured({"EXCLUDE": ["/async"]})
    visitor = visit(mount="/async")
    visitor.get("/in/ada")
    assert whose(visitor.get("/").text) == ADA
    assert visitor.get("/async").headers["X-Widgetmw"] == "skipped; reason=excluded"


def test_the_same_environ_may_be_served_again(configured: Configure) -> None:
    people = iter(["ada", "eve"])
    configured({"USER": lambda request: User(next(people))}, MIDDLEWARE=[OURS])
    environ, handler = EnvironBuilder().get_environ(), WSGIHandler()
    pages = [b"".join(run_wsgi_app(handler, environ)[0]).decode() for _ in range(2)]
    assert [whose(page) for page in pages] == ["ada", "eve"]


# the place that a template names


@pytest.mark.parametrize("path", ["/hand", "/hand-async", "/twice"])
def test_a_template_may_say_where_the_script_goes(visit: Visit, path: str) -> None:
    reply = visit("ada").get(path)
    assert whose(reply.text) == ADA
    assert reply.text.count("runtime.js") == 1
    assert reply.text.startswith("<!doctype html><html><head><title>Shop</title><script data-widgetmw>")


def test_for_nobody_the_template_gets_nothing(visit: Visit) -> None:
    visitor = visit()
    empty = HAND.replace("{% load widgetmw %}", "").replace("{% widgetmw_script %}", "")
    assert visitor.get("/hand").text == empty
    visitor.set_cookie("widgetmw", "1")
    assert '"user":null' in visitor.get("/hand").text


def test_the_script_by_hand_when_the_user_cannot_be_found(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configured({"USER": lambda request: [][1]})
    assert "<script" not in visit().get("/hand").text
    assert caplog.text.count("IndexError") == 1


# who it is


@pytest.mark.parametrize("place", ["said", "said-to-the-scope"])
def test_what_identify_says_outranks_request_user(visit: Visit, place: str) -> None:
    visitor = visit("ada")
    if place == "said":
        assert visitor.get("/said/nobody").text == PAGE
    elif not hasattr(visitor, "app"):
        return  # there is no scope under WSGI
    assert whose(visitor.get(f"/{place}/mallory").text) == "mallory"


def test_two_visitors_by_turns(visit: Visit) -> None:
    ada, eve = visit("ada"), visit("eve")
    for _ in range(3):
        for path in ("/", ENDPOINT):
            assert (whose(ada.get(path).text), whose(eve.get(path).text)) == (ADA, "2")


def test_a_mount_shows_in_all_urls(visit: Visit) -> None:
    visitor = visit(mount="/a b")
    visitor.get("/in/ada")
    page = visitor.get().text
    assert '"/a%20b/_widgetmw/token"' in page
    assert 'src="/a%20b/_widgetmw/runtime.js?v=' in page
    assert whose(visitor.token().text) == ADA


def test_a_fault_of_ours_leaves_the_page(visit: Visit, monkeypatch: Any, caplog: pytest.LogCaptureFixture) -> None:
    visitor = visit("ada")
    for target in (
        "widgetmw.core.engine.Engine.insertion_offset",
        "widgetmw.core.engine.Engine.inject",
        "widgetmw.core.engine.Engine.refusal_reason",
    ):
        for path in ("/", "/stream"):
            with monkeypatch.context() as patch:
                patch.setattr(target, lambda *_: 1 / 0)
                assert visitor.get(path).text == PAGE
    assert caplog.text.count("ZeroDivisionError") == 6


def test_an_error_in_the_apps_stream_stays_the_apps(visit: Visit, configured: Configure) -> None:
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


def test_user_may_be_a_function_sync_or_async(visit: Visit, configured: Configure) -> None:
    async def user(request: Any) -> User:
        # Django 5.0 added request.auser
        person = await (request.auser() if hasattr(request, "auser") else sync_to_async(get_user)(request))
        return User(f"async-{person.pk}")

    configured({"USER": user})
    visitor = visit("ada")
    for path in ("/", "/async", ENDPOINT):
        assert whose(visitor.get(path).text) == "async-1"
    configured({"USER": "tests.frameworks.test_django_pages.by_path"})
    for path in ("/", "/async", ENDPOINT):
        assert whose(visitor.get(path).text) == "path-ada"


def by_path(request: Any) -> User:
    return User(f"path-{request.user.username}")
