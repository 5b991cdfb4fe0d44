"""What the headers that few pages have say about a page."""

from __future__ import annotations

import re

import pytest

from widgetmw.core.http import page as page_module
from widgetmw.core.http.page import (
    Page,
    directives,
    is_stricter,
    may_have_session,
    needs_evaluation,
    note_session_cookie,
)
from widgetmw.core.http.response_headers import ResponseHeaders
from widgetmw.core.reasons import SkipReason

HTML = ("Content-Type", "text/html; charset=utf-8")


def read(*headers: tuple[str, str]) -> Page | SkipReason:
    return ResponseHeaders(str, "private, no-store").read(200, [HTML, *headers])


def test_each_flag_has_a_bit_of_its_own() -> None:
    public = {name: value for name, value in vars(page_module).items() if re.fullmatch("[A-Z][A-Z_]+", name)}
    flags = [value for value in public.values() if isinstance(value, int)]
    assert sorted(flags) == [1 << bit for bit in range(len(flags))]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Content-Range", "bytes 0-9/99", SkipReason.PARTIAL),
        ("X-Sendfile", "/a.html", SkipReason.PARTIAL),
        ("X-Accel-Redirect", "/a.html", SkipReason.PARTIAL),
        ("Content-Disposition", " Attachment; filename=a.html", SkipReason.ATTACHMENT),
        ("Cache-Control", "no-transform", SkipReason.NO_TRANSFORM),
        ("Content-Encoding", "br", SkipReason.CONTENT_ENCODING),
        ("Content-Encoding", "gzip, br", SkipReason.CONTENT_ENCODING),
    ],
)
def test_headers_that_forbid_a_change(name: str, value: str, reason: SkipReason) -> None:
    assert read((name, value)) is reason


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([("Set-Cookie", "session=; Path=/; Max-Age=0")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "sessionid=null; expires=Thu, 01 Jan 1970 00:00:00 GMT")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "__Host-auth=; Max-Age=0; Secure")], SkipReason.SIGNING_OUT),
        # as Starlette, aiohttp-security and Beaker write it, and many others
        ([("Set-Cookie", 'jwt=""; expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=0')], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", 'AIOHTTP_SECURITY=""; Path=/')], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "beaker.session.id=1; expires=Fri, 01-Jan-2021 10:00:00 GMT")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "my_sid=1; Expires=Thu, 01-Jan-1970 00:00:10 GMT")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "auth_tkt=x; Max-Age=0; expires=Wed, 31-Dec-97 23:59:59 GMT")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "token=")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "user=x; Path=/; Max-Age=-1")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "session=; Expires=Fri, 31 Dec 9999 23:59:59 GMT; Path=/")], SkipReason.SIGNING_OUT),
        ([("Set-Cookie", "session=abc; Expires=Fri, 31 Dec 9999 23:59:59 GMT; Max-Age=3600")], None),
        ([("Set-Cookie", "session=abc; Path=/; Max-Age=3600"), ("Set-Cookie", "messages=; Max-Age=0")], None),
        ([("Set-Cookie", "csrf_access_token=; Max-Age=0"), ("Set-Cookie", "oauth_state=; Max-Age=0")], None),
        ([("Set-Cookie", "session=; Max-Age=0"), ("Cache-Control", "public")], SkipReason.SHARED_CACHE),
        ([("Cache-Control", "public")], SkipReason.SHARED_CACHE),
        ([("Cache-Control", "s-maxage=9")], SkipReason.SHARED_CACHE),
        ([("CDN-Cache-Control", "max-age=9")], SkipReason.SHARED_CACHE),
        ([("CDN-Cache-Control", "no-store")], None),
        ([("CDN-Cache-Control", "no-store"), ("Surrogate-Control", "max-age=9")], SkipReason.SHARED_CACHE),
        ([("X-Accel-Expires", "0")], None),
        ([("Clear-Site-Data", '"cookies"')], SkipReason.SIGNING_OUT),
        (
            [("Access-Control-Allow-Origin", "https://a.example"), ("Access-Control-Allow-Credentials", "true")],
            SkipReason.CROSS_ORIGIN,
        ),
        ([("Access-Control-Allow-Origin", "*")], None),
        ([("Access-Control-Allow-Credentials", "true")], None),
        ([("Content-Disposition", "inline")], None),
    ],
)
def test_headers_that_forbid_a_token(headers: list[tuple[str, str]], reason: SkipReason | None) -> None:
    page = read(*headers)
    assert isinstance(page, Page)
    assert page.no_token_reason is reason


@pytest.mark.parametrize(
    ("allowed", "origin", "is_own"),
    [
        (["https://shop.example"], "https://shop.example", True),
        (["https://Shop.example"], "http://shop.example", True),
        (["http://shop.example"], "https://shop.example", False),
        (["https://shop.example", "https://a.example"], "https://shop.example", False),
        (["https://shop.example:8443"], "https://shop.example", False),
        (["null"], "https://shop.example", False),
        (["*"], "https://shop.example", False),
        ([""], None, False),
    ],
)
def test_only_its_own_origin_may_read_a_page_with_a_token(allowed: list[str], origin: str | None, is_own: bool) -> None:
    cors = [("Access-Control-Allow-Credentials", "true"), *(("Access-Control-Allow-Origin", each) for each in allowed)]
    for extra, reason in (([], None), ([("Set-Cookie", "session=; Max-Age=0")], SkipReason.SIGNING_OUT)):
        page = read(*cors, *extra)
        assert isinstance(page, Page)
        page.allow_own_origin(origin)
        assert page.no_token_reason is (reason if is_own else SkipReason.CROSS_ORIGIN)


