"""Which responses are injected, and what happens to their bytes and headers."""

from __future__ import annotations

import re

import pytest

from tests.contract.conftest import Make
from tests.contract.site import BODY, HEAD_END, HTML, MARK, AsgiSite, Page, Reply
from widgetmw import User

TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def added_script(reply: Reply, body: bytes = BODY, offset: int = HEAD_END) -> bytes:
    """The bytes added at one offset; asserts that all others are as the app sent them."""
    added = len(reply.body) - len(body)
    assert added > 0
    assert reply.body[:offset] + reply.body[offset + added :] == body
    return reply.body[offset : offset + added]


def is_injected(reply: Reply) -> bool:
    assert (reply.header("X-Widgetmw") == "injected") == (b"data-widgetmw" in reply.body)
    return b"data-widgetmw" in reply.body


def assert_unmodified(reply: Reply, page: Page, reason: str) -> None:
    assert reply.body == page.whole
    assert [pair for pair in reply.headers if pair[0].lower() != "x-widgetmw"] == [
        (key.lower() if reply.headers and reply.headers[0][0].islower() else key, value) for key, value in page.headers
    ]
    assert reply.reason == reason


def test_a_signed_in_page_carries_the_token_in_one_insertion(make: Make) -> None:
    script = added_script(make().get())
    assert len(set(TOKEN.findall(script))) == 1
    assert script.isascii()
    assert script.startswith(b"<script data-widgetmw>")
    assert script.endswith(b"</script>")
    assert script.count(b"<script") == script.count(b"data-widgetmw") == 2


def test_an_anonymous_page_passes_byte_for_byte(make: Make) -> None:
    site = make(user=None)
    assert_unmodified(site.get(), site.page, "anonymous")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "Text/HTML",
        "TEXT/HTML;charset=UTF-8",
        "text/html ; charset=x-sjis",
        " text/html  ;a=b",
        'text/html; charset="utf-8"',
    ],
)
def test_html_is_recognized_in_any_case_with_any_parameters(make: Make, content_type: str) -> None:
    assert is_injected(make(page=Page(headers=[("Content-Type", content_type)])).get())


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/htmlx",
        "text/plain",
        "application/xhtml+xml",
        "text/event-stream",
        "text/html, text/plain",
        "x-text/html",
        "",
    ],
)
def test_other_content_types_are_skipped(make: Make, content_type: str) -> None:
    site = make(page=Page(headers=[("Content-Type", content_type)]))
    assert_unmodified(site.get(), site.page, "not_html")
    assert site.seen.resolver_calls == 0


@pytest.mark.parametrize("charset", ["utf-16", "UTF-16LE", "utf-32", "utf-7", "iso-2022-jp", '"utf-16be"'])
def test_charsets_incompatible_with_ascii_are_skipped(make: Make, charset: str) -> None:
    site = make(page=Page(headers=[("Content-Type", f"text/html; charset={charset}")]))
    assert_unmodified(site.get(), site.page, "encoding")


@pytest.mark.parametrize("status", [200, 201, 203, 400, 401, 403, 404, 410, 422, 500, 503])
def test_pages_and_error_pages_are_injected(make: Make, status: int) -> None:
    reply = make(page=Page(status=status)).get()
    assert is_injected(reply)
    assert reply.status == status


@pytest.mark.parametrize("status", [205, 206, 301, 302, 303, 307])
def test_statuses_without_a_page_are_skipped(make: Make, status: int) -> None:
    site = make(page=Page(status=status))
    assert_unmodified(site.get(), site.page, "status")


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_are_skipped(dg_env: dict[str, str], status: int) -> None:
    # wsgiref's validator around the WSGI app rejects a Content-Type with these statuses
    site = AsgiSite(dg_env, page=Page(status=status, body=b""))
    assert_unmodified(site.get(), site.page, "status")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_that_load_no_page_are_skipped(make: Make, method: str) -> None:
    site = make()
    assert_unmodified(site.request(method=method), site.page, "method")
    assert site.seen.resolver_calls == 0


