"""A page of 100 MB, streamed in chunks of 16 KB to a signed-in user: throughput and memory, in process.

The app sends through a real socket that another process drains: beside a server that does nothing, any wrapper would
look expensive. The section ``servers`` measures the same over uvicorn.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.machine import pin_to_other_cores, resident_bytes
from benchmarks.rounds import Batch, Rounds, run_interleaved, spread
from benchmarks.subject import asgi_widgetmw
from benchmarks.traffic import HTML, SHORT_HEADERS, AsgiApp, asgi_request, empty_receive, page

CASE = "ASGI, 100 MB streamed in 16 KB chunks"
SIZE, CHUNK = 100_000_000, 16_384
_DRAIN = """
import socket, sys
with socket.socket(fileno=int(sys.argv[1])) as source:
    room = bytearray(1 << 20)
    while source.recv_into(room):
        pass
"""
_SAMPLED = 64


def streaming(size: int = SIZE) -> AsgiApp:
    """Returns an app that streams a page."""
    first = page(CHUNK).ljust(CHUNK)
    more = b"<p>more of the same</p>\n".ljust(CHUNK)
    chunks = size // CHUNK

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", HTML)]})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        for _ in range(chunks - 1):
            await send({"type": "http.response.body", "body": more, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


@contextmanager
def drained() -> Iterator[socket.socket]:
    """Provides a socket that another process drains."""
    near, far = socket.socketpair()
    words = [sys.executable, "-c", _DRAIN, str(far.fileno())]
    with near, subprocess.Popen(words, pass_fds=[far.fileno()], preexec_fn=pin_to_other_cores) as process:
        far.close()
        try:
            yield near
        finally:
            near.close()
            process.wait(10)


def measure(effort: Effort) -> Section:
    """Measures throughput and memory."""
    size = effort.scaled(SIZE, 10 * CHUNK)
    app = streaming(size)
    apps = {"bare": app, "widgetmw": asgi_widgetmw(app)}
    with drained() as target:
        rounds = run_interleaved({name: _batch(each, target) for name, each in apps.items()}, effort)
        grown = [_growth(apps["widgetmw"], target) / 1e6 for _ in range(3)]
    return Section(_findings(CASE.replace("100 MB", f"{size / 1e6:g} MB"), rounds, grown))


def _findings(case: str, rounds: Rounds, grown: list[float]) -> list[Finding]:
    share = rounds.ratio("bare", "widgetmw")
    return [
        Finding(case, "throughput with / without", share, limit=0.95, at_least=True),
        Finding(case, "growth of resident memory", spread(grown), "MB", limit=1),
    ]


def _batch(app: AsgiApp, target: socket.socket) -> Batch:
    async def send(message: Any) -> None:
        target.sendall(message.get("body", b""))

    def calls(count: int) -> float:
        start = time.thread_time()  # elapsed time would hide work done while the other end reads
        for _ in range(count):
            asyncio.run(_called(app, send))
        return time.thread_time() - start

    return calls


async def _called(app: AsgiApp, send: Any) -> None:
    await app(asgi_request(SHORT_HEADERS), empty_receive, send)


def _growth(app: AsgiApp, target: socket.socket) -> int:
    """Returns by how many bytes the process grows during one stream."""
    seen = [resident_bytes()]
    count = 0

    async def send(message: Any) -> None:
        nonlocal count
        target.sendall(message.get("body", b""))
        count += 1
        if count % _SAMPLED == 0:
            seen.append(resident_bytes())

    asyncio.run(_called(app, send))
    return max(seen) - seen[0]
