"""The tutorial's app behind nginx, with the configurations of the documentation."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from tests.conftest import require
from tests.generated import ROOT
from tests.servers.processes import NO_AUTHORITIES, answers, free_port, launch, stop
from widgetmw import testing

NGINX = """{user}daemon off; pid {folder}/pid; error_log stderr; events {{}}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
{written} }}"""

PROXY_FIX = """
from werkzeug.middleware.proxy_fix import ProxyFix
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_prefix=1)
"""


FLASK = "docs/frameworks/flask.md"


def block(name: str, language: str, start: str) -> str:
    """The first code block of a document that begins with a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    return str(next(code for code in blocks if code.startswith(start)))


def part(start: str) -> str:
    """A block of the Flask page, for an app that exists."""
    return block(FLASK, "python", start).replace("app = Flask(__name__)\n", "")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the tutorial's app."""
    folder, port = tmp_path_factory.mktemp("app"), free_port()
    (folder / "shop.py").write_text(block("docs/tutorial.md", "python", "from flask") + PROXY_FIX)
    command = [sys.executable, "-m", "flask", "--app", str(folder / "shop.py"), "run", "--port", str(port)]
    environ = {**os.environ, **testing.environ("digitalgenius"), "PYTHONPATH": str(ROOT)}
    process = launch(command, lambda: answers(port), environ, folder / "log")
    yield port
    stop(process)


@pytest.mark.parametrize(("name", "start"), [(FLASK, "server"), ("docs/caching.md", "proxy_cache_path")])
def test_a_user_signs_in_and_out_behind_nginx(app: int, tmp_path: Path, name: str, start: str) -> None:
    with nginx(block(name, "nginx", start), app, tmp_path) as url:
        assert_sign_in_and_out_work(url)


def test_a_page_below_a_path_has_urls_with_the_path(app: int, tmp_path: Path) -> None:
    location = block(FLASK, "nginx", "location /shop/")
    with (
        nginx(f"server {{ listen 8080; {location} }}", app, tmp_path) as url,
        httpx.Client(base_url=f"{url}/shop", verify=NO_AUTHORITIES) as ada,
    ):
        ada.get("/sign-in")
        page = ada.get("/").text
        assert testing.read_tokens(page)["digitalgenius"].claims["external_id"] == "42"
        (runtime,) = set(re.findall(r'/shop(/_widgetmw/runtime\.js[^"]*)"', page))
        assert "javascript" in ada.get(runtime).headers["content-type"]
        assert ada.get("/_widgetmw/token").status_code == 200


def test_a_shop_with_a_nonce_and_metrics_runs_in_several_workers(tmp_path: Path) -> None:
    files = ("from flask import Flask\nfrom prometheus_client", "import secrets", "import logging")
    shop = block("docs/tutorial.md", "python", "from flask") + PROXY_FIX + "\n".join(map(part, files))
    locations = block(FLASK, "nginx", "location /shop/ {") + block(FLASK, "nginx", "location /shop/metrics")
    with gunicorn(shop, tmp_path) as port, nginx(f"server {{ listen 8080; {locations} }}", port, tmp_path) as url:
        with httpx.Client(base_url=f"{url}/shop", verify=NO_AUTHORITIES) as ada:
            ada.get("/sign-in")
            for _ in range(8):
                page = ada.get("/")
                assert testing.read_tokens(page.text)["digitalgenius"].claims["external_id"] == "42"
            (nonce,) = re.findall(r"'nonce-([^']+)'", page.headers["content-security-policy"])
            assert re.findall(r'<script data-widgetmw nonce="([^"]+)"', page.text) == [nonce, nonce]
            assert ada.get("/metrics").status_code == 404
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", follow_redirects=True, verify=NO_AUTHORITIES).text
        assert 'widgetmw_pages_total{outcome="injected"} 8.0' in metrics


@pytest.mark.parametrize("cookie", ["session=a", "seen=1; remember_token=a", "seen=1; widgetmw_0a1b2c3d=1"])
def test_a_browser_that_may_have_a_user_gets_no_cached_page(tmp_path: Path, cookie: str) -> None:
    requests: list[str] = []

    def page(environ: dict[str, str], start_response: Any) -> list[bytes]:
        requests.append(environ.get("HTTP_COOKIE", ""))
        start_response("200 OK", [("Content-Type", "text/html"), ("Cache-Control", "max-age=600")])
        return [b"<!doctype html>"]

    written = block("docs/caching.md", "nginx", "proxy_cache_path")
    with serve(page) as port, nginx(written, port, tmp_path) as url:
        for sent in ("seen=1", "seen=1", cookie, "seen=1"):
            httpx.get(url, headers={"Cookie": sent}, verify=NO_AUTHORITIES)
    assert requests == ["seen=1", cookie]


@contextmanager
def serve(app: Any) -> Iterator[int]:
    """Serves a WSGI app in this process; yields its port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def gunicorn(shop: str, tmp_path: Path) -> Iterator[int]:
    """Runs an app with several workers and metrics; yields its port."""
    port, metrics = free_port(), tmp_path / "metrics"
    metrics.mkdir()
    (tmp_path / "shop.py").write_text(shop)
    (tmp_path / "gunicorn.conf.py").write_text(part("# gunicorn.conf.py"))
    options = f"--workers 2 --threads 2 --bind 127.0.0.1:{port} --no-control-socket".split()
    places = ["--chdir", str(tmp_path), "--config", str(tmp_path / "gunicorn.conf.py")]
    command = [sys.executable, "-m", "gunicorn", *options, *places, "shop:app"]
    settings = {"WIDGETMW_METRICS": "prometheus", "PROMETHEUS_MULTIPROC_DIR": str(metrics), "PYTHONPATH": str(ROOT)}
    environ = {**os.environ, **testing.environ("digitalgenius"), **settings}
    process = launch(command, lambda: answers(port), environ, tmp_path / "gunicorn.log")
    yield port
    stop(process)


@contextmanager
def nginx(written: str, app: int, tmp_path: Path) -> Iterator[str]:
    """Runs nginx with a documented configuration in front of the app; yields its URL."""
    program, port = require("nginx"), free_port()
    written = re.sub(r"listen \d+( ssl)?;", f"listen 127.0.0.1:{port};", written)
    written = re.sub(r"\n *ssl_certificate.*", "", written).replace("127.0.0.1:8000", f"127.0.0.1:{app}")
    written = written.replace("/var/cache/nginx", str(tmp_path / "cache"))
    user = "user root;\n" if os.geteuid() == 0 else ""  # otherwise its workers could not access the folder
    (tmp_path / "nginx.conf").write_text(NGINX.format(user=user, folder=tmp_path, written=written))
    command = [program, "-p", str(tmp_path), "-c", "nginx.conf"]
    process = launch(command, lambda: answers(port), dict(os.environ), tmp_path / "log")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def assert_sign_in_and_out_work(url: str) -> None:
    with (
        httpx.Client(base_url=url, follow_redirects=True, verify=NO_AUTHORITIES) as ada,
        httpx.Client(base_url=url, verify=NO_AUTHORITIES) as stranger,
    ):
        assert testing.read_tokens(stranger.get("/").text) == {}
        tokens = testing.read_tokens(ada.get("/sign-in").text)
        assert tokens["digitalgenius"].claims["external_id"] == "42"
        assert ada.get("/_widgetmw/token").status_code == 200
        assert "data-widgetmw" not in stranger.get("/").text
        assert stranger.get("/_widgetmw/token").status_code == 401
        assert testing.read_tokens(ada.get("/sign-out").text) == {}
        assert ada.get("/_widgetmw/token").status_code == 401
