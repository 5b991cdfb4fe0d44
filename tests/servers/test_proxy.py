"""A real nginx in front of real servers; it authenticates each request as with oauth2-proxy.

nginx connects from 127.0.0.2 or through a Unix socket, and is trusted there. Clients that bypass it connect from
127.0.0.1. It is configured to pass on headers with underscores, which it drops by default.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import httpx
import pytest

from tests.combinations import ALL
from tests.conftest import require
from tests.servers.apps import PAGE
from tests.servers.processes import answers, free_port, launch, stop
from tests.servers.test_servers import token_users

ENV = {
    "DG_API_KEY": "key",
    "DG_API_SECRET": "s" * 40,
    "DG_WIDGET_ID": "widget",
    "WIDGETMW_DEBUG": "true",
    "WIDGETMW_PROXY": "oauth2-proxy-nginx",
}
ENDPOINT = "/_widgetmw/token/digitalgenius"
UVICORN = ["uvicorn", "tests.servers.proxied_app:asgi", "--log-level", "warning"]
GUNICORN = ["gunicorn", "tests.servers.proxied_app:wsgi", "--no-control-socket"]
SERVERS = {
    "uvicorn": lambda port, path: [*UVICORN, "--no-proxy-headers", "--port", str(port)],
    "uvicorn-rewriting": lambda port, path: [*UVICORN, "--forwarded-allow-ips", "127.0.0.2", "--port", str(port)],
    "uvicorn-unix": lambda port, path: [*UVICORN, "--uds", path],
    "gunicorn": lambda port, path: [*GUNICORN, "-b", f"127.0.0.1:{port}"],
    "gunicorn-unix": lambda port, path: [*GUNICORN, "-b", f"unix:{path}"],
    "waitress": lambda port, path: ["waitress", f"--listen=127.0.0.1:{port}", "tests.servers.proxied_app:wsgi"],
    "waitress-unix": lambda port, path: ["waitress", f"--unix-socket={path}", "tests.servers.proxied_app:wsgi"],
    "cheroot": lambda port, path: ["cheroot", "tests.servers.proxied_app:wsgi", "--bind", f"127.0.0.1:{port}"],
}
# One of each gateway on a port, one on a Unix socket, and those that are detected; or all with `make servers`.
STARTED = [*SERVERS] if ALL else ["uvicorn", "uvicorn-rewriting", "gunicorn", "gunicorn-unix", "cheroot"]
SOUND = [name for name in STARTED if name not in ("uvicorn-rewriting", "cheroot")]
NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  underscores_in_headers on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location = /oauth2/auth {{
      internal;
      proxy_pass http://127.0.0.1:{oracle};
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }}
{places}
  }}
}}
"""
PLACE = """
    location /{name}/ {{
      auth_request /oauth2/auth;
      auth_request_set $who $upstream_http_x_auth_request_user;
      auth_request_set $email $upstream_http_x_auth_request_email;
      proxy_set_header X-Auth-Request-User $who;
      proxy_set_header X-Auth-Request-Email $email;
      proxy_set_header X-Auth-Request-Preferred-Username "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      {bind}
      proxy_pass {upstream}/;
    }}
    location /{name}/open/ {{
      proxy_set_header X-Auth-Request-User "";
      proxy_set_header X-Auth-Request-Email "";
      proxy_set_header X-Auth-Request-Preferred-Username "";
      {bind}
      proxy_pass {upstream}/;
    }}
"""

web = httpx.Client(timeout=30)  # shared: creating a client costs more than a request


@pytest.fixture(scope="module", autouse=True)
def _hang_up() -> Iterator[None]:
    yield
    web.close()


class Oracle(BaseHTTPRequestHandler):
    """Responds like oauth2-proxy's ``/oauth2/auth`` with ``--set-xauthrequest``: 202 with the user, or 401."""

    def do_GET(self) -> None:
        found = SimpleCookie(self.headers.get("Cookie", "")).get("_oauth2_proxy")
        self.send_response(202 if found else 401)
        if found:
            self.send_header("X-Auth-Request-User", found.value)
            self.send_header("X-Auth-Request-Email", f"{found.value}@shop.example")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def oracle() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Oracle)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="behind") as name:  # short: the path of a Unix socket has a limit
        yield Path(name)


