"""Threads: sixty-four that ask for the same cold user at once, and whether two get more done than one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from threading import Barrier, Thread
from typing import Any

from benchmarks import machine
from benchmarks.baselines import wsgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Estimate, exact, spread
from benchmarks.subject import made_anew, settings, snippets, wsgi_ours
from benchmarks.traffic import SHORT, WsgiApp, served, wsgi_request
from widgetmw import User
from widgetmw.core.tokens.cache import TokenCache

CASE = "Threads on cores of their own"
THREADS, TRIES = 64, 50
PAGES, REPEATS, MOST = 5_000, 9, 8


def measure(effort: Effort) -> Section:
    """Counts mints, and pages per second."""
    mints = [minted(f"user-{number}") for number in range(effort.of(TRIES, 2))]
    cold = Finding("64 threads asking for one cold user", "most mints of all tries", exact(max(mints)), "", limit=1)
    return Section([cold, *_scaling(effort)])


def minted(id: str) -> int:
    """How many tokens the threads cause to be made, by the package's own count."""
    widget = Engine(settings())
    barrier = Barrier(THREADS)
    _together([partial(_ask, widget.tokens, id, barrier) for _ in range(THREADS)])
    return widget.events.counts["token:minted"]


def _ask(tokens: TokenCache, id: str, barrier: Barrier) -> None:
    user = User(id)
    barrier.wait()
    tokens.get(user)


def _together(work: Iterable[Callable[[], None]]) -> None:
    threads = [Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _scaling(effort: Effort) -> list[Finding]:
    threads = min(MOST, max(2, len(machine.CORES)))
    least = partial(wsgi_least_injecting, user=made_anew, snippets=snippets())
    apps = {
        "the app alone": rendering,
        "least injecting": least(rendering),
        "widgetmw": wsgi_ours(rendering, made_anew),
    }
    machine.unpin()
    try:
        count, repeats = effort.of(PAGES, 10), effort.of(REPEATS, 2)
        found = {name: scaling(app, threads, count, repeats) for name, app in apps.items()}
    finally:
        machine.pin()
    what = f"pages per second of {threads} threads / of one"
    return [Finding(CASE, f"{what}: {name}", estimate, at_least=True) for name, estimate in found.items()]


def rendering(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that shares nothing between requests: each page is made anew."""
    body = b"<!doctype html>\n<html><head><title>Shop</title></head><body>" + b"<p>%d</p>" % id(environ) * 600
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def scaling(app: WsgiApp, threads: int, count: int, repeats: int) -> Estimate:
    """Returns pages per second of all threads together over those of one, by the clock."""
    return spread([rate(app, threads, count) / rate(app, 1, count) for _ in range(repeats)])


def rate(app: WsgiApp, threads: int, count: int) -> float:
    """Pages per second of so many threads, each of which asks for so many."""
    barrier = Barrier(threads)
    times: list[float] = []

    def work() -> None:
        for _ in range(count // 10):
            served(app, wsgi_request(SHORT))
        barrier.wait()
        start = time.perf_counter()
        for _ in range(count):
            served(app, wsgi_request(SHORT))
        times.extend((start, time.perf_counter()))

    _together([work] * threads)
    return threads * count / (max(times) - min(times))