@pytest.mark.parametrize(
    ("value", "coding"), [("gzip", "gzip"), ("X-GZIP", "gzip"), ("deflate", "deflate"), ("identity", "")]
)
def test_codings_that_can_be_decoded(value: str, coding: str) -> None:
    page = read(("Content-Length", "9"), ("Content-Encoding", value))
    assert isinstance(page, Page)
    assert page.coding == coding
    assert (page.length_index == -1) == bool(coding)  # a compressed length says nothing about the page


def test_a_csp_is_kept_and_can_be_read() -> None:
    page = read(("Content-Security-Policy", "default-src 'self'"), ("Content-Security-Policy", "img-src *"))
    assert isinstance(page, Page)
    assert page.values(page.rare_headers[0][0]) == ["default-src 'self'", "img-src *"]
    assert len(page.headers) == 5


def test_directives_in_quotes_do_not_count() -> None:
    assert directives('Private, max-age=5, ext="a, public", NO-CACHE') == {"private", "max-age", "ext", "no-cache"}
    assert needs_evaluation("public")
    assert not needs_evaluation('ext="public"')


def test_directives_after_an_unclosed_quote_count() -> None:
    assert directives('ext="a, public') == {"ext", "public"}
    assert directives('ext="a\\", no-transform, b') == {"ext", "no-transform", "b"}


@pytest.mark.parametrize(
    ("own", "configured", "expected"),
    [
        ({"no-store"}, "private, no-store", True),
        ({"private", "no-cache"}, "private, no-store", False),
        ({"private", "no-cache"}, "private, max-age=60", True),
        ({"private"}, "private, max-age=60", False),
    ],
)
def test_a_stricter_cache_control_of_the_app_wins(own: set[str], configured: str, expected: bool) -> None:
    assert is_stricter(frozenset(own), configured) is expected


def test_a_directive_with_an_argument_speaks_of_one_header_only() -> None:
    assert directives('private="set-cookie", no-cache=x, no-store="a,b", max-age=600') == {"max-age"}
    page = ResponseHeaders(str, "private, no-cache").read(
        200, [HTML, ("Cache-Control", 'private="set-cookie", no-cache="set-cookie", max-age=600')]
    )
    assert isinstance(page, Page)
    assert dict(page.headers)["Cache-Control"] == "private, no-cache"


def test_a_framework_may_name_the_session_cookie() -> None:
    deleted = ("Set-Cookie", "basket=; Max-Age=0")
    assert isinstance(before := read(deleted), Page)
    assert before.no_token_reason is None
    note_session_cookie(None)
    note_session_cookie("basket")
    assert isinstance(after := read(deleted), Page)
    assert after.no_token_reason is SkipReason.SIGNING_OUT


@pytest.mark.parametrize(
    ("cookies", "reason"),
    [
        ("a=1; session=x", SkipReason.SIGNING_OUT),
        ("a=1; sessions=x", None),
        ("", None),
    ],
)
def test_deleting_a_session_cookie_that_was_not_sent_signs_nobody_out(cookies: str, reason: SkipReason | None) -> None:
    page = read(("Set-Cookie", "session=; Path=/; Max-Age=0"))
    assert isinstance(page, Page)
    page.ignore_unsent_cookies(cookies)
    assert page.no_token_reason is reason


@pytest.mark.parametrize("value", ["*", '"*"', '"cookies"', '"cache", "storage"', '"Cookies"'])
@pytest.mark.parametrize("cookies", [[], [("Set-Cookie", "remember_token=; Max-Age=0")]])
def test_clearing_the_site_data_signs_out_whatever_cookies_were_sent(
    value: str, cookies: list[tuple[str, str]]
) -> None:
    page = read(("Clear-Site-Data", value), *cookies)
    assert isinstance(page, Page)
    page.ignore_unsent_cookies("session=x")
    assert page.no_token_reason is SkipReason.SIGNING_OUT


@pytest.mark.parametrize("value", ['"cache"', '"cache", "executionContexts"', '"clientHints"', ""])
def test_clearing_a_cache_signs_nobody_out(value: str) -> None:
    page = read(("Clear-Site-Data", value))
    assert isinstance(page, Page)
    assert page.no_token_reason is None


@pytest.mark.parametrize(
    ("cookies", "headers", "expected"),
    [
        ("a=b; sessionid=x", [], True),
        ("a=b", [("Set-Cookie", "session=x; Path=/")], True),
        ("a=b; csrftoken=x", [("Set-Cookie", "theme=dark"), ("X-Session", "session=x")], False),
        ("_hjSessionUser_1=x; ai_session=x; ai_user=x; ajs_user_id=x; optimizelyEndUserId=x", [], False),
        ("intercom-session-app=x; crisp-client%2Fsession%2Fsite=x", [], False),
        ("intercom-session-app=x; sessionid=x", [], True),
        ("", [], False),
    ],
)
def test_a_session_is_known_by_the_cookies_of_request_and_response(
    cookies: str, headers: list[tuple[str, str]], expected: bool
) -> None:
    vendor_cookies = ("intercom-session-app", "crisp-client/session/site")
    assert may_have_session(cookies, headers, vendor_cookies) is expected
    as_bytes = [(name.encode(), value.encode()) for name, value in headers]
    assert may_have_session(cookies, as_bytes, vendor_cookies) is expected