@pytest.fixture(scope="module")
def ports(folder: Path) -> Iterator[dict[str, int]]:
    """The servers; those on a Unix socket have port 0."""
    require("nginx")
    with ExitStack() as stack:
        found = {}
        for name in STARTED:
            unix, path = name.endswith("-unix"), folder / name
            port = found[name] = 0 if unix else free_port()
            addresses = {"WIDGETMW_PROXY_ADDRESSES": "unix" if unix else "127.0.0.2"}
            command = [sys.executable, "-m", *SERVERS[name](port, str(path))]

            def ready(port: int = port, path: Path = path) -> bool:
                return answers(port) if port else path.exists()

            stack.callback(stop, launch(command, ready, {**ENV, **addresses}, folder / f"{name}.log"))
        yield found


@pytest.fixture(scope="module")
def nginx(ports: dict[str, int], oracle: int, folder: Path) -> Iterator[str]:
    places = ""
    for name, port in ports.items():
        upstream = f"http://127.0.0.1:{port}" if port else f"http://unix:{folder / name}:"
        places += PLACE.format(name=name, upstream=upstream, bind="proxy_bind 127.0.0.2;" if port else "")
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # otherwise its workers could not access the folder
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(user=user, folder=folder, port=port, oracle=oracle, places=places))
    process = launch(
        [require("nginx"), "-p", str(folder), "-c", str(conf)], lambda: answers(port), {}, folder / "nginx.log"
    )
    yield f"http://127.0.0.1:{port}"
    stop(process)


ADA = {"Cookie": "_oauth2_proxy=ada"}
FORGED = [
    {"X-Auth-Request-User": "eve"},
    {"x_auth_request_user": "eve"},
    {"X-Auth_Request-User": "eve"},
    {"X-Auth-Request-User": "eve", "X_AUTH_REQUEST_USER": "eve", "X-Forwarded-User": "eve", "Remote-User": "eve"},
]


@pytest.mark.parametrize("name", SOUND)
def test_a_user_signed_in_at_the_proxy_gets_the_page_and_the_token(nginx: str, name: str) -> None:
    for path in ("/", ENDPOINT):
        assert token_users(web.get(f"{nginx}/{name}{path}", headers=ADA).content) == {"ada"}


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("forged", FORGED, ids=" ".join)
def test_nobody_becomes_somebody_else_through_the_proxy(nginx: str, name: str, forged: dict[str, str]) -> None:
    for path in ("/", ENDPOINT):
        assert token_users(web.get(f"{nginx}/{name}{path}", headers={**ADA, **forged}).content) == {"ada"}
        assert web.get(f"{nginx}/{name}{path}", headers=forged).status_code == 401  # by nginx itself
        assert token_users(web.get(f"{nginx}/{name}/open{path}", headers=forged).content) == set()
    assert web.get(f"{nginx}/{name}/open/", headers=forged).content == PAGE


@pytest.mark.parametrize("name", [name for name in SOUND if not name.endswith("-unix")])
@pytest.mark.parametrize("said", ["127.0.0.2", "127.0.0.2:80", "203.0.113.9"])
def test_a_request_that_bypasses_the_proxy_is_anonymous(
    nginx: str, ports: dict[str, int], name: str, said: str
) -> None:
    headers = {"X-Auth-Request-User": "eve", "X-Forwarded-For": said}
    url = f"http://127.0.0.1:{ports[name]}"
    page = web.get(f"{url}/", headers=headers)
    assert (page.content, page.headers["x-widgetmw"]) == (PAGE, "skipped; reason=anonymous")
    assert web.get(f"{url}{ENDPOINT}", headers=headers).status_code == 401


def test_a_server_that_treats_underscores_as_hyphens_is_detected(nginx: str, folder: Path) -> None:
    """Otherwise a client's X_Auth_Request_User would replace the header that nginx sends."""
    for forged in ({}, *FORGED):
        page = web.get(f"{nginx}/cheroot/", headers={**ADA, **forged})
        assert (page.content, page.headers["x-widgetmw"]) == (PAGE, "skipped; reason=resolver_failed")
        assert web.get(f"{nginx}/cheroot{ENDPOINT}", headers={**ADA, **forged}).status_code == 503
    assert "server_ambiguous" in (folder / "cheroot.log").read_text()


def test_a_server_that_replaces_the_address_of_the_proxy_is_detected(nginx: str, folder: Path) -> None:
    page = web.get(f"{nginx}/uvicorn-rewriting/", headers=ADA)
    assert (page.content, page.headers["x-widgetmw"]) == (PAGE, "skipped; reason=resolver_failed")
    assert web.get(f"{nginx}/uvicorn-rewriting{ENDPOINT}", headers=ADA).status_code == 503
    assert "address_rewritten" in (folder / "uvicorn-rewriting.log").read_text()