def test_the_response_to_a_post_is_injected(make: Make) -> None:
    assert is_injected(make().request(method="POST"))


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("Content-Range", "bytes 0-9/100", "partial"),
        ("X-Sendfile", "/a.html", "partial"),
        ("X-Accel-Redirect", "/a.html", "partial"),
        ("Content-Disposition", 'Attachment; filename="a.html"', "attachment"),
        ("Cache-Control", "max-age=1, No-Transform", "no_transform"),
        ("Content-Encoding", "br", "content_encoding"),
        ("Content-Encoding", "zstd", "content_encoding"),
        ("Content-Encoding", "gzip, br", "content_encoding"),
        ("Cache-Control", "public, max-age=60", "shared_cache"),
        ("Cache-Control", "S-MaxAge=60", "shared_cache"),
        ("CDN-Cache-Control", "max-age=60", "shared_cache"),
        ("Surrogate-Control", "max-age=60", "shared_cache"),
        ("X-Accel-Expires", "60", "shared_cache"),
        ("Clear-Site-Data", '"cookies"', "signing_out"),
    ],
)
def test_headers_that_forbid_injection(make: Make, header: str, value: str, reason: str) -> None:
    value = value.replace("S-MaxAge", "s-maxage")
    site = make(page=Page(headers=[HTML, (header, value)]))
    assert_unmodified(site.get(), site.page, reason)
    assert site.seen.resolver_calls == 0


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Disposition", "inline"),
        ("Content-Encoding", "identity"),
        ("CDN-Cache-Control", "no-store"),
        ("Surrogate-Control", "private"),
        ("X-Accel-Expires", "0"),
        ("Access-Control-Allow-Origin", "*"),
    ],
)
def test_headers_that_do_not_forbid_injection(make: Make, header: str, value: str) -> None:
    assert is_injected(make(page=Page(headers=[HTML, (header, value)])).get())


def test_a_page_that_other_origins_may_read_with_cookies_gets_no_token(make: Make) -> None:
    cors = [("Access-Control-Allow-Origin", "https://evil.example"), ("Access-Control-Allow-Credentials", "true")]
    site = make(page=Page(headers=[HTML, *cors]))
    assert_unmodified(site.get(), site.page, "cross_origin")


