"""The token endpoint and ``runtime.js``."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.contract.conftest import Make
from widgetmw import User

TOKEN = "/_widgetmw/token"


def fixed(reply: Any) -> None:
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("ETag") is None
    assert reply.header("Vary") == "Cookie, Origin"
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert reply.header("Cross-Origin-Resource-Policy") == "same-origin"
    assert reply.header("Content-Type") == "application/json"
    assert reply.header("Content-Length") == str(len(reply.body))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_one_token(make: Make, method: str) -> None:
    before = int(time.time())
    reply = make().request(f"{TOKEN}/digitalgenius", method)
    after = time.time()
    assert reply.status == 200
    fixed(reply)
    found = reply.json
    assert list(found)[:6] == ["provider", "token", "expires_at", "refresh_at", "expires_in", "refresh_in"]
    assert found["provider"] == "digitalgenius"
    assert before <= found["expires_at"] - 3600 <= after
    assert found["expires_at"] - found["refresh_at"] == 720
    assert before <= found["expires_at"] - found["expires_in"] <= after + 1  # whole seconds, rounded down
    assert before <= found["refresh_at"] - found["refresh_in"] <= after + 1  # whole seconds, rounded down
    assert found["system_message"] == {"name": "auth_token", "payload": found["token"]}


def test_all_tokens(make: Make, env: dict[str, str]) -> None:
    reply = make(env={**env, "ORLO_TOKEN_TTL": "0", "ORLO_MOBILE_URL": "https://m.example/?t=JWT_TOKEN"}).get(TOKEN)
    fixed(reply)
    tokens = reply.json["tokens"]
    assert list(tokens) == ["digitalgenius", "hissuno", "orlo", "giosg"]
    assert {name: t["provider"] for name, t in tokens.items()} == {name: name for name in tokens}
    orlo = tokens["orlo"]
    assert [orlo[k] for k in ("expires_at", "refresh_at", "expires_in", "refresh_in")] == [None] * 4
    assert orlo["mobile_url"] == f"https://m.example/?t={orlo['token']}"
    assert tokens["giosg"]["url"].startswith("https://service.giosg.com/")
    assert "errors" not in reply.json


def test_the_token_is_the_pages(make: Make) -> None:
    site = make()
    assert site.get(f"{TOKEN}/digitalgenius").json["token"].encode() in site.get().body


def test_head_answers_as_get(make: Make) -> None:
    site = make()
    get, head = site.get(TOKEN), site.request(TOKEN, "HEAD")
    assert head.body == b""
    assert (head.status, head.headers) == (get.status, get.headers)


def test_nobody_gets_401(make: Make) -> None:
    for path in (TOKEN, f"{TOKEN}/digitalgenius"):
        reply = make(user=None).get(path)
        fixed(reply)
        assert (reply.status, reply.json["error"]) == (401, "not_authenticated")


@pytest.mark.parametrize("path", ["intercom", "hissuno", "digitalgenius/", "DigitalGenius", "digitalgenius;x", "%64"])
def test_a_vendor_that_is_not_active_is_404(make: Make, path: str) -> None:
    site = make()
    reply = site.get(f"{TOKEN}/{path}")
    fixed(reply)
    assert reply.status == 404
    assert reply.json["error"] in ("unknown_provider", "not_found")
    assert site.seen.asked == 0


@pytest.mark.parametrize(
    "path", ["/_widgetmw", "/_widgetmw/", "/_widgetmw/x", "/_widgetmw//token", "/_widgetmw/token/", "/_widgetmw/../x"]
)
def test_other_paths_below_the_prefix_are_404_and_never_reach_the_app(make: Make, path: str) -> None:
    site = make()
    if site.urls_are_the_apps and path == "/_widgetmw":
        assert site.get(path).status == 200
    else:
        assert site.get(path).status == 404
        assert site.seen.requests == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_405_with_allow(make: Make, method: str) -> None:
    site = make()
    reply = site.request(TOKEN, method)
    fixed(reply)
    assert reply.status == 405
    assert reply.header("Allow") == "GET, HEAD, POST"
    assert site.seen.asked == 0


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
def test_cross_site_callers_are_refused(make: Make, headers: dict[str, str]) -> None:
    site = make()
    reply = site.get(TOKEN, Host="app.example", **headers)
    fixed(reply)
    assert (reply.status, reply.json["error"]) == (403, "cross_site")
    assert reply.header("Access-Control-Allow-Origin") is None
    assert site.seen.asked == 0


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
def test_our_own_pages_are_answered_without_cors_headers(make: Make, headers: dict[str, str]) -> None:
    reply = make().get(TOKEN, Host="app.example", **headers)
    assert reply.status == 200
    assert not [name for name, _ in reply.headers if name.lower().startswith("access-control")]


def test_a_listed_origin_may_read_the_answer(make: Make) -> None:
    site = make(WIDGETMW_ALLOWED_ORIGINS="https://shop.example")
    headers = {"Origin": "https://shop.example", "Sec_Fetch_Site": "cross-site", "Host": "app.example"}
    for reply in (site.get(TOKEN, **headers), site.get(f"{TOKEN}/nobody", **headers)):
        fixed(reply)
        assert reply.header("Access-Control-Allow-Origin") == "https://shop.example"
        assert reply.header("Access-Control-Allow-Credentials") == "true"
    other = site.get(TOKEN, **{**headers, "Origin": "https://other.example"})
    assert other.status == 403
    assert other.header("Access-Control-Allow-Origin") is None


def test_a_listed_origin_may_ask_first(make: Make) -> None:
    site = make(WIDGETMW_ALLOWED_ORIGINS="https://shop.example")
    headers = {"Origin": "https://shop.example", "Access_Control_Request_Method": "POST"}
    reply = site.request(TOKEN, "OPTIONS", **headers)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.header("Access-Control-Allow-Methods") == "GET, POST"
    assert reply.header("Access-Control-Allow-Origin") == "https://shop.example"
    assert site.request(TOKEN, "OPTIONS", **{**headers, "Origin": "https://x.example"}).status == 405


# the browser side


def test_the_runtime_is_cacheable_for_ever_under_its_version_only(make: Make) -> None:
    site = make()
    version = site.engine.script_tags.scripts.runtime.version
    found = site.get(f"/_widgetmw/runtime.js?v={version}")
    assert found.status == 200
    assert found.header("Cache-Control") == "public, max-age=31536000, immutable"
    assert found.header("Content-Type") == "text/javascript; charset=utf-8"
    assert found.header("X-Content-Type-Options") == "nosniff"
    assert found.body.isascii()
    assert f"runtime.js?v={version}".encode() in site.get().body
    for other in ("", "?v=", "?v=0000", f"?v={version}x", f"?v={version}&v=1"):
        reply = site.get(f"/_widgetmw/runtime.js{other}")
        assert (reply.status, reply.body) == (200, found.body)
        assert reply.header("Cache-Control") == "no-store"
    assert site.seen.asked == 1


def test_the_runtime_is_read_only(make: Make) -> None:
    reply = make().request("/_widgetmw/runtime.js", "POST")
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD")


def test_the_runtime_holds_no_secret(make: Make, env: dict[str, str]) -> None:
    body = make(env=env).get("/_widgetmw/runtime.js").body.decode()
    for name in ("DG_API_KEY", "DG_API_SECRET", "HISSUNO_SECRET_KEY", "GIOSG_SIGNING_KEY"):
        assert env[name] not in body
    assert "PRIVATE" not in body


@pytest.mark.parametrize("host", ["", "a b", "[fe80::1%25x]", "exämple"])
def test_an_unreadable_host_is_nobodys_origin(make: Make, host: str) -> None:
    headers = {"Host": host.encode().decode("latin-1")} if host else {}
    assert make().get(TOKEN, Origin="null", **headers).status == 403


def test_the_port_that_is_usual_belongs_to_its_scheme(make: Make) -> None:
    assert make().get(TOKEN, Origin="http://app.example:443", Host="app.example").status == 403
    assert make().get(TOKEN, Origin="https://app.example", Host="app.example:443").status == 200


def test_same_site_is_not_cross_site_and_gets_no_cors_headers(make: Make) -> None:
    reply = make().get(TOKEN, Sec_Fetch_Site="same-site", Origin="https://sub.app.example", Host="app.example")
    assert reply.status == 200
    assert reply.header("Access-Control-Allow-Origin") is None
    assert reply.header("Cross-Origin-Resource-Policy") == "same-origin"
