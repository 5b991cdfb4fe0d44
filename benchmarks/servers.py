"""Runs real servers in their own processes and sends requests to them, on the loopback interface only."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.machine import group_cpu_seconds, pin_to_last, pin_to_other_cores
from tests.components import find

ROOT = Path(__file__).parent.parent
CONNECTIONS = 8
_READY = 30.0


@dataclass(frozen=True)
class Site:
    """A running server.

    Attributes:
        port: Its port on the loopback interface.
        group: Process group of the server.
        headers: Headers to send with each request, such as a session cookie.
    """

    port: int
    group: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def url(self, path: str = "/") -> str:
        """Returns the URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str = "/") -> bytes:
        """Requests a path and returns the body."""
        with urllib.request.urlopen(urllib.request.Request(self.url(path), headers=dict(self.headers))) as response:
            body: bytes = response.read()
        return body

    def signed_in(self) -> Site:
        """Returns the same site with the session cookie of a signed-in user."""
        with urllib.request.urlopen(self.url("/sign-in")) as response:
            cookie = response.headers["Set-Cookie"].partition(";")[0]
        return Site(self.port, self.group, {**self.headers, "Cookie": cookie, "Accept": "text/html"})


@contextmanager
def uvicorn(app: str) -> Iterator[Site]:
    """Serves an ASGI app, named ``module:attribute``, with httptools and the asyncio loop."""
    words = ["uvicorn", app, "--http", "httptools", "--loop", "asyncio", "--no-access-log", "--log-level", "warning"]
    with _serve([*words, "--port"], "") as site:
        yield site


@contextmanager
def gunicorn(app: str, workers: int = 1, threads: int = 4) -> Iterator[Site]:
    """Serves a WSGI app with worker threads; each worker process has one core."""
    words = ["gunicorn", app, "--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)]
    with _serve([*words, "--log-level", "error", "--no-control-socket", "--bind"], "127.0.0.1:", workers) as site:
        yield site


@contextmanager
def _serve(words: list[str], prefix: str, cores: int = 1) -> Iterator[Site]:
    port = _free_port()
    command = [sys.executable, "-m", *words, f"{prefix}{port}"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, preexec_fn=partial(pin_to_last, cores))
    try:
        _wait_until_ready(process, port)
        yield Site(port, process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _READY
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server did not start")


def wrk() -> str | None:
    """Returns the path of wrk, or ``None``."""
    return find("wrk")


@dataclass(frozen=True)
class Load:
    """What a server did under load.

    Attributes:
        per_second: Requests per second.
        cpu_seconds: CPU seconds of the server per request, or ``None`` if the system does not report them.
    """

    per_second: float
    cpu_seconds: float | None


def run_wrk(site: Site, path: str, seconds: float) -> Load:
    """Runs wrk against a site.

    Raises:
        RuntimeError: A response was missing, or its status was neither 2xx nor 3xx.
    """
    words = [wrk() or "wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds:.0f}s"]
    for name, value in site.headers.items():
        words += ["--header", f"{name}: {value}"]
    before = group_cpu_seconds(site.group)
    run = subprocess.run(
        [*words, site.url(path)],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=True,
        preexec_fn=pin_to_other_cores,
    )
    after = group_cpu_seconds(site.group)
    count = re.search(r"(\d+) requests in", run.stdout)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", run.stdout)
    if not count or not rate or "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise RuntimeError(f"wrk: {run.stdout}{run.stderr}")
    cpu_seconds = None if before is None or after is None else (after - before) / int(count[1])
    return Load(float(rate[1]), cpu_seconds)