@pytest.mark.parametrize("origin", ["http://shop.example", "https://shop.example"])
def test_a_page_that_only_its_own_origin_may_read_with_cookies_gets_a_token(make: Make, origin: str) -> None:
    cors = [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
    site = make(page=Page(headers=[HTML, *cors]))
    assert is_injected(site.get(Host="shop.example"))
    assert_unmodified(site.get(Host="shop.example.evil.example"), site.page, "cross_origin")


@pytest.mark.parametrize("host", ["shop.example:443", "shop.example:80"])
def test_a_default_port_that_a_proxy_has_added_to_the_host_does_not_matter(make: Make, host: str) -> None:
    cors = [("Access-Control-Allow-Origin", "https://shop.example"), ("Access-Control-Allow-Credentials", "true")]
    policy = [("Content-Security-Policy", "script-src https://shop.example")]
    for headers in (cors, policy):
        assert is_injected(make(page=Page(headers=[HTML, *headers])).get(Host=host))


@pytest.mark.parametrize("from_site", ["cross-site", "same-site"])
def test_a_script_of_another_origin_reads_no_token(make: Make, from_site: str) -> None:
    site = make()
    reply = site.get(Sec_Fetch_Dest="empty", Sec_Fetch_Mode="cors", Sec_Fetch_Site=from_site)
    assert_unmodified(reply, site.page, "cross_site_frame")
    for mode, site_header in (("navigate", from_site), ("cors", "same-origin")):
        assert b"eyJ" in site.get(Sec_Fetch_Mode=mode, Sec_Fetch_Site=site_header).body


@pytest.mark.parametrize("dest", ["iframe", "frame", "embed", "object"])
def test_a_cross_site_frame_gets_no_token(make: Make, dest: str) -> None:
    site = make()
    assert_unmodified(site.get(Sec_Fetch_Dest=dest, Sec_Fetch_Site="cross-site"), site.page, "cross_site_frame")
    assert is_injected(site.get(Sec_Fetch_Dest=dest, Sec_Fetch_Site="same-origin"))
    assert is_injected(site.get(Sec_Fetch_Dest="document", Sec_Fetch_Site="cross-site"))


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender"])
def test_a_prefetched_page_gets_the_runtime_and_no_token(make: Make, purpose: str) -> None:
    reply = make().get(Sec_Purpose=purpose)
    assert b'"ask":true' in added_script(reply)
    assert not TOKEN.search(reply.body)
    assert reply.header("Cache-Control") == "private, no-cache"


def test_excluded_paths_match_whole_segments(make: Make) -> None:
    site = make(WIDGETMW_EXCLUDE="/admin, /static/")
    for path in ("/admin", "/admin/x", "/static/a.html"):
        assert_unmodified(site.get(path), site.page, "excluded")
    for path in ("/administration", "/", "/x/admin"):
        assert is_injected(site.get(path))


def test_disabled_means_unmodified_pages_and_no_endpoint(make: Make) -> None:
    site = make(WIDGETMW_ENABLED="false")
    assert site.get().body == BODY
    token = site.get("/_widgetmw/token")
    assert token.status == 404 if site.app_owns_urls else token.body == BODY


def test_no_vendor_means_unmodified_pages(make: Make) -> None:
    assert make(env={}).get().body == BODY


def test_a_fragment_is_skipped_without_resolving_the_user(make: Make) -> None:
    site = make(page=Page(body=b"<div>part of a page</div>"))
    assert_unmodified(site.get(), site.page, "fragment")
    assert site.seen.resolver_calls == site.resolves_user_before_body


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_the_chunk_size_does_not_change_the_page(make: Make, size: int) -> None:
    chunks = [BODY[i : i + size] for i in range(0, len(BODY), size)]
    plain, chunked = make(), make(page=Page(body=chunks))
    varying = re.compile(rb'"now":[\d.]+|"expires_at":\d+|"refresh_at":\d+|' + TOKEN.pattern)
    assert varying.sub(b"", chunked.get().body) == varying.sub(b"", plain.get().body)


def test_empty_chunks_do_not_end_the_scan(make: Make) -> None:
    chunks = [b"", b"", BODY[:10], b"", BODY[10:], b""]
    assert added_script(make(page=Page(body=chunks)).get())


def test_each_chunk_after_the_decision_is_forwarded_as_one_chunk(make: Make) -> None:
    tail = [b"<p>%d</p>" % i for i in range(50)]
    reply = make(page=Page(body=[BODY, *tail])).get()
    assert reply.chunks[1 : len(tail) + 1] == tail


def test_a_page_without_a_head_passes_after_the_scan_limit(make: Make) -> None:
    chunks = [b"<!doctype html><!-- ", *[b"x" * 10_000] * 20, b"-->", BODY]
    site = make(page=Page(body=chunks))
    assert_unmodified(site.get(), site.page, "head_not_found")


# headers of a page that carries a token


def injected_response(make: Make, *headers: tuple[str, str], **variables: str) -> Reply:
    reply = make(page=Page(headers=[HTML, *headers]), **variables).get()
    assert is_injected(reply)
    return reply


def test_content_length_is_exact_when_the_app_sent_it(make: Make) -> None:
    reply = injected_response(make, ("Content-Length", str(len(BODY))))
    assert reply.header("Content-Length") == str(len(reply.body))


def test_content_length_is_not_added(make: Make) -> None:
    assert injected_response(make).header("Content-Length") is None


def test_content_length_is_exact_when_the_page_comes_in_chunks(make: Make) -> None:
    chunks = [BODY[:20], BODY[20:60], BODY[60:]]
    reply = make(page=Page(body=chunks, headers=[HTML, ("Content-Length", str(len(BODY)))])).get()
    assert reply.header("Content-Length") == str(len(reply.body))


@pytest.mark.parametrize(
    "name",
    [
        "ETag",
        "Last-Modified",
        "Expires",
        "Accept-Ranges",
        "Content-MD5",
        "Digest",
        "Content-Digest",
        "Repr-Digest",
        "Age",
    ],
)
def test_validators_and_digests_are_removed(make: Make, name: str) -> None:
    assert injected_response(make, (name, "x")).header(name) is None


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (None, "private, no-store"),
        ("max-age=60", "private, no-store"),
        ("private", "private, no-store"),
        ("no-cache", "private, no-store"),
        ("no-store", "no-store, private"),
        ("no-store, max-age=0", "no-store, max-age=0, private"),
    ],
)
def test_cache_control_becomes_private_unless_the_app_is_stricter(make: Make, app: str | None, expected: str) -> None:
    headers = [("Cache-Control", app)] if app else []
    assert injected_response(make, *headers).header("Cache-Control") == expected


