"""A real caching proxy and a real browser cache, shared by two users and an anonymous visitor."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.browser.conftest import launch
from tests.conftest import require
from tests.servers.apps import PAGE
from tests.servers.cacheable_app import CACHE, DATED, ETAG
from tests.servers.conftest import answers, free_port, start, stop
from tests.servers.processes import NO_AUTHORITIES, PATIENCE
from tests.servers.test_servers import token_users

ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"}
SERVERS = {
    "asgi": lambda port: ["uvicorn", "tests.servers.cacheable_app:asgi", "--port", str(port), "--lifespan", "off"],
    "wsgi": lambda port: ["waitress", f"--listen=127.0.0.1:{port}", "tests.servers.cacheable_app:wsgi"],
}
# A careless setup: one cache key for all users, and responses without directives are cached too.
NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  proxy_cache_path {folder}/cache keys_zone=pages:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_cache pages;
      proxy_cache_key $scheme$host$request_uri;
      proxy_cache_valid 200 1m;
      proxy_cache_revalidate on;
      add_header X-Cache $upstream_cache_status always;
    }}
  }}
}}
"""


@pytest.fixture(scope="module", params=SERVERS)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    process = start(SERVERS[request.param](port), port, ENV, tmp_path_factory.mktemp("app") / "log")
    yield port
    stop(process)


@pytest.fixture(scope="module")
def proxy(app: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program, port, folder = require("nginx"), free_port(), tmp_path_factory.mktemp("nginx")
    user = "user root;" if os.geteuid() == 0 else ""  # otherwise its workers could not access the folder
    (folder / "conf").write_text(NGINX.format(folder=folder, port=port, upstream=app, user=user))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "conf")], start_new_session=True)
    end = time.monotonic() + PATIENCE
    while not answers(port):
        if time.monotonic() > end:
            raise TimeoutError((folder / "error.log").read_text())
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    stop(process)


def page_request(who: str | None, **headers: str) -> dict[str, str]:
    named = {"Cookie": f"user={who}"} if who else {}
    return {"Accept": "text/html", **named, **{k.replace("_", "-"): v for k, v in headers.items()}}


@pytest.mark.parametrize("path", CACHE)
def test_a_shared_proxy_never_serves_another_users_token(proxy: str, path: str) -> None:
    choice = random.Random(7)
    with httpx.Client(base_url=proxy, verify=NO_AUTHORITIES) as client:
        for _ in range(60):
            who = choice.choice(["ada", "bob", None])
            validators = choice.choice([{}, {"If_None_Match": ETAG}, {"If_Modified_Since": DATED}])
            reply = client.get(path, headers=page_request(who, **validators))
            assert token_users(reply.content) <= {who}, (who, reply.headers)


def test_the_proxy_caches_public_pages(proxy: str) -> None:
    with httpx.Client(base_url=proxy, verify=NO_AUTHORITIES) as client:
        found = [client.get("/public?kept").headers["x-cache"] for _ in range(2)]
    assert found == ["MISS", "HIT"], "without a working cache the other tests prove nothing"


def test_personal_pages_are_never_cached_by_the_proxy(proxy: str) -> None:
    with httpx.Client(base_url=proxy, verify=NO_AUTHORITIES) as client:
        for path in ("/minute?mine", "/plain?mine", "/revalidate?mine"):
            for who in ("ada", "bob", "ada"):
                reply = client.get(path, headers=page_request(who))
                assert (reply.headers["x-cache"], token_users(reply.content)) == ("MISS", {who})
            assert client.get(path, headers=page_request(None)).content == PAGE


def test_a_token_is_never_cached_and_never_a_304(proxy: str) -> None:
    with httpx.Client(base_url=proxy, verify=NO_AUTHORITIES) as client:
        for who in ("ada", "bob", "ada"):
            reply = client.get("/_widgetmw/token/digitalgenius", headers=page_request(who, If_None_Match=ETAG))
            assert (reply.status_code, token_users(reply.content)) == (200, {who})
        assert client.get("/_widgetmw/token").status_code == 401


@pytest.mark.parametrize("path", ["/revalidate", "/minute", "/plain"])
@pytest.mark.parametrize("validator", [{"If_None_Match": ETAG}, {"If_Modified_Since": DATED}])
def test_no_304_revives_an_anonymous_page_for_a_signed_in_user(app: int, path: str, validator: dict[str, str]) -> None:
    url = f"http://127.0.0.1:{app}{path}"
    with httpx.Client(verify=NO_AUTHORITIES) as client:
        assert client.get(url, headers=page_request(None, **validator)).status_code == 304
        reply = client.get(url, headers=page_request("ada", **validator))
    assert (reply.status_code, token_users(reply.content)) == (200, {"ada"})


def test_requests_for_static_files_keep_their_304(app: int) -> None:
    headers = {"Accept": "image/*", "Cookie": "user=ada", "If-None-Match": ETAG}
    url = f"http://127.0.0.1:{app}/revalidate"
    assert httpx.get(url, headers=headers, verify=NO_AUTHORITIES).status_code == 304


def test_a_browser_shared_by_several_users_shows_each_their_own_token(app: int) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context()
        page = context.new_page()
        url = f"http://127.0.0.1:{app}"

        def visit(who: str | None) -> None:
            context.clear_cookies(name="user")
            if who:
                context.add_cookies([{"name": "user", "value": who, "url": url}])
            page.goto(f"{url}/revalidate")
            found = page.evaluate(
                "() => { const t = window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token;"
                " return t ? JSON.parse(atob(t.split('.')[1])).external_id : null }"
            )
            assert found == who

        for who in (None, "ada", None, "bob", "ada", "ada", None, None, "bob"):
            visit(who)
        page.goto("about:blank")
        visit("ada")
        page.go_back()
        page.go_back()
        shown = page.evaluate("() => window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token || ''")
        assert token_users(shown.encode()) <= {"ada"}, "the back button showed another user's page"
        browser.close()
