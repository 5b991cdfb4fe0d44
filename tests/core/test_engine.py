"""The engine's optimizations never change what the rules say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.http.test_response_headers import POOL
from widgetmw import Settings, User
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError
from widgetmw.core.http.mark import mark_name
from widgetmw.core.http.page import Page
from widgetmw.core.reasons import SkipReason

ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"}
SETTINGS = replace(Settings.from_env(ENV), clock=lambda: 1_700_000_000.0)


class FakeRequest:
    """A request for a page; see :class:`widgetmw.core.script_choice.AnyPageRequest`."""

    path, root_path, mark_path = "/", "", ""
    host = "shop.example"
    origin = "http://shop.example"
    sends_authorization = False

    def __init__(self, in_cross_site_frame: bool = False, is_prefetch: bool = False, cookies: str = "") -> None:
        self.in_cross_site_frame = in_cross_site_frame
        self.is_prefetch = is_prefetch
        self.cookies = cookies


def page_of(engine: Engine, *headers: tuple[str, str]) -> Page:
    page = engine.page_from_text(200, [POOL[0], *headers])
    assert isinstance(page, Page)
    return page


def inject(engine: Engine, request: FakeRequest, user: User | None, *headers: tuple[str, str]) -> bytes | SkipReason:
    page = page_of(engine, *headers)
    return engine.prepare_page(request, page, [POOL[0], *headers], user) or page.script


def test_a_signed_in_page_carries_the_token() -> None:
    engine = Engine(SETTINGS)
    script = inject(engine, FakeRequest(), User("ada"))
    assert isinstance(script, bytes)
    assert engine.tokens.get(User("ada")).tokens[0].value.encode() in script


@pytest.mark.parametrize(
    ("request_", "headers", "reason"),
    [
        (FakeRequest(in_cross_site_frame=True), (), SkipReason.CROSS_SITE_FRAME),
        (FakeRequest(), (("Cache-Control", "public"),), SkipReason.SHARED_CACHE),
        (FakeRequest(), (("Content-Security-Policy", "script-src 'none'"),), SkipReason.CSP_NONE),
        (FakeRequest(), (("Content-Security-Policy", "sandbox"),), SkipReason.CSP_SANDBOX),
    ],
)
def test_pages_that_must_not_carry_a_token(
    request_: FakeRequest, headers: tuple[tuple[str, str], ...], reason: SkipReason
) -> None:
    assert inject(Engine(SETTINGS), request_, User("ada"), *headers) is reason


def test_an_anonymous_page_stays_the_apps_own_unless_the_browser_has_the_mark() -> None:
    engine = Engine(SETTINGS)
    assert inject(engine, FakeRequest(), None) is SkipReason.ANONYMOUS
    assert isinstance(inject(engine, FakeRequest(cookies=f"{mark_name('/_widgetmw', '')}=1"), None), bytes)


def test_a_prefetched_page_carries_no_token() -> None:
    engine = Engine(SETTINGS)
    script = inject(engine, FakeRequest(is_prefetch=True), User("ada"))
    assert isinstance(script, bytes)
    assert engine.tokens.get(User("ada")).tokens[0].value.encode() not in script


def test_the_header_that_a_proxy_adds_says_nothing_about_the_browser() -> None:
    proxy = {"WIDGETMW_PROXY": "oauth2-proxy", "WIDGETMW_PROXY_ADDRESSES": "10.0.0.5"}
    for variables, expected in ({}, True), (proxy, False):
        request, page = FakeRequest(), page_of(engine := Engine(Settings.from_env({**ENV, **variables})))
        request.sends_authorization = True
        assert engine.prepare_page(request, page, [POOL[0]], User("ada")) is None
        assert any(name == "Set-Cookie" for name, _ in page.headers) is expected


def test_the_session_of_a_vendors_widget_does_not_name_the_user_of_the_site() -> None:
    intercom = {"INTERCOM_APP_ID": "app", "INTERCOM_SECRET": "s" * 40}
    for name, expected in ("intercom-session-app", True), ("intercom-session-other", False), ("session", False):
        request, page = (
            FakeRequest(cookies=f"{name}=x"),
            page_of(engine := Engine(Settings.from_env({**ENV, **intercom}))),
        )
        request.sends_authorization = True
        assert engine.prepare_page(request, page, [POOL[0]], User("ada")) is None
        assert any(name == "Set-Cookie" for name, _ in page.headers) is expected


def test_a_page_needs_its_user_only_if_it_could_carry_a_token() -> None:
    engine = Engine(replace(SETTINGS, exclude=("/admin",)))
    headers = [POOL[0]]
    assert engine.page_that_needs_user(FakeRequest(), "GET", "/", 200, headers) is not None
    assert engine.page_that_needs_user(FakeRequest(), "GET", "/", 200, [(b"content-type", b"text/html")]) is not None
    assert engine.page_that_needs_user(FakeRequest(), "PUT", "/", 200, headers) is None
    assert engine.page_that_needs_user(FakeRequest(), "GET", "/admin/x", 200, headers) is None
    assert engine.page_that_needs_user(FakeRequest(), "GET", "/", 304, headers) is None
    assert engine.page_that_needs_user(FakeRequest(in_cross_site_frame=True), "GET", "/", 200, headers) is None
    assert (
        Engine(replace(SETTINGS, delivery="fetch")).page_that_needs_user(FakeRequest(), "GET", "/", 200, headers)
        is None
    )


@pytest.mark.parametrize(
    ("method", "path", "accept", "has_credentials", "expected"),
    [
        ("GET", "/", "text/html", True, True),
        ("HEAD", "/", "Text/HTML,*/*", True, True),
        ("GET", "/", "text/html", False, False),
        ("POST", "/", "text/html", True, True),
        ("PUT", "/", "text/html", True, False),
        ("GET", "/", "image/png", True, False),
        ("GET", "/admin", "text/html", True, False),
    ],
)
def test_a_page_may_carry_the_script_for_everybody_who_may_be_signed_in(
    method: str, path: str, accept: str, has_credentials: bool, expected: bool
) -> None:
    engine = Engine(replace(SETTINGS, exclude=("/admin",)))
    assert engine.may_carry_script({}, method, path, accept, has_credentials) is expected


def test_what_a_plugin_excludes_can_be_included() -> None:
    engine = Engine(replace(SETTINGS, exclude=("/docs/old",), include=("/docs",)))
    assert not Engine(SETTINGS).has_excludes
    engine.exclude_by_default(["/docs", "/redoc/"])
    assert engine.has_excludes
    paths = ("/docs", "/docs/old", "/docs/x", "/redoc", "/redocs", "/")
    assert [path for path in paths if engine.is_excluded(path)] == ["/docs/old", "/redoc"]


@pytest.mark.parametrize(
    ("path", "expected"), [("/_widgetmw", True), ("/_widgetmw/token", True), ("/_widgetmwx", False), ("/a", False)]
)
def test_endpoint_paths(path: str, expected: bool) -> None:
    assert Engine(SETTINGS).is_endpoint(path) is expected


def test_failures_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine(SETTINGS)
    assert engine.page_failure(ResolverError("no session")) is SkipReason.RESOLVER_FAILED
    assert engine.page_failure(ValueError("secret detail")) is SkipReason.INTERNAL_ERROR
    assert "no session" in caplog.text
    assert "secret detail" not in caplog.text
