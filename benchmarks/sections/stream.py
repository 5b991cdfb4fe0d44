"""A page of 100 MB that is streamed in chunks of 16 KB to somebody signed in: throughput and memory, in process.

What the app sends goes through a real socket, which another process drains: next to a server that does nothing, any
wrapper at all would look expensive. ``servers`` measures the same over uvicorn.
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
from benchmarks.machine import pin_away, resident
from benchmarks.rounds import Batch, Rounds, interleaved, spread
from benchmarks.subject import asgi_ours
from benchmarks.traffic import HTML, SHORT, AsgiApp, asgi_request, nothing_more, page

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
    """An app that streams a page."""
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
    """A socket whose other end a process of its own reads."""
    ours, theirs = socket.socketpair()
    words = [sys.executable, "-c", _DRAIN, str(theirs.fileno())]
    with ours, subprocess.Popen(words, pass_fds=[theirs.fileno()], preexec_fn=pin_away) as process:
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            process.wait(10)


def measure(effort: Effort) -> Section:
    """Measures it."""
    size = effort.of(SIZE, 10 * CHUNK)
    app = streaming(size)
    apps = {"bare": app, "ours": asgi_ours(app)}
    with drained() as target:
        rounds = interleaved({name: _batch(each, target) for name, each in apps.items()}, effort)
        grown = [_growth(apps["ours"], target) / 1e6 for _ in range(3)]
    return Section(_findings(CASE.replace("100 MB", f"{size / 1e6:g} MB"), rounds, grown))


def _findings(case: str, rounds: Rounds, grown: list[float]) -> list[Finding]:
    share = rounds.ratio("bare", "ours")
    return [
        Finding(case, "throughput with / without", share, limit=0.95, at_least=True),
        Finding(case, "growth of resident memory", spread(grown), "MB", limit=1),
    ]


def _batch(app: AsgiApp, target: socket.socket) -> Batch:
    async def send(message: Any) -> None:
        target.sendall(message.get("body", b""))

    def calls(count: int) -> float:
        start = time.thread_time()  # the clock's would hide what is done while the other end is still reading
        for _ in range(count):
            asyncio.run(_called(app, send))
        return time.thread_time() - start

    return calls


async def _called(app: AsgiApp, send: Any) -> None:
    await app(asgi_request(SHORT), nothing_more, send)


def _growth(app: AsgiApp, target: socket.socket) -> int:
    """By how many bytes the process grows during one stream."""
    seen = [resident()]
    count = 0

    async def send(message: Any) -> None:
        nonlocal count
        target.sendall(message.get("body", b""))
        count += 1
        if count % _SAMPLED == 0:
            seen.append(resident())

    asyncio.run(_called(app, send))
    return max(seen) - seen[0]
