"""The Python in docs/metrics.md, and what docs/frameworks/fastapi.md has for metrics, runs as it stands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.combinations import only_with_all
from tests.conftest import require
from tests.generated import ROOT
from tests.metrics.shop import shop
from tests.servers.processes import PATIENCE, answers, free_port, launch, stop
from widgetmw import testing


def blocks(name: str, language: str = "python") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


BLOCKS = blocks("docs/metrics.md")
ON_KUBERNETES, WITH_WORKERS = (code for code in blocks("docs/frameworks/fastapi.md") if "start_http_server" in code)


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
from tests.metrics.shop import shop
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
from tests.metrics.shop import shop
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


#: The rest of the app of the FastAPI page.
PAGES = """
from fastapi.responses import HTMLResponse

@app.get("/sign-in")
def sign_in(request: Request) -> None:
    request.session["id"] = "ada"

@app.get("/", response_class=HTMLResponse)
def page() -> str:
    return "<!doctype html><html><head><title>Shop</title></head></html>"
"""


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """The app of the FastAPI page with its lines for several workers, started by its command."""
    require("sh")
    port, metrics_port, folder = free_port(), free_port(), tmp_path / "metrics"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"of the container before")
    with_workers = re.sub("@asynccontextmanager.*?yield\n", lambda _: WITH_WORKERS, ON_KUBERNETES, flags=re.DOTALL)
    code = with_workers.replace("9100", f"{metrics_port}, '127.0.0.1'") + PAGES
    (tmp_path / "shop.py").write_text(code, encoding="utf-8")
    (command,) = re.findall("(rm -f .*)", "".join(blocks("docs/frameworks/fastapi.md", "yaml")))
    command = command.replace("uvicorn", f"{sys.executable} -m uvicorn --app-dir {tmp_path}")
    command = command.replace("0.0.0.0", "127.0.0.1").replace("8000", str(port))
    environ = {**testing.environ("giosg", WIDGETMW_METRICS="prometheus"), "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    process = launch(["sh", "-c", command], lambda: answers(port) and answers(metrics_port), environ, tmp_path / "log")
    urls = {"url": f"http://127.0.0.1:{port}", "metrics": f"http://127.0.0.1:{metrics_port}"}
    yield SimpleNamespace(**urls, metrics_port=metrics_port, folder=folder)
    stop(process)


def workers(folder: Path) -> set[int]:
    """Returns the workers that live, or that were killed, by the files of their live gauges."""
    return {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_livesum_*.db")}


def visit(url: str, times: int) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as client:
        client.get("/sign-in")
        for _ in range(times):
            assert "data-widgetmw" in client.get("/").text


def injected_pages(metrics: str) -> float:
    """Returns the count of all workers, as soon as one of them sends it."""
    text = httpx.get(f"{metrics}/metrics", trust_env=False).text
    return sum(map(float, re.findall(r'^widgetmw_pages_total\{outcome="injected"\} (.+)$', text, re.MULTILINE)))


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@only_with_all
def test_one_of_two_uvicorn_workers_sends_the_metrics_of_both_and_the_next_one_takes_over(
    two_workers: SimpleNamespace,
) -> None:
    folder, metrics_port = two_workers.folder, two_workers.metrics_port
    eventually(lambda: len(workers(folder)) == 2)
    assert not (folder / "counter_1.db").exists()
    visit(two_workers.url, 3)
    assert injected_pages(two_workers.metrics) == 3

    killed = workers(folder)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(workers(folder) - killed) == 2 and answers(metrics_port))
    visit(two_workers.url, 2)
    eventually(lambda: injected_pages(two_workers.metrics) == 5)

    ended = workers(folder) - killed
    for pid in ended:
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not workers(folder) & ended and len(workers(folder) - killed) == 2 and answers(metrics_port))
    eventually(lambda: injected_pages(two_workers.metrics) == 5)


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
