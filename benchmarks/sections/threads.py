"""Threads: sixty-four that request the same uncached user at once, and whether two get more done than one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from threading import Barrier, Thread
from typing import Any

from benchmarks import machine
from benchmarks.baselines import wsgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Estimate, exact, spread
from benchmarks.subject import new_user, settings, snippets, wsgi_widgetmw
from benchmarks.traffic import SHORT_HEADERS, WsgiApp, response_body, wsgi_request
from widgetmw import User
from widgetmw.core.engine import Engine
from widgetmw.core.tokens.cache import TokenCache

CASE = "Threads on separate cores"
THREADS, TRIES = 64, 50
PAGES, REPEATS, MOST = 5_000, 9, 8


def measure(effort: Effort) -> Section:
    """Counts signed tokens, and measures pages per second."""
    mints = [count_minted(f"user-{number}") for number in range(effort.scaled(TRIES, 2))]
    cold = Finding(
        "64 threads requesting one uncached user", "most tokens signed in any run", exact(max(mints)), "", limit=1
    )
    return Section([cold, *_scaling(effort)])


def count_minted(id: str) -> int:
    """Returns how many tokens the package signs for all threads, by its own count."""
    engine = Engine(settings())
    barrier = Barrier(THREADS)
    _run_in_parallel([partial(_get_tokens, engine.tokens, id, barrier) for _ in range(THREADS)])
    return engine.events.counts["tokens_minted:digitalgenius"]


def _get_tokens(tokens: TokenCache, id: str, barrier: Barrier) -> None:
    user = User(id)
    barrier.wait()
    tokens.get(user)


def _run_in_parallel(work: Iterable[Callable[[], None]]) -> None:
    threads = [Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _scaling(effort: Effort) -> list[Finding]:
    threads = min(MOST, max(2, len(machine.CORES)))
    minimal = partial(wsgi_minimal_injector, user=new_user, snippets=snippets())
    apps = {
        "app alone": rendering,
        "minimal injector": minimal(rendering),
        "widgetmw": wsgi_widgetmw(rendering, new_user),
    }
    machine.unpin()
    try:
        count, repeats = effort.scaled(PAGES, 10), effort.scaled(REPEATS, 2)
        found = {name: scaling(app, threads, count, repeats) for name, app in apps.items()}
    finally:
        machine.pin()
    what = f"pages per second, {threads} threads / 1 thread"
    return [Finding(CASE, f"{what}: {name}", estimate, at_least=True) for name, estimate in found.items()]


def rendering(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that shares nothing between requests: it builds each page anew."""
    body = b"<!doctype html>\n<html><head><title>Shop</title></head><body>" + b"<p>%d</p>" % id(environ) * 600
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def scaling(app: WsgiApp, threads: int, count: int, repeats: int) -> Estimate:
    """Returns pages per second of all threads together, relative to one thread, by elapsed time."""
    return spread([rate(app, threads, count) / rate(app, 1, count) for _ in range(repeats)])


def rate(app: WsgiApp, threads: int, count: int) -> float:
    """Returns pages per second of ``threads`` threads that request ``count`` pages each."""
    barrier = Barrier(threads)
    times: list[float] = []

    def work() -> None:
        for _ in range(count // 10):
            response_body(app, wsgi_request(SHORT_HEADERS))
        barrier.wait()
        start = time.perf_counter()
        for _ in range(count):
            response_body(app, wsgi_request(SHORT_HEADERS))
        times.extend((start, time.perf_counter()))

    _run_in_parallel([work] * threads)
    return threads * count / (max(times) - min(times))