def test_cache_control_can_be_configured(make: Make) -> None:
    variables = {"WIDGETMW_CACHE_CONTROL": "private, no-cache"}
    assert (
        injected_response(make, ("Cache-Control", "max-age=9"), **variables).header("Cache-Control")
        == "private, no-cache"
    )
    reply = injected_response(make, ("Cache-Control", "no-store"), **variables)
    assert reply.header("Cache-Control") == "no-store, private"


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ([], ["Cookie"]),
        (["Accept-Encoding"], ["Accept-Encoding, Cookie"]),
        (["cookie"], ["cookie"]),
        (["*"], ["*"]),
        (["Accept", "Origin, Cookie"], ["Accept", "Origin, Cookie"]),
        (["Accept", "Origin"], ["Accept", "Origin, Cookie"]),
    ],
)
def test_vary_gains_cookie(make: Make, app: list[str], expected: list[str]) -> None:
    assert injected_response(make, *[("Vary", value) for value in app]).all("Vary") == expected


def test_all_other_headers_keep_order_and_duplicates(make: Make) -> None:
    app_headers = [("Set-Cookie", "a=1"), ("X-A", "1"), ("Set-Cookie", "b=2"), ("Link", "</x>"), ("X-A", "2")]
    reply = injected_response(make, *app_headers)
    kept = [(key.lower(), value) for key, value in reply.headers if key.lower() in ("set-cookie", "x-a", "link")]
    assert kept == [(key.lower(), value) for key, value in app_headers]


def test_head_has_the_page_headers_of_get(make: Make) -> None:
    headers = [HTML, ("ETag", '"1"'), ("Content-Length", str(len(BODY)))]
    site = make(page=Page(headers=headers))
    get, head = site.get(), site.request(method="HEAD")
    assert head.body == b""
    assert head.header("Content-Length") in (None, get.header("Content-Length"))
    differing = {"content-length", "server-timing"}
    assert [p for p in head.headers if p[0].lower() not in differing] == [
        p for p in get.headers if p[0].lower() not in differing
    ]


def test_head_of_an_anonymous_page_is_unmodified(make: Make) -> None:
    site = make(user=None, page=Page(headers=[HTML, ("Content-Length", "86")]))
    assert site.request(method="HEAD").header("Content-Length") == "86"


# conditional headers

BROWSER = {"Accept": "text/html,application/xhtml+xml", "Cookie": "session=1"}
CONDITIONAL_HEADERS = {
    "If_None_Match": '"1"',
    "If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT",
    "If_Range": '"1"',
    "Range": "bytes=0-1",
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditional_headers_are_hidden_on_possibly_authenticated_page_requests(make: Make, method: str) -> None:
    site = make()
    site.request(method=method, **BROWSER, **CONDITIONAL_HEADERS)
    assert site.seen.requests[0].keys() & {"if-none-match", "if-modified-since", "if-range", "range"} == set()
    assert site.seen.requests[0]["cookie"] == "session=1"


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "image/*,*/*", "Cookie": "session=1"},
        {"Accept": "*/*", "Cookie": "session=1"},
        {"Cookie": "session=1"},
        {"Accept": "text/html"},
    ],
)
def test_other_requests_keep_their_conditional_headers(make: Make, headers: dict[str, str]) -> None:
    site = make()
    site.get(**headers, **CONDITIONAL_HEADERS)
    assert site.seen.requests[0].keys() >= {"if-none-match", "if-modified-since", "if-range", "range"}


def test_an_authorization_header_hides_conditional_headers(make: Make) -> None:
    site = make()
    site.get(Accept="text/html", Authorization="Basic x", **CONDITIONAL_HEADERS)
    assert "if-none-match" not in site.seen.requests[0]


