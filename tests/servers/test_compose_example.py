"""The Compose example: its files against the rules of Compose and of nginx, and its apps behind a real nginx.

Containers do not run here. nginx, the apps and their commands are those of the example, on loopback ports; a stand-in
takes the place of oauth2-proxy.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import require
from tests.servers.processes import ROOT, answers, free_port, launch, stop
from tests.servers.test_proxy import Oracle
from tests.servers.test_servers import token_users

EXAMPLE = ROOT / "examples" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((EXAMPLE / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
APPS = ("flask", "fastapi")
ENDPOINT = "/_widgetmw/token/digitalgenius"
#: An image at one version: not "latest", nor one number that many versions share.
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*")
TOP_LEVEL_KEYS = {"name", "services", "networks", "volumes", "secrets", "configs", "include"}
SERVICE_KEYS = {
    *("build", "image", "command", "entrypoint", "environment", "secrets", "volumes", "networks", "ports"),
    *("depends_on", "restart", "healthcheck", "user", "working_dir", "read_only"),
}


# --- what can be said without containers ----------------------------------------------------------------------------


def test_the_file_has_only_keys_that_compose_knows() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} <= TOP_LEVEL_KEYS
    assert [key for service in SERVICES.values() for key in service if key not in SERVICE_KEYS] == []


def test_whatever_a_service_names_exists() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= SERVICES.keys()
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        for volume in service.get("volumes", ()):
            source, _, mode = re.fullmatch(r"(.+?):(.+?):(\w+)", volume).groups()  # type: ignore[union-attr]
            assert (EXAMPLE / source).is_file()
            assert mode == "ro"
    for secret in COMPOSE["secrets"].values():
        assert (EXAMPLE / secret["file"]).is_file()


def test_every_image_is_pinned_to_a_version() -> None:
    built = re.findall(r"^FROM (.+)$", (EXAMPLE / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    images = [service["image"] for name, service in SERVICES.items() if name not in (*APPS, "oauth2-proxy")]
    assert re.search(r"oauth2-proxy v\d+\.\d+\.\d+ ", SERVICES["oauth2-proxy"]["image"])  # the message asks for it
    assert [image for image in (*images, *built) if not PINNED.fullmatch(image)] == []
    assert all(SERVICES[name]["build"]["context"] == "." for name in APPS)


def test_only_nginx_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"nginx": ["127.0.0.1:8080:8080"]}


def test_the_apps_trust_the_address_of_nginx_alone() -> None:
    (subnet,) = COMPOSE["networks"]["site"]["ipam"]["config"]
    address = SERVICES["nginx"]["networks"]["site"]["ipv4_address"]
    assert ip_address(address) in ip_network(subnet["subnet"])
    assert {SERVICES[name]["environment"]["WIDGETMW_PROXY_ADDRESSES"] for name in APPS} == {address}


def test_nginx_drops_headers_of_the_client_in_every_location_of_an_app() -> None:
    locations = re.findall(r"location ([^{]+)\{(.*?)\n    \}", (EXAMPLE / "nginx.conf").read_text(), re.DOTALL)
    of_apps = {path.strip(): text for path, text in locations if "http://$app" in text}
    assert of_apps.keys() == {"/", "/_widgetmw/"}
    # with one of its own, nginx would not inherit those of the server
    assert [path for path, text in of_apps.items() if "proxy_set_header" in text or "auth_request" in text] == []


# --- the site -------------------------------------------------------------------------------------------------------


class StandIn(Oracle):
    """Responds like oauth2-proxy: 202 with the user or 401 at ``/oauth2/auth``, and a sign-in page."""

    def do_GET(self) -> None:
        if self.path.startswith("/oauth2/auth"):
            super().do_GET()
            return
        page = b"<!doctype html><title>Sign in</title>" + self.headers["X-Auth-Request-Redirect"].encode()
        self.send_response(403)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@pytest.fixture(scope="module")
def oauth2_proxy() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def start_app(name: str, port: int, folder: Path) -> Any:
    """Starts an app with its command and variables, on another address and with nginx's."""
    service = SERVICES[name]
    addresses = {"0.0.0.0:8000": f"127.0.0.1:{port}", "0.0.0.0": "127.0.0.1", "8000": str(port)}
    command = [addresses.get(word, word) for word in service["command"]]
    secret = (EXAMPLE / COMPOSE["secrets"]["dg_api_secret"]["file"]).resolve()
    environ = service["environment"] | {
        "WIDGETMW_PROXY_ADDRESSES": "127.0.0.1",
        "DG_API_SECRET_FILE": str(secret),
        "WIDGETMW_DEBUG": "true",
        "PYTHONPATH": f"{EXAMPLE}{os.pathsep}{ROOT}",
    }
    return launch([sys.executable, "-m", *command], lambda: answers(port), environ, folder / f"{name}.log")


