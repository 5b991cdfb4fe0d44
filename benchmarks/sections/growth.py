"""How the cost of a page grows: with size, content before and in the head, users, vendors, chunks and threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from threading import Thread
from typing import Any, TypeAlias

from benchmarks.baselines import asgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Growth, Section
from benchmarks.machine import CORES
from benchmarks.rounds import Batch, Rounds, run_interleaved
from benchmarks.sections.asgi import Wraps, around
from benchmarks.servers import gunicorn, run_wrk, wrk
from benchmarks.subject import asgi_widgetmw, settings, signed_in, snippets, wsgi_widgetmw
from benchmarks.traffic import SHORT_HEADERS, AsgiApp, Loop, asgi_app, event_loop, page, wsgi_app, wsgi_batch
from widgetmw import User
from widgetmw.asgi import WidgetMiddleware

Points: TypeAlias = Sequence[int]

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
HEADS = (100, 300, 1_000, 3_000, 10_000, 30_000)
USERS = (1, 10, 100, 1_000, 10_000)
VENDORS = (1, 2, 3, 4)
CHUNKS = (1, 2, 4, 8, 16, 32, 64)
THREADS = (1, 2, 4, 8, 16, 32)
OVERHEAD = "µs added to a page, ASGI"
SHARE = 0.3
_VARIANTS = 50


def measure(effort: Effort) -> Section:
    """Measures one quantity at a time, with fewer rounds than the table of targets."""
    shorter = Effort(effort.name, effort.scaled(round(effort.rounds * SHARE), 3), effort.batch, effort.scale)
    with event_loop() as loop:
        found = [
            _growth("page size", "bytes", SIZES, partial(_size, loop, shorter)),
            _growth("content before or in the head", "bytes", HEADS, partial(_head, loop, shorter)),
            _growth("users", "", USERS, partial(_users, loop, shorter)),
            _growth("vendors", "", VENDORS, partial(_vendors, loop, shorter)),
            _growth("chunks of a 64 KB page", "", CHUNKS, partial(_chunks, loop, shorter)),
        ]
    found.append(_growth("threads", "", THREADS, partial(_threads, shorter), "µs per page of all threads, WSGI"))
    return Section(growth=[*found, *_processes(effort)])


def _growth(
    by: str, unit: str, points: Points, measured: Callable[[int], dict[str, float]], what: str = OVERHEAD
) -> Growth:
    found = [measured(point) for point in points]
    return Growth(by, unit, what, points, {name: [each[name] for each in found] for name in found[0]})


def _overheads(rounds: Rounds, *names: str) -> dict[str, float]:
    return {name: rounds.cost(name, "bare").value for name in names}


def _minimal(app: AsgiApp) -> AsgiApp:
    return asgi_minimal_injector(app, signed_in, snippets())


def _size(loop: Loop, effort: Effort, size: int) -> dict[str, float]:
    wraps = {"widgetmw": asgi_widgetmw, "minimal injector": _minimal}
    return _overheads(around(loop, asgi_app(page(size)), SHORT_HEADERS, wraps, effort), *wraps)


def _head(loop: Loop, effort: Effort, size: int) -> dict[str, float]:
    before = page(10_000, before=size)
    variants = [before.replace(b"<!--", b"<!--%08d" % number, 1) for number in range(_VARIANTS)]
    apps = {
        "before the head": asgi_app(before),
        "before the head, different in each response": _rotating(variants),
        "in the head": asgi_app(page(10_000, head=size)),
    }
    found = {}
    for name, app in apps.items():
        rounds = around(loop, app, SHORT_HEADERS, {"widgetmw": asgi_widgetmw}, effort)
        found[name] = rounds.cost("widgetmw", "bare").value
    return found


def _rotating(bodies: Iterable[bytes]) -> AsgiApp:
    """Returns an app that responds with one page after the other."""
    apps = cycle([asgi_app(body) for body in bodies])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await next(apps)(scope, receive, send)

    return app


def _users(loop: Loop, effort: Effort, count: int) -> dict[str, float]:
    people = [User(f"user-{number}") for number in range(count)]
    who = cycle(people)
    app = asgi_app(page())
    wrapped = WidgetMiddleware(app, settings(), user=lambda scope: next(who))
    _warm(loop, wrapped, people)
    rounds = run_interleaved(
        {"bare": loop.batch(app, SHORT_HEADERS), "widgetmw": loop.batch(wrapped, SHORT_HEADERS)}, effort
    )
    return _overheads(rounds, "widgetmw")


def _warm(loop: Loop, app: AsgiApp, people: Iterable[User]) -> None:
    for _ in people:
        loop.get(app, SHORT_HEADERS)


def _vendors(loop: Loop, effort: Effort, count: int) -> dict[str, float]:
    numbers = iter(range(1 << 40))
    wraps: Wraps = {
        "widgetmw": partial(asgi_widgetmw, vendors=count),
        "a user's first page": lambda app: asgi_widgetmw(app, lambda scope: User(f"user-{next(numbers)}"), count),
    }
    return _overheads(around(loop, asgi_app(page()), SHORT_HEADERS, wraps, effort), *wraps)


def _chunks(loop: Loop, effort: Effort, count: int) -> dict[str, float]:
    wraps = {"widgetmw": asgi_widgetmw}
    return _overheads(around(loop, asgi_app(page(65_536), chunks=count), SHORT_HEADERS, wraps, effort), "widgetmw")


def _threads(effort: Effort, count: int) -> dict[str, float]:
    app = wsgi_app(page())
    apps = {"without": app, "widgetmw": wsgi_widgetmw(app)}
    rounds = run_interleaved(
        {name: _shared(wsgi_batch(each, SHORT_HEADERS), count) for name, each in apps.items()}, effort
    )
    return {name: rounds.cost(name).value for name in apps}


def _shared(batch: Batch, threads: int) -> Batch:
    """Splits a batch among several threads."""

    def calls(count: int) -> float:
        share = -(-count // threads)
        workers = [Thread(target=batch, args=(share,)) for _ in range(threads)]
        start = time.process_time()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return (time.process_time() - start) * count / (share * threads)

    return calls


def _processes(effort: Effort) -> list[Growth]:
    """Measures requests per second of a Flask app on gunicorn; needs wrk, and uses all cores."""
    if wrk() is None:
        return []
    counts = range(1, min(4, len(CORES) or 1) + 1)
    found: dict[str, list[float]] = {"without": [], "with_widgetmw": []}
    for workers in counts:
        rates = _rates(workers, effort.scaled(6, 1), max(1.0, 2 * effort.scale))
        for name, rate in rates.items():
            found[name].append(rate)
    lines: dict[str, Any] = {"without": found["without"], "widgetmw": found["with_widgetmw"]}
    return [
        Growth("worker processes, Flask + Jinja on gunicorn", "", "requests per second, best run", list(counts), lines)
    ]


def _rates(workers: int, turns: int, seconds: float) -> dict[str, float]:
    rates: dict[str, list[float]] = {"without": [], "with_widgetmw": []}
    with ExitStack() as stack:
        sites = {
            name: stack.enter_context(gunicorn(f"benchmarks.sites.flask_shop:{name}", workers)).signed_in()
            for name in rates
        }
        for turn in range(turns):
            for name in sorted(sites, reverse=bool(turn % 2)):
                rates[name].append(run_wrk(sites[name], "/", seconds).per_second)
    # the best turn counts: a turn is slow if one worker gets most of the connections
    return {name: max(each) for name, each in rates.items()}
