"""Reading response headers and making those of a page private, in one pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.growth import assert_linear
from widgetmw.core.http.page import (
    _FLAGS,
    CACHE_CONTROL,
    HEADER_FLAGS,
    directives,
    header_text,
    is_stricter,
)
from widgetmw.core.http.response_headers import (
    CONTENT_TYPES,
    ResponseHeaders,
    adjust_content_length,
    keep_cacheable,
    vary_on_cookie,
    with_exact_length,
    without,
)
from widgetmw.core.reasons import SkipReason

POOL = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Type", "text/html"),
    ("content-length", "85"),
    ("Content-Length", " 85 "),
    ("Content-Length", "8_5"),
    ("Cache-Control", "no-cache"),
    ("Cache-Control", "private, no-cache"),
    ("Cache-Control", "no-store"),
    ("Cache-Control", "public"),
    ("CDN-Cache-Control", "no-store"),
    ("Vary", "Accept-Language"),
    ("vary", "Cookie, Accept"),
    ("Vary", ""),
    ("ETag", '"1"'),
    ("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Set-Cookie", "a=1"),
    ("Set-Cookie", "b=2"),
    ("X-Frame-Options", "DENY"),
    ("Clear-Site-Data", '"cookies"'),
    ("Content-Encoding", "identity"),
    ("Content-Security-Policy", "script-src 'self'"),
]
HEADERS = st.lists(st.sampled_from(POOL), min_size=1, max_size=8)
TYPES = st.sampled_from([str, bytes])
CONFIGURED = st.sampled_from(["private, no-store", "private, no-cache"])


def encode(headers: list[tuple[str, str]], header_type: type) -> list[tuple[Any, Any]]:
    return headers if header_type is str else [(name.encode(), value.encode()) for name, value in headers]


@given(st.lists(st.tuples(HEADERS, TYPES), min_size=2, max_size=6))
def test_memos_never_mix_up_two_responses(responses: list[tuple[list[tuple[str, str]], type]]) -> None:
    readers = {header_type: ResponseHeaders(header_type, "private, no-store") for header_type in (str, bytes)}

    def read(headers: list[tuple[Any, Any]]) -> Any:
        page = readers[headers[0][0].__class__].read(200, headers)
        return page if isinstance(page, SkipReason) else page.headers

    encoded = [encode(headers, header_type) for headers, header_type in responses]
    first = [read(headers) for headers in encoded]
    assert [read(headers) for headers in reversed(encoded)] == first[::-1]


@given(HEADERS, TYPES, CONFIGURED)
def test_the_single_pass_follows_the_rules(headers: list[tuple[str, str]], header_type: type, configured: str) -> None:
    own = [POOL[0], *headers]
    pairs = encode(own, header_type)
    page = ResponseHeaders(header_type, configured).read(200, pairs)
    assert pairs == encode(own, header_type)  # the app's own list is not changed
    names = [name.lower() for name, _ in headers]
    if names.count("content-type") or names.count("content-length") > 1:
        assert page is SkipReason.AMBIGUOUS
        return
    if names.count("content-encoding") > 1:
        assert page is SkipReason.CONTENT_ENCODING
        return
    assert not isinstance(page, SkipReason)
    if ("Cache-Control", "public") not in headers:  # such a page gets no token, so its headers are never used
        assert page.headers == encode(expected_headers(own, configured, header_type), header_type)
    lengths = [
        index for index, (name, _) in enumerate(page.headers) if name.lower() in ("content-length", b"content-length")
    ]
    assert lengths == [index for index in [page.length_index] if index >= 0]
    assert page.no_token_reason == expected_no_token_reason(headers)
    special = {"clear-site-data", "content-encoding", "content-security-policy", "cdn-cache-control"}
    assert (page.rare_headers is None) == (special.isdisjoint(names) and ("Cache-Control", "public") not in headers)


def expected_no_token_reason(headers: list[tuple[str, str]]) -> SkipReason | None:
    if any(name == "Clear-Site-Data" for name, _ in headers):
        return SkipReason.SIGNING_OUT
    return SkipReason.SHARED_CACHE if ("Cache-Control", "public") in headers else None


def expected_headers(headers: list[tuple[str, str]], configured: str, header_type: type) -> list[tuple[str, str]]:
    """Applies the rules one after the other."""
    kept = [pair for pair in headers if pair[0].lower() not in {"etag", "last-modified", "cdn-cache-control"}]
    kept, is_kept = expected_cache_control(kept, configured)
    if not is_kept:
        kept.append(("Cache-Control" if header_type is str else "cache-control", configured))
    vary = [index for index, (name, _) in enumerate(kept) if name.lower() == "vary"]
    if not vary:
        kept.append(("Vary" if header_type is str else "vary", "Cookie"))
    elif not any("Cookie" in kept[index][1] for index in vary):
        name, value = kept[vary[-1]]
        kept[vary[-1]] = (name, f"{value}, Cookie" if value else "Cookie")
    return kept


def expected_cache_control(headers: list[tuple[str, str]], configured: str) -> tuple[list[tuple[str, str]], bool]:
    """Several Cache-Control headers count as one, which stays in the place of the first, or is replaced."""
    values = [value for name, value in headers if name.lower() == "cache-control"]
    joined = ", ".join(values)
    is_kept = bool(values) and is_stricter(frozenset(joined.split(", ")), configured)
    kept = [pair for pair in headers if pair[0].lower() != "cache-control"]
    if is_kept:
        index = next(index for index, (name, _) in enumerate(headers) if name.lower() == "cache-control")
        kept.insert(index, ("Cache-Control", joined if "private" in joined else f"{joined}, private"))
    return kept, is_kept


def test_directives_in_two_headers_are_as_strict_as_in_one() -> None:
    headers = [POOL[0], ("Cache-Control", "private"), ("Cache-Control", "no-cache")]
    page = ResponseHeaders(str, "private, max-age=60").read(200, headers)
    assert not isinstance(page, SkipReason)
    assert ("Cache-Control", "private, no-cache") in page.headers


def test_a_logout_page_overrides_a_stricter_cache_control() -> None:
    headers = [POOL[0], ("Cache-Control", "no-store, max-age=0")]
    page = ResponseHeaders(str, "private, no-store", override=True).read(200, headers)
    assert not isinstance(page, SkipReason)
    assert [value for name, value in page.headers if name == "Cache-Control"] == ["private, no-store"]


@pytest.mark.parametrize("configured", ["no-store", "private, no-store", "private"])
@pytest.mark.parametrize("own", [None, "no-store", "No-Store, max-age=0", "private, no-store", "max-age=60"])
@pytest.mark.parametrize("header_type", [str, bytes])
def test_a_page_with_a_token_is_always_private(configured: str, own: str | None, header_type: type) -> None:
    headers = encode([POOL[0], *([("Cache-Control", own)] if own else [])], header_type)
    page = ResponseHeaders(header_type, configured).read(200, headers)
    assert not isinstance(page, SkipReason)
    (value,) = [header_text(value) for name, value in page.headers if HEADER_FLAGS[name] == CACHE_CONTROL]
    assert [part.strip() for part in value.split(",")].count("private") == 1
    assert own is None or "store" not in own or own in value


@pytest.mark.parametrize("status", [100, 204, 205, 206, 301, 304])
def test_a_status_without_a_page_is_skipped(status: int) -> None:
    assert ResponseHeaders(str, "private").read(status, [POOL[0]]) is SkipReason.STATUS


@pytest.mark.parametrize("status", [200, 201, 404, 500])
def test_error_pages_are_pages(status: int) -> None:
    assert not isinstance(ResponseHeaders(str, "private").read(status, [POOL[0]]), SkipReason)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", False),
        ("Text/HTML ; charset=x", False),
        ("text/html;charset=UTF-8", True),
        ('text/html; charset="utf-8"', True),
        ("text/html; charset=utf-16", SkipReason.ENCODING),
        ("text/html; charset=ISO-2022-JP", SkipReason.ENCODING),
        ("application/xhtml+xml", SkipReason.NOT_HTML),
        ("text/html, text/plain", SkipReason.NOT_HTML),
        ("", SkipReason.NOT_HTML),
    ],
)
def test_content_types(content_type: str, expected: bool | SkipReason) -> None:
    page = ResponseHeaders(str, "private").read(200, [("Content-Type", content_type)])
    assert (page if isinstance(page, SkipReason) else page.charset_declared) is expected


def test_a_response_without_a_content_type_is_not_a_page() -> None:
    assert ResponseHeaders(str, "private").read(200, []) is SkipReason.NOT_HTML


def test_any_cdn_cache_control_addresses_an_edge_cache() -> None:
    assert (
        HEADER_FLAGS["Fastly-Cache-Control"]
        == HEADER_FLAGS["CDN-Cache-Control"]
        == HEADER_FLAGS[b"surrogate-control"]
        != 0
    )
    assert HEADER_FLAGS["X-Anything"] == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("85", "95"),
        (" 85 ", "95"),
        ("0085", "95"),
        ("8_5", None),
        ("-1", None),
        ("", None),
        ("9" * 19, None),
        ("٨", None),
    ],
)
def test_a_content_length_is_adjusted_or_removed(value: str, expected: str | None) -> None:
    headers = [("Content-Length", value), ("Date", "now")]
    adjust_content_length(headers, 0, 10)
    assert headers == [("Content-Length", expected), ("Date", "now")][expected is None :]
    assert not any(header[1] is None for header in headers)


def test_an_exact_length_replaces_one_that_exists() -> None:
    assert with_exact_length([(b"content-length", b"1"), (b"a", b"b")], 7) == [(b"content-length", b"7"), (b"a", b"b")]
    assert with_exact_length([(b"a", b"b")], 7) == [(b"a", b"b")]
    assert without([("Content-Length", "1"), ("A", "b")], HEADER_FLAGS["content-length"]) == [("A", "b")]


def test_a_page_that_stays_cacheable_loses_its_digests_and_has_a_weak_etag() -> None:
    headers = [("ETag", '"1"'), ("Content-MD5", "x"), ("Accept-Ranges", "bytes"), ("Cache-Control", "public")]
    assert keep_cacheable(headers) == [("ETag", 'W/"1"'), ("Cache-Control", "public")]
    assert keep_cacheable([(b"etag", b'W/"1"')]) == [(b"etag", b'W/"1"')]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Accept", "Accept, Cookie"),
        ("", "Cookie"),
        (b"Accept", b"Accept, Cookie"),
        ("Accept, cookie", None),
        ("*", None),
        ("Set-Cookie", "Set-Cookie, Cookie"),
    ],
)
def test_vary_gains_the_cookie_once(value: Any, expected: Any) -> None:
    assert vary_on_cookie(value) == expected


HOSTILE = ['"', '\\"', '"\\', 'a="\\"",', ",", ";", "=", " \t", "; a=b", '; a="', "; a*0=b", "%41", "'", "\xe9"]


@pytest.mark.parametrize("name", [*_FLAGS, "cdn-cache-control"])
def test_a_hostile_header_takes_linear_time(name: str) -> None:
    def read(value: str) -> None:
        directives.cache_clear()
        CONTENT_TYPES.clear()
        headers = [("Content-Type", "text/html")] if name != "content-type" else []
        ResponseHeaders(str, "private, no-store").read(200, [*headers, (name, value)])

    start = "text/html; charset=utf-8" if name == "content-type" else ""
    for part in HOSTILE:
        assert_linear(read, lambda size, part=part: start + part * (size // len(part)), 16_000)


@pytest.mark.parametrize("name", _FLAGS)
def test_a_header_that_is_repeated_endlessly_takes_linear_time(name: str) -> None:
    def read(headers: list[tuple[str, str]]) -> None:
        directives.cache_clear()
        ResponseHeaders(str, "private, no-store").read(200, [("Content-Type", "text/html"), *headers])

    assert_linear(read, lambda count: [(name, "a")] * count, 8_000)