@pytest.fixture(scope="module")
def nginx(oauth2_proxy: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """nginx with the example's configuration; the paths and addresses are those of this machine."""
    program, folder = require("nginx"), tmp_path_factory.mktemp("compose")
    ports = {name: free_port() for name in (*APPS, "nginx")}
    conf = (EXAMPLE / "nginx.conf").read_text(encoding="utf-8")
    here = {
        "listen 8080;": f"listen 127.0.0.1:{ports['nginx']};",
        "server oauth2-proxy:4180;": f"server 127.0.0.1:{oauth2_proxy};",
        **{f"server {name}:8000;": f"server 127.0.0.1:{ports[name]};" for name in APPS},
        "http {": f"http {{ access_log off; {' '.join(f'{kind}_temp_path {folder};' for kind in TEMPORARY)}",
    }
    for documented, replacement in here.items():
        assert conf.count(documented) == 1, documented
        conf = conf.replace(documented, replacement)
    user = "user root;" if os.geteuid() == 0 else ""  # otherwise its workers could not access the folder
    (folder / "nginx.conf").write_text(f"daemon off; {user} pid {folder}/pid; error_log {folder}/error.log;\n{conf}")
    processes = [start_app(name, ports[name], folder) for name in APPS]
    command = [program, "-p", str(folder), "-c", "nginx.conf"]
    processes.append(launch(command, lambda: answers(ports["nginx"]), {}, folder / "nginx.log"))
    yield f"http://127.0.0.1:{ports['nginx']}"
    for process in processes:
        stop(process)
    assert [name for name in APPS if "Traceback" in (folder / f"{name}.log").read_text()] == []


TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@pytest.fixture(scope="module")
def web() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=30) as client:
        yield client


@pytest.mark.parametrize("name", APPS)
def test_a_signed_in_user_gets_the_page_of_the_app_with_a_token(nginx: str, web: httpx.Client, name: str) -> None:
    headers = {"Host": f"{name}.localhost", "Cookie": "_oauth2_proxy=ada", "Accept": "text/html"}
    page = web.get(f"{nginx}/", headers=headers)
    assert page.headers["X-Widgetmw"] == "injected"
    assert token_users(page.content) == {"ada"}
    assert {"flask": "Flask shop", "fastapi": "FastAPI shop"}[name] in page.text
    assert token_users(web.get(f"{nginx}{ENDPOINT}", headers=headers).content) == {"ada"}


@pytest.mark.parametrize("name", APPS)
def test_an_anonymous_visitor_gets_the_sign_in_page_and_the_endpoint_says_401(
    nginx: str, web: httpx.Client, name: str
) -> None:
    headers = {"Host": f"{name}.localhost", "X-Auth-Request-User": "eve"}
    page = web.get(f"{nginx}/orders?page=2", headers=headers)
    assert (page.status_code, page.text) == (403, "<!doctype html><title>Sign in</title>/orders?page=2")
    assert web.get(f"{nginx}{ENDPOINT}", headers=headers).status_code == 401


@pytest.mark.parametrize("name", APPS)
def test_a_header_of_the_client_names_nobody(nginx: str, web: httpx.Client, name: str) -> None:
    forged = {"X-Auth-Request-User": "eve", "X-Auth-Request-Email": "eve@shop.example"}
    headers = {"Host": f"{name}.localhost", "Cookie": "_oauth2_proxy=ada", "Accept": "text/html", **forged}
    page = web.get(f"{nginx}/", headers=headers)
    assert token_users(page.content) == {"ada"}
    assert "eve" not in page.text
