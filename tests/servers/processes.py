"""Starts servers as processes, on a free loopback port or a Unix socket."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from ephemeral_port_reserve import reserve

from tests.servers.matrix import SERVERS, Place, certificate
from tests.servers.wire import Wire

ROOT = Path(__file__).parents[2]
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For HTTP clients. Reading the certificate authorities takes longer than many requests."""
PATIENCE = 100  # seconds; long, since the machine may be busy; shorter than pytest's own limit


def free_port() -> int:
    """A loopback port for a server that is about to start. The system gives it to nobody else who asks for any port."""
    return int(reserve())


def answers(address: int | Path) -> bool:
    """Whether a server listens on a loopback port or a Unix socket."""
    try:
        Wire(address).close()
    except OSError:
        return False
    return True


def start(words: Sequence[str], port: int, environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a server from a Python module and waits until it listens on the port."""
    return launch([sys.executable, "-m", *words], lambda: answers(port), environ, log)


def launch(
    command: Sequence[str], ready: Callable[[], bool], environ: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Starts a process and waits until it is ready."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            stop(process)
            pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stops a server and its workers."""
    for each in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, each)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue


@dataclass(frozen=True)
class Deployment:
    """A running server.

    Attributes:
        name: the key in ``SERVERS``.
        place: the app and the address.
        process: the main process.
        log: the file with its output.
    """

    name: str
    place: Place
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http{'s' * SERVERS[self.name].tls}://127.0.0.1:{self.place.port}"

    def connect(self) -> Wire:
        """Opens a connection."""
        return Wire(self.place.socket or self.place.port)


@contextmanager
def deployed(name: str, place: Place, environ: dict[str, str], log: Path) -> Iterator[Deployment]:
    """Runs a server until the end of the block, then asserts that its log contains no traceback."""
    server = SERVERS[name]
    if server.tls:
        certificate(place.folder)
    address = place.socket or place.port
    process = launch(server.command(place), lambda: answers(address), {**environ, **server.environ(place)}, log)
    try:
        yield Deployment(name, place, process, log)
    finally:
        stop(process)
    printed = log.read_text().partition("Keyboard Interrupt: shutting down")[0]  # cheroot at exit
    # Python 3.11 logs this for each connection that hypercorn closes when it stops.
    cancelled = re.findall(r"^asyncio\.exceptions\.CancelledError$", printed, re.MULTILINE)
    cut_off = len(cancelled) if name.startswith("hypercorn") else 0
    assert printed.count("Traceback (most recent") == cut_off, printed[-3000:]
