"""The token endpoint and ``runtime.js``."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest

from tests.contract.conftest import Make
from widgetmw import User

TOKEN = "/_widgetmw/token"


def assert_endpoint_headers(reply: Any) -> None:
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("ETag") is None
    assert reply.header("Vary") == "Cookie, Origin"
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert reply.header("Cross-Origin-Resource-Policy") == "same-origin"
    assert reply.header("Content-Type") == "application/json"
    assert reply.header("Content-Length") == str(len(reply.body))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_response_for_one_vendor(make: Make, method: str) -> None:
    before = int(time.time())
    reply = make().request(f"{TOKEN}/digitalgenius", method)
    after = time.time()
    assert reply.status == 200
    assert_endpoint_headers(reply)
    body = reply.json
    assert list(body)[:6] == ["provider", "token", "expires_at", "refresh_at", "expires_in", "refresh_in"]
    assert body["provider"] == "digitalgenius"
    assert before <= body["expires_at"] - 3600 <= after
    assert body["expires_at"] - body["refresh_at"] == 720
    assert before <= body["expires_at"] - body["expires_in"] <= after + 1  # whole seconds, rounded down
    assert before <= body["refresh_at"] - body["refresh_in"] <= after + 1  # whole seconds, rounded down
    assert body["system_message"] == {"name": "auth_token", "payload": body["token"]}


def test_the_response_for_all_vendors(make: Make, env: dict[str, str]) -> None:
    reply = make(env={**env, "ORLO_TOKEN_TTL": "0", "ORLO_MOBILE_URL": "https://m.example/?t=JWT_TOKEN"}).get(TOKEN)
    assert_endpoint_headers(reply)
    tokens = reply.json["tokens"]
    assert list(tokens) == ["digitalgenius", "hissuno", "orlo", "giosg"]
    assert {name: t["provider"] for name, t in tokens.items()} == {name: name for name in tokens}
    orlo = tokens["orlo"]
    assert [orlo[k] for k in ("expires_at", "refresh_at", "expires_in", "refresh_in")] == [None] * 4
    assert orlo["mobile_url"] == f"https://m.example/?t={orlo['token']}"
    assert tokens["giosg"]["url"].startswith("https://service.giosg.com/")
    assert "errors" not in reply.json


def test_the_page_and_the_endpoint_have_the_same_token(make: Make) -> None:
    site = make()
    assert site.get(f"{TOKEN}/digitalgenius").json["token"].encode() in site.get().body


def test_head_has_the_headers_of_get(make: Make) -> None:
    site = make()
    get, head = site.get(TOKEN), site.request(TOKEN, "HEAD")
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)


def test_an_anonymous_request_gets_401(make: Make) -> None:
    for path in (TOKEN, f"{TOKEN}/digitalgenius"):
        reply = make(user=None).get(path)
        assert_endpoint_headers(reply)
        assert (reply.status, reply.json["error"]) == (401, "not_authenticated")


def basic_user(request: Any) -> User | None:
    """Reads HTTP Basic from a scope, an environ, or what a framework makes of them."""
    headers = getattr(request, "headers", None) or request.get("headers") or request.get("HTTP_AUTHORIZATION")
    return User("ada-1") if "Basic YWRhOg==" in str(headers) else None


def test_a_token_request_without_the_authorization_of_the_page_is_no_sign_out(make: Make) -> None:
    site = make(user=basic_user)
    page = site.get(Authorization="Basic YWRhOg==")
    assert b"data-widgetmw" in page.body
    cookie = page.header("Set-Cookie") or ""
    secure = "; Secure" if "Secure" in cookie else ""  # some servers speak TLS here
    assert cookie == f"widgetmw_authorization=1; Path=/_widgetmw; HttpOnly; SameSite=Lax{secure}"
    sent = cookie.partition(";")[0]
    assert site.get(TOKEN, Cookie=sent, Authorization="Basic YWRhOg==").status == 200
    assert site.get(TOKEN, Cookie=sent, Authorization="Basic ZXZlOg==").status == 401
    lost = site.get(f"{TOKEN}?signout", Cookie=sent)
    assert_endpoint_headers(lost)
    assert (lost.status, lost.json["error"]) == (503, "token_unavailable")
    assert site.get(TOKEN).status == 401


def test_a_user_whom_the_session_names_can_sign_out_without_the_authorization_of_a_page(make: Make) -> None:
    site, sent = make(), "widgetmw_authorization=1"
    assert site.get(TOKEN, Cookie=sent).header("Set-Cookie") == "widgetmw_authorization=; Max-Age=0"
    assert site.get(TOKEN, Cookie=sent, Authorization="Basic YWRhOg==").header("Set-Cookie") is None
    assert site.get(TOKEN).header("Set-Cookie") is None


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer YWRhOg=="}, {"Authorization": "Basic YWRhOg==", "Cookie": "a=b; session=x"}],
    ids=["none", "of a script", "beside a session"],
)
def test_a_page_whose_user_the_header_does_not_name_gets_no_cookie(make: Make, headers: dict[str, str]) -> None:
    page = make().get(**headers)
    assert b"data-widgetmw" in page.body
    assert page.header("Set-Cookie") is None


@pytest.mark.parametrize("path", ["acme", "hissuno", "digitalgenius/", "DigitalGenius", "digitalgenius;x", "%64"])
def test_an_inactive_vendor_is_404(make: Make, path: str) -> None:
    site = make()
    reply = site.get(f"{TOKEN}/{path}")
    assert_endpoint_headers(reply)
    assert reply.status == 404
    assert reply.json["error"] in ("unknown_provider", "not_found")
    assert site.seen.resolver_calls == 0


@pytest.mark.parametrize(
    "path", ["/_widgetmw", "/_widgetmw/", "/_widgetmw/x", "/_widgetmw//token", "/_widgetmw/token/", "/_widgetmw/../x"]
)
def test_other_paths_below_the_prefix_are_404_and_never_reach_the_app(make: Make, path: str) -> None:
    site = make()
    if site.app_owns_urls and path == "/_widgetmw":
        assert site.get(path).status == 200
    else:
        assert site.get(path).status == 404
        assert site.seen.requests == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_405_with_allow(make: Make, method: str) -> None:
    site = make()
    reply = site.request(TOKEN, method)
    assert_endpoint_headers(reply)
    assert reply.status == 405
    assert reply.header("Allow") == "GET, HEAD, POST"
    assert site.seen.resolver_calls == 0


def test_no_caller_can_name_the_user(make: Make) -> None:
    site = make()
    reply = site.request(f"{TOKEN}?user=eve&id=eve&external_id=eve", "POST", X_User="eve", Cookie="user=eve")
    assert reply.json["user"] == site.engine.tokens.get(User("ada-1", "Ada")).user_hash


# other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "nonsense"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://app.example.evil.example"},
        {"Origin": "app.example"},
        {"Origin": "https://app.example@evil.example"},
        {"Origin": "https://app.example:8443"},
    ],
)
def test_cross_site_requests_are_refused(make: Make, headers: dict[str, str]) -> None:
    site = make()
    reply = site.get(TOKEN, Host="app.example", **headers)
    assert_endpoint_headers(reply)
    assert (reply.status, reply.json["error"]) == (403, "cross_site")
    assert reply.header("Access-Control-Allow-Origin") is None
    assert site.seen.resolver_calls == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "https://the-public-name.example"},
        {"Origin": "https://app.example"},
        {"Origin": "http://app.example:80"},
        {"Origin": "https://APP.example:443"},
    ],
)
def test_same_origin_requests_get_no_cors_headers(make: Make, headers: dict[str, str]) -> None:
    reply = make().get(TOKEN, Host="app.example", **headers)
    assert reply.status == 200
    assert not [name for name, _ in reply.headers if name.lower().startswith("access-control")]


def test_a_listed_origin_may_read_the_response(make: Make) -> None:
    site = make(WIDGETMW_ALLOWED_ORIGINS="https://shop.example")
    headers = {"Origin": "https://shop.example", "Sec_Fetch_Site": "cross-site", "Host": "app.example"}
    for reply in (site.get(TOKEN, **headers), site.get(f"{TOKEN}/unknown", **headers)):
        assert_endpoint_headers(reply)
        assert reply.header("Access-Control-Allow-Origin") == "https://shop.example"
        assert reply.header("Access-Control-Allow-Credentials") == "true"
    other = site.get(TOKEN, **{**headers, "Origin": "https://other.example"})
    assert other.status == 403
    assert other.header("Access-Control-Allow-Origin") is None


def test_a_listed_origin_may_send_a_preflight_request(make: Make) -> None:
    site = make(WIDGETMW_ALLOWED_ORIGINS="https://shop.example")
    headers = {"Origin": "https://shop.example", "Access_Control_Request_Method": "POST"}
    reply = site.request(TOKEN, "OPTIONS", **headers)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("Access-Control-Allow-Methods") == "GET, POST"
    assert reply.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert site.request(TOKEN, "OPTIONS", **{**headers, "Origin": "https://x.example"}).status == 405


# the browser runtime


def test_the_runtime_is_immutable_only_under_its_version(make: Make) -> None:
    site = make()
    version = site.engine.script_tags.scripts.runtime.version
    current = site.get(f"/_widgetmw/runtime.js?v={version}")
    assert current.status == 200
    assert current.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert current.header("Content-Type") == "text/javascript; charset=utf-8"
    assert current.header("X-Content-Type-Options") == "nosniff"
    assert current.body.isascii()
    assert f"runtime.js?v={version}".encode() in site.get().body
    for other in ("", "?v=", "?v=0000", f"?v={version}x", f"?v={version}&v=1"):
        reply = site.get(f"/_widgetmw/runtime.js{other}")
        assert (reply.status, reply.body) == (200, current.body)
        assert reply.header("Cache-Control") == "no-store"
    assert site.seen.resolver_calls == 1


def test_the_runtime_refuses_post(make: Make) -> None:
    reply = make().request("/_widgetmw/runtime.js", "POST")
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD")


def test_the_runtime_contains_no_secret(make: Make, env: dict[str, str]) -> None:
    body = make(env=env).get("/_widgetmw/runtime.js").body.decode()
    for name in ("DG_API_KEY", "DG_API_SECRET", "HISSUNO_SECRET_KEY", "GIOSG_SIGNING_KEY"):
        assert env[name] not in body
    assert "PRIVATE" not in body


@pytest.mark.parametrize("name", ["runtime.js", "embed.js", "snippet/orlo/data.js"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_scripts_are_sent_gzipped_to_clients_that_accept_it(
    make: Make, env: dict[str, str], name: str, method: str
) -> None:
    site = make(env=env)
    plain = site.get(f"/_widgetmw/{name}")
    for accepted in ("gzip, deflate, br", "br;q=1, GZIP ; q=0.5"):
        reply = site.request(f"/_widgetmw/{name}", method, Accept_Encoding=accepted)
        assert reply.header("Content-Encoding") == "gzip"
        assert reply.header("Vary") == plain.header("Vary") == "Accept-Encoding"
        if method == "GET":
            assert gzip.decompress(reply.body) == plain.body
            assert int(reply.header("Content-Length") or 0) == len(reply.body) < len(plain.body)
    for accepted in ("identity", "gzip;q=0", "gzip;q=0.000, br", "*"):
        reply = site.request(f"/_widgetmw/{name}", "GET", Accept_Encoding=accepted)
        assert (reply.header("Content-Encoding"), reply.body) == (None, plain.body)


def test_a_listed_origin_may_send_headers_of_its_own(make: Make) -> None:
    site = make(WIDGETMW_ALLOWED_ORIGINS="https://shop.example")
    headers = {"Origin": "https://shop.example", "Access_Control_Request_Method": "GET"}
    reply = site.request(TOKEN, "OPTIONS", **headers, Access_Control_Request_Headers="authorization,x-key")
    assert (reply.status, reply.header("Access-Control-Allow-Headers")) == (204, "authorization, x-key")


@pytest.mark.parametrize("host", ["", "a b", "[fe80::1%25x]", "exämple"])
def test_an_invalid_host_matches_no_origin(make: Make, host: str) -> None:
    headers = {"Host": host.encode().decode("latin-1")} if host else {}
    assert make().get(TOKEN, Origin="null", **headers).status == 403


def test_the_default_port_depends_on_the_scheme(make: Make) -> None:
    assert make().get(TOKEN, Origin="http://app.example:443", Host="app.example").status == 403
    assert make().get(TOKEN, Origin="https://app.example", Host="app.example:443").status == 200


def test_a_same_site_request_is_allowed_without_cors_headers(make: Make) -> None:
    reply = make().get(TOKEN, Sec_Fetch_Site="same-site", Origin="https://sub.app.example", Host="app.example")
    assert reply.status == 200
    assert reply.header("Access-Control-Allow-Origin") is None
    assert reply.header("Cross-Origin-Resource-Policy") == "same-origin"
