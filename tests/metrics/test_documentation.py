"""The Python in docs/metrics.md, and what docs/frameworks/fastapi.md has for metrics, runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from tests.generated import ROOT
from tests.servers.processes import free_port
from widgetmw import User, testing
from widgetmw.flask import Widget


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


BLOCKS = blocks("docs/metrics.md")
(ON_KUBERNETES,) = (code for code in blocks("docs/frameworks/fastapi.md") if "start_http_server" in code)


def shop() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/", "page", lambda: "<!doctype html><html><head><title>Shop</title></head></html>")
    Widget(app, user=lambda: User("ada"), settings=testing.settings("hissuno", WIDGETMW_METRICS="prometheus"))
    return app


def test_prometheus_can_scrape_a_flask_app() -> None:
    app = shop()
    exec(BLOCKS[0], {"app": app})
    app.test_client().get("/")
    text = app.test_client().get("/metrics/").text
    assert re.search(r'widgetmw_pages_total\{outcome="injected"\} [1-9]', text)


@pytest.mark.parametrize("app", [BLOCKS[1], ON_KUBERNETES], ids=["metrics", "Kubernetes"])
def test_prometheus_can_scrape_a_port_of_its_own_while_the_app_runs(app: str) -> None:
    port = free_port()
    code = f"""
import httpx
from fastapi.testclient import TestClient
from tests.metrics.test_documentation import shop
{app.replace("9100", f"{port}, '127.0.0.1'")}
shop()
with TestClient(app):
    print(httpx.get("http://127.0.0.1:{port}/metrics").text)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert "widgetmw_pages_total" in done.stdout


def test_the_workers_of_multiprocess_mode_add_up_and_leave_no_users_behind(tmp_path: Path) -> None:
    code = f"""
import os
from types import SimpleNamespace
from werkzeug.test import Client
from tests.metrics.test_documentation import shop
{BLOCKS[2]}
{BLOCKS[3]}
app = shop()
for _ in range(2):
    pid = os.fork()
    if not pid:
        try:
            app.test_client().get("/")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
print(Client(metrics_app).get("/").text)
child_exit(None, SimpleNamespace(pid=pid))
print(Client(metrics_app).get("/").text)
"""
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.count('widgetmw_pages_total{outcome="injected"} 2.0') == 2
    assert re.findall("^widgetmw_cached_users (.+)$", done.stdout, re.MULTILINE) == ["2.0", "1.0"]


def test_a_function_gets_the_events_as_tags() -> None:
    sent: list[tuple[str, list[str]]] = []
    increment: Callable[..., None] = lambda name, tags: sent.append((name, tags))  # noqa: E731
    names: dict[str, Any] = {"statsd": SimpleNamespace(increment=increment)}
    exec(BLOCKS[4], names)
    shop().test_client().get("/")
    names["stop"]()
    assert ("widgetmw.pages", ["outcome:injected"]) in sent
    assert ("widgetmw.tokens_minted", ["provider:hissuno"]) in sent
    assert len(BLOCKS) == 5