@pytest.mark.parametrize("page", [{"HX_Boosted": "true"}, {"HX_History_Restore_Request": "true"}, {}])
def test_htmx_asks_for_pages_without_naming_html(make: Make, page: dict[str, str]) -> None:
    site = make()
    site.get(Accept="*/*", HX_Request="true", Cookie="session=1", **page, **CONDITIONAL_HEADERS)
    assert ("if-none-match" in site.seen.requests[0]) is not bool(page)  # a fragment keeps them


def test_fetch_delivery_keeps_conditional_headers(make: Make) -> None:
    site = make(WIDGETMW_DELIVERY="fetch")
    site.get(**BROWSER, **CONDITIONAL_HEADERS)
    assert "if-none-match" in site.seen.requests[0]


# the root path


@pytest.mark.parametrize("root_path", ["/shop", "/a/b", "/ü ä"])
def test_urls_carry_the_root_path(make: Make, root_path: str) -> None:
    site = make()
    encoded = root_path if site.gateway == "asgi" else root_path.encode().decode("latin-1")
    reply = site.get(root_path=encoded)
    prefix = root_path.replace("ü ä", "%C3%BC%20%C3%A4").encode()
    assert b'src="%s/_widgetmw/runtime.js?v=' % prefix in reply.body
    assert b'"url":"%s/_widgetmw/token"' % prefix in reply.body
    assert site.get("/_widgetmw/token", root_path=encoded).json["tokens"].keys() == {"digitalgenius"}


@pytest.mark.parametrize("root_path", ["//evil.example", "///evil.example/", '/x"><script>', "/</script>"])
def test_a_root_path_can_neither_redirect_the_script_nor_break_out_of_it(make: Make, root_path: str) -> None:
    body = make().get(root_path=root_path).body
    assert b'src="//' not in body
    assert body.count(b"<script") == body.count(b"</script>") == 2
    assert b'"><script>' not in body


def test_the_endpoint_path_can_be_configured(make: Make) -> None:
    site = make(WIDGETMW_PATH="/chat/auth")
    assert b'"/chat/auth/token"' in site.get().body
    assert site.get("/chat/auth/token").status == 200
    assert site.get("/_widgetmw/token").body != b""
    assert is_injected(site.get("/_widgetmw/token"))
    assert is_injected(site.get("/chat/authority"))


# edge cases


EDGE_HEADERS = [
    [("CDN-Cache-Control", "max-age=600"), ("Surrogate-Control", "no-store")],
    [("X-Accel-Expires", "0"), ("Cloudflare-CDN-Cache-Control", "max-age=600")],
    [("X-LiteSpeed-Cache-Control", "public,max-age=600")],
    [("Akamai-Cache-Control", "max-age=600")],
]


@pytest.mark.parametrize("edge_headers", EDGE_HEADERS)
def test_a_page_that_an_edge_cache_may_store_gets_no_token(make: Make, edge_headers: list[tuple[str, str]]) -> None:
    site = make(page=Page(headers=[HTML, *edge_headers]))
    assert_unmodified(site.get(), site.page, "shared_cache")


@pytest.mark.parametrize(
    "edge_headers", [*EDGE_HEADERS, [("X-Accel-Expires", "60")], [("Surrogate-Control", "no-store")]]
)
def test_edge_cache_headers_are_removed_from_the_check_page(make: Make, edge_headers: list[tuple[str, str]]) -> None:
    reply = make(user=None, page=Page(headers=[HTML, ("Cache-Control", "no-store"), *edge_headers])).get(Cookie=MARK)
    assert b'"user":null' in reply.body
    assert reply.header("Cache-Control") == "private, no-store"
    assert [reply.header(name) for name, _ in edge_headers] == [None] * len(edge_headers)


@pytest.mark.parametrize("label", ["bogus", "utf8mb4", "None", "'utf-8'", "cp65001", ""])
def test_an_unknown_charset_declares_nothing(make: Make, label: str) -> None:
    body = b'<!doctype html><html><head><meta charset="windows-1251"><title>x</title></head><body></body></html>'
    reply = make(page=Page(body=body, headers=[("Content-Type", f"text/html; charset={label}")])).get()
    assert reply.body.index(b'<meta charset="windows-1251">') < 100
    assert is_injected(reply)


