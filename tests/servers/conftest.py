"""Real servers, each a process of its own on a free port of the loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def start(words: Sequence[str], port: int, environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a server and waits until it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            env={**os.environ, **environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = time.monotonic() + 30
    while not answers(port):
        if process.poll() is not None or time.monotonic() > end:
            stop(process)
            pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a server and its workers."""
    for each in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, each)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            continue


SERVERS: dict[str, Callable[[int], list[str]]] = {
    "uvicorn": lambda port: ["uvicorn", "tests.servers.apps:asgi", "--port", str(port), "--log-level", "warning"],
    "uvicorn-h11": lambda port: [*SERVERS["uvicorn"](port), "--http", "h11"],
    "gunicorn": lambda port: [
        "gunicorn",
        "tests.servers.apps:wsgi",
        "-b",
        f"127.0.0.1:{port}",
        "-w",
        "2",
        "--no-control-socket",
    ],
    "gunicorn-threads": lambda port: [*SERVERS["gunicorn"](port)[:-1], "--threads", "4", "--no-control-socket"],
    "waitress": lambda port: ["waitress", f"--listen=127.0.0.1:{port}", "tests.servers.apps:wsgi"],
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of each server in turn."""
    port = free_port()
    environ = {
        "DG_API_KEY": "key",
        "DG_API_SECRET": "s" * 40,
        "DG_WIDGET_ID": "widget",
        "TEST_PIECES": "6400",
    }
    log = tmp_path_factory.mktemp("server") / "log"
    process = start(SERVERS[request.param](port), port, environ, log)
    yield f"http://127.0.0.1:{port}"
    stop(process)
    printed = log.read_text()
    assert "Traceback" not in printed, printed[-3000:]
