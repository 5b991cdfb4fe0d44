"""A million different users through a cache of ten thousand: memory, and the slowest insert of all."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.machine import resident
from benchmarks.rounds import Estimate, exact
from benchmarks.traffic import SHORT, served, wsgi_answering, wsgi_request
from widgetmw import User, testing
from widgetmw.wsgi import WidgetMiddleware

CASE = "A million users through a cache of 10,000"
USERS, KEPT, INSERTS, REPEATS = 1_000_000, 10_000, 25_000, 3
LIFETIME = 3600


def measure(effort: Effort) -> Section:
    """Measures memory through the whole middleware, and single inserts by themselves."""
    count, inserts = effort.of(USERS), effort.of(INSERTS, 100)
    kept = min(KEPT, count // 4)
    before, after = _memory(count, kept)
    case = CASE if (count, kept) == (USERS, KEPT) else f"{count:,} users through a cache of {kept:,}"
    return Section(
        [
            Finding(case, "an entry, with its page", exact(_entry(kept) / 1000), "KB", limit=1.5),
            Finding(
                case,
                f"growth of resident memory after the {2 * kept:,}th user; target: a tenth of what the cache may hold",
                exact((after - before) / 1e6),
                "MB",
                limit=kept * 1.5e-4,
            ),
            *_slowest(case, kept, inserts),
        ]
    )


def users(first: int, last: int) -> Iterable[User]:
    """Users whom nobody has seen before."""
    return (User(f"user-{number:08}", name=f"Number {number}") for number in range(first, last))


class Site:
    """A page in the middleware, with a cache of a given size."""

    def __init__(self, kept: int) -> None:
        self._user: User | None = None
        settings = testing.settings("digitalgenius", WIDGETMW_CACHE_SIZE=str(kept))
        self._app = WidgetMiddleware(wsgi_answering(PAGE), settings, user=lambda environ: self._user)

    def visit(self, people: Iterable[User]) -> None:
        """One page for each."""
        request = wsgi_request(SHORT)
        for self._user in people:
            assert len(served(self._app, request.copy())) > len(PAGE)


PAGE = b"<!doctype html><html><head><title>Shop</title></head><body></body></html>"


def _entry(kept: int) -> float:
    """Bytes of one user in the cache: the user object, the token, and its part of the page."""
    site = Site(kept)
    site.visit(users(0, 1))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    site.visit(users(1, kept))
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / (kept - 1)


def _memory(count: int, kept: int) -> tuple[int, int]:
    """Resident bytes when the cache has been filled twice, and at the end."""
    site = Site(kept)
    site.visit(users(0, 2 * kept))
    gc.collect()
    before = resident()
    site.visit(users(2 * kept, count))
    gc.collect()
    return before, resident()


def _slowest(case: str, kept: int, inserts: int) -> list[Finding]:
    what = "slowest of {:,} inserts, each at its fastest of three"
    found = []
    for collecting in (False, True):
        suffix = "" if collecting else ", garbage collector off"
        plain = slowest(partial(inserted, kept, inserts, collecting, 0))
        expired = slowest(partial(inserted, kept, kept, collecting, LIFETIME + 1))
        found += [
            Finding(case, f"{what.format(inserts)}{suffix}", plain, "µs", limit=1000),
            Finding(case, f"{what.format(kept)}, when all expire together{suffix}", expired, "µs", limit=1000),
        ]
    return found


def slowest(tries: Callable[[], list[float]]) -> Estimate:
    """Returns the slowest of all inserts, each at its fastest of a few tries of the same inserts.

    What an insert has to do, such as making a table smaller, comes at the same insert each time. What the system does
    meanwhile, such as an interrupt, does not; it is left in the upper end of the interval, the median of the tries.
    """
    each = list(zip(*(tries() for _ in range(REPEATS)), strict=True))
    value = max(map(min, each))
    return Estimate(value, value, max(map(median, each)))


def inserted(kept: int, inserts: int, collecting: bool, later: float) -> list[float]:
    """Microseconds of so many inserts into a full cache, the signature of the token included.

    Args:
        kept: size of the cache.
        inserts: how many.
        collecting: whether the garbage collector may run in between.
        later: seconds that pass between filling the cache and the first of them.
    """
    clock = testing.Clock()
    settings = testing.settings("digitalgenius", clock=clock, WIDGETMW_CACHE_SIZE=str(kept), DG_TOKEN_TTL=str(LIFETIME))
    tokens = Engine(settings).tokens
    for user in users(0, kept):
        tokens.get(user)
    clock.move(later)
    people, times = list(users(kept, kept + inserts)), [0.0] * inserts
    gc.collect()
    (gc.enable if collecting else gc.disable)()
    for place, user in enumerate(people):
        start = time.thread_time_ns()  # not the clock's: other programs would be the slowest insert
        tokens.get(user)
        times[place] = (time.thread_time_ns() - start) / 1000
    gc.enable()
    return times