def test_excluded_paths_keep_their_conditional_headers(make: Make) -> None:
    site = make(WIDGETMW_EXCLUDE="/admin")
    site.get("/admin/x", **BROWSER, **CONDITIONAL_HEADERS)
    assert "if-none-match" in site.seen.requests[0]


@pytest.mark.parametrize(
    ("configured", "app", "expected"),
    [
        ("private, max-age=60", "private, no-cache", "private, no-cache"),
        ("private, max-age=60", "no-cache", "private, max-age=60"),
        ("private, max-age=60", 'ext="a, no-store", max-age=9', "private, max-age=60"),
        ("private", "no-store", "no-store, private"),
        ("no-store", "max-age=60", "no-store, private"),
    ],
)
def test_the_stricter_directives_win(make: Make, configured: str, app: str, expected: str) -> None:
    reply = injected_response(make, ("Cache-Control", app), WIDGETMW_CACHE_CONTROL=configured)
    assert reply.header("Cache-Control") == expected


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "abc", "1e3", "²"])
def test_an_invalid_content_length_is_removed(dg_env: dict[str, str], length: str) -> None:
    reply = AsgiSite(dg_env, page=Page(headers=[HTML, ("Content-Length", length)])).get()
    assert is_injected(reply)
    assert reply.header("Content-Length") is None


def test_two_content_types_are_skipped(dg_env: dict[str, str]) -> None:
    site = AsgiSite(dg_env, page=Page(headers=[HTML, ("Content-Type", "text/html")]))
    assert_unmodified(site.get(), site.page, "ambiguous")


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"\0<!doctype html>", [HTML], "nul"),
        (b"\xff\xfe<\0h\0", [HTML], "encoding"),
        (b"<!doctype html><script></script><meta charset=utf-8>", [("Content-Type", "text/html")], "charset_late"),
        ("<!doctype html><title>\u00e4</title>".encode(), [("Content-Type", "text/html")], "charset_missing"),
    ],
)
def test_unsuitable_bodies_are_skipped(make: Make, body: bytes, headers: list[tuple[str, str]], reason: str) -> None:
    site = make(page=Page(body=body, headers=headers))
    assert_unmodified(site.get(), site.page, reason)


@pytest.mark.parametrize("header", ["Purpose", "X_Moz"])
def test_older_prefetch_headers_count(make: Make, header: str) -> None:
    assert b'"ask":true' in make().get(**{header: "prefetch"}).body


def test_a_user_with_only_an_id_gets_every_token(make: Make, env: dict[str, str]) -> None:
    reply = make(env=env, user=User("only-an-id")).get()
    assert len(set(TOKEN.findall(added_script(reply)))) == 4


def test_fetch_delivery_is_the_same_in_a_frame(make: Make) -> None:
    site = make(WIDGETMW_DELIVERY="fetch")
    assert site.get().body == site.get(Sec_Fetch_Dest="iframe", Sec_Fetch_Site="cross-site").body


def test_an_anonymous_page_with_a_loader_is_the_same_in_a_frame(make: Make) -> None:
    site = make(user=None, WIDGETMW_EMBED="digitalgenius")
    assert site.get().body == site.get(Sec_Fetch_Dest="iframe", Sec_Fetch_Site="cross-site").body


@pytest.mark.parametrize("csp", ["", "script-src 'self'", "script-src 'nonce-r4nd0m'", "script-src 'unsafe-inline'"])
def test_a_page_that_holds_our_script_already_gets_no_second_one(make: Make, csp: str) -> None:
    headers = [HTML, ("Content-Security-Policy", csp)] if csp else [HTML]
    cached = make(page=Page(headers=headers)).get()
    assert is_injected(cached)
    site = make(page=Page(cached.body, headers))
    for _ in range(2):
        assert_unmodified(site.get(), site.page, "already_injected")


def test_a_page_that_ends_the_session_of_the_request_has_no_token(make: Make) -> None:
    site = make(page=Page(headers=[HTML, ("Set-Cookie", "session=; Path=/; Max-Age=0")]))
    if site.driver.startswith("falcon"):
        pytest.skip("Falcon sets cookies by a method of its own")
    assert_unmodified(site.get(Cookie="session=abc"), site.page, "signing_out")
    assert is_injected(site.get(Cookie="other=abc"))
