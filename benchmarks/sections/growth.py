"""How the cost of a page grows: with its size, what stands before and in its head, users, vendors, chunks, threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from threading import Thread
from typing import Any, TypeAlias

from benchmarks.baselines import asgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Growth, Section
from benchmarks.machine import CORES
from benchmarks.rounds import Batch, Rounds, interleaved
from benchmarks.sections.asgi import Wraps, around
from benchmarks.servers import gunicorn, loaded, wrk
from benchmarks.subject import asgi_ours, settings, signed_in, snippets, wsgi_ours
from benchmarks.traffic import SHORT, AsgiApp, Loop, asgi_answering, looping, page, wsgi_answering, wsgi_batch
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
_OTHERS = 50


def measure(effort: Effort) -> Section:
    """Measures each by itself, with fewer rounds than the rows of the table have."""
    less = Effort(effort.name, effort.of(round(effort.rounds * SHARE), 3), effort.batch, effort.scale)
    with looping() as loop:
        made = [
            _grown("page size", "bytes", SIZES, partial(_size, loop, less)),
            _grown("before the head, or in it", "bytes", HEADS, partial(_head, loop, less)),
            _grown("users", "", USERS, partial(_users, loop, less)),
            _grown("vendors", "", VENDORS, partial(_vendors, loop, less)),
            _grown("chunks of a 64 KB page", "", CHUNKS, partial(_chunks, loop, less)),
        ]
    made.append(_grown("threads", "", THREADS, partial(_threads, less), "µs per page of all threads, WSGI"))
    return Section(growth=[*made, *_processes(effort)])


def _grown(
    by: str, unit: str, points: Points, measured: Callable[[int], dict[str, float]], what: str = OVERHEAD
) -> Growth:
    found = [measured(point) for point in points]
    return Growth(by, unit, what, points, {name: [each[name] for each in found] for name in found[0]})


def _overheads(rounds: Rounds, *names: str) -> dict[str, float]:
    return {name: rounds.cost(name, "bare").value for name in names}


def _least(app: AsgiApp) -> AsgiApp:
    return asgi_least_injecting(app, signed_in, snippets())


def _size(loop: Loop, effort: Effort, size: int) -> dict[str, float]:
    wraps = {"widgetmw": asgi_ours, "least injecting": _least}
    return _overheads(around(loop, asgi_answering(page(size)), SHORT, wraps, effort), *wraps)


def _head(loop: Loop, effort: Effort, size: int) -> dict[str, float]:
    before = page(10_000, before=size)
    others = [before.replace(b"<!--", b"<!--%08d" % number, 1) for number in range(_OTHERS)]
    apps = {
        "before the head": asgi_answering(before),
        "before the head, other bytes each time": _turning(others),
        "in the head": asgi_answering(page(10_000, head=size)),
    }
    found = {}
    for name, app in apps.items():
        rounds = around(loop, app, SHORT, {"widgetmw": asgi_ours}, effort)
        found[name] = rounds.cost("widgetmw", "bare").value
    return found


def _turning(bodies: Iterable[bytes]) -> AsgiApp:
    """An app that answers with one page after the other."""
    apps = cycle([asgi_answering(body) for body in bodies])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await next(apps)(scope, receive, send)

    return app


def _users(loop: Loop, effort: Effort, count: int) -> dict[str, float]:
    people = [User(f"user-{number}") for number in range(count)]
    who = cycle(people)
    app = asgi_answering(page())
    ours = WidgetMiddleware(app, settings(), user=lambda scope: next(who))
    _warm(loop, ours, people)
    rounds = interleaved({"bare": loop.batch(app, SHORT), "widgetmw": loop.batch(ours, SHORT)}, effort)
    return _overheads(rounds, "widgetmw")


def _warm(loop: Loop, app: AsgiApp, people: Iterable[User]) -> None:
    for _ in people:
        loop.answer(app, SHORT)


def _vendors(loop: Loop, effort: Effort, count: int) -> dict[str, float]:
    numbers = iter(range(1 << 40))
    wraps: Wraps = {
        "widgetmw": partial(asgi_ours, vendors=count),
        "a user's first page": lambda app: asgi_ours(app, lambda scope: User(f"user-{next(numbers)}"), count),
    }
    return _overheads(around(loop, asgi_answering(page()), SHORT, wraps, effort), *wraps)


def _chunks(loop: Loop, effort: Effort, count: int) -> dict[str, float]:
    wraps = {"widgetmw": asgi_ours}
    return _overheads(around(loop, asgi_answering(page(65_536), chunks=count), SHORT, wraps, effort), "widgetmw")


def _threads(effort: Effort, count: int) -> dict[str, float]:
    app = wsgi_answering(page())
    apps = {"without": app, "widgetmw": wsgi_ours(app)}
    rounds = interleaved({name: _shared(wsgi_batch(each, SHORT), count) for name, each in apps.items()}, effort)
    return {name: rounds.cost(name).value for name in apps}


def _shared(batch: Batch, threads: int) -> Batch:
    """The same number of operations by several threads."""

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
    """Requests per second of a Flask app on gunicorn; needs wrk, and every core there is."""
    if wrk() is None:
        return []
    counts = range(1, min(4, len(CORES) or 1) + 1)
    found: dict[str, list[float]] = {"without": [], "ours": []}
    for workers in counts:
        rates = _rates(workers, effort.of(6, 1), max(1.0, 2 * effort.scale))
        for name, rate in rates.items():
            found[name].append(rate)
    lines: dict[str, Any] = {"without": found["without"], "widgetmw": found["ours"]}
    return [
        Growth("worker processes, Flask + Jinja on gunicorn", "", "requests per second, best turn", list(counts), lines)
    ]


def _rates(workers: int, turns: int, seconds: float) -> dict[str, float]:
    rates: dict[str, list[float]] = {"without": [], "ours": []}
    with ExitStack() as stack:
        sites = {
            name: stack.enter_context(gunicorn(f"benchmarks.sites.flask_shop:{name}", workers)).signed_in()
            for name in rates
        }
        for turn in range(turns):
            for name in sorted(sites, reverse=bool(turn % 2)):
                rates[name].append(loaded(sites[name], "/", seconds).per_second)
    return {name: max(each) for name, each in rates.items()}  # a turn is slow where one worker gets most of the clients
