"""A million users with a cache of ten thousand: memory, and the slowest insert."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.machine import resident_bytes
from benchmarks.rounds import Estimate, exact
from benchmarks.traffic import SHORT_HEADERS, response_body, wsgi_app, wsgi_request
from widgetmw import User, testing
from widgetmw.core.engine import Engine
from widgetmw.wsgi import WidgetMiddleware

CASE = "A million users, cache of 10,000"
USERS, KEPT, INSERTS, REPEATS = 1_000_000, 10_000, 25_000, 3
LIFETIME = 3600


def measure(effort: Effort) -> Section:
    """Measures memory through the whole middleware, and inserts on their own."""
    count, inserts = effort.scaled(USERS), effort.scaled(INSERTS, 100)
    cached = min(KEPT, count // 4)
    before, after = _memory(count, cached)
    case = CASE if (count, cached) == (USERS, KEPT) else f"{count:,} users, cache of {cached:,}"
    return Section(
        [
            Finding(
                case, "memory of one entry, with its part of the page", exact(_entry(cached) / 1000), "KB", limit=1.5
            ),
            Finding(
                case,
                f"growth of resident memory after user {2 * cached:,}; target: a tenth of what the cache can hold",
                exact((after - before) / 1e6),
                "MB",
                limit=cached * 1.5e-4,
            ),
            *_slowest(case, cached, inserts),
        ]
    )


def users(first: int, last: int) -> Iterable[User]:
    """Creates users."""
    return (User(f"user-{number:08}", name=f"Number {number}") for number in range(first, last))


class Site:
    """An app in the middleware, with a cache of a given size."""

    def __init__(self, cached: int) -> None:
        self._user: User | None = None
        settings = testing.settings("digitalgenius", WIDGETMW_CACHE_SIZE=str(cached))
        self._app = WidgetMiddleware(wsgi_app(PAGE), settings, user=lambda environ: self._user)

    def visit(self, people: Iterable[User]) -> None:
        """Requests one page for each user."""
        request = wsgi_request(SHORT_HEADERS)
        for self._user in people:
            assert len(response_body(self._app, request.copy())) > len(PAGE)


PAGE = b"<!doctype html><html><head><title>Shop</title></head><body></body></html>"


def _entry(cached: int) -> float:
    """Returns the bytes of one cached user: the ``User``, the token, and its part of the page."""
    site = Site(cached)
    site.visit(users(0, 1))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    site.visit(users(1, cached))
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / (cached - 1)


def _memory(count: int, cached: int) -> tuple[int, int]:
    """Returns resident bytes after the cache has been filled twice, and at the end."""
    site = Site(cached)
    site.visit(users(0, 2 * cached))
    gc.collect()
    before = resident_bytes()
    site.visit(users(2 * cached, count))
    gc.collect()
    return before, resident_bytes()


def _slowest(case: str, cached: int, inserts: int) -> list[Finding]:
    what = "slowest of {:,} inserts (best of three runs each)"
    found = []
    for with_gc in (False, True):
        suffix = "" if with_gc else ", garbage collector off"
        plain = slowest(partial(inserted, cached, inserts, with_gc, 0))
        expired = slowest(partial(inserted, cached, cached, with_gc, LIFETIME + 1))
        found += [
            Finding(case, f"{what.format(inserts)}{suffix}", plain, "µs", limit=1000),
            Finding(case, f"{what.format(cached)}, all entries expired{suffix}", expired, "µs", limit=1000),
        ]
    return found


def slowest(tries: Callable[[], list[float]]) -> Estimate:
    """Returns the slowest of all inserts, where each insert counts at its fastest of a few runs.

    Work of the cache itself, such as resizing a table, happens at the same insert in each run. Disturbances, such as
    interrupts, do not; they only show in the upper end of the interval, which uses the median of the runs.
    """
    each = list(zip(*(tries() for _ in range(REPEATS)), strict=True))
    value = max(map(min, each))
    return Estimate(value, value, max(map(median, each)))


def inserted(cached: int, inserts: int, with_gc: bool, later: float) -> list[float]:
    """Returns the microseconds of each insert into a full cache, including the token's signature.

    Args:
        cached: Size of the cache.
        inserts: Number of inserts.
        with_gc: Whether the garbage collector may run in between.
        later: Seconds that pass between filling the cache and the first insert.
    """
    clock = testing.Clock()
    settings = testing.settings(
        "digitalgenius", clock=clock, WIDGETMW_CACHE_SIZE=str(cached), DG_TOKEN_TTL=str(LIFETIME)
    )
    tokens = Engine(settings).tokens
    for user in users(0, cached):
        tokens.get(user)
    clock.move(later)
    people, times = list(users(cached, cached + inserts)), [0.0] * inserts
    gc.collect()
    (gc.enable if with_gc else gc.disable)()
    for index, user in enumerate(people):
        start = time.thread_time_ns()  # with elapsed time, other programs would decide which insert is slowest
        tokens.get(user)
        times[index] = (time.thread_time_ns() - start) / 1000
    gc.enable()
    return times
