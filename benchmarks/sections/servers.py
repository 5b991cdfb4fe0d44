"""Whole apps on real servers, asked from outside: requests per second, bytes per second, time to the first byte.

The server has one core to itself, with and without in turns; wrk, or whoever else asks, has the others.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from statistics import quantiles

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Rounds
from benchmarks.sections.endpoint import CASE as ENDPOINT
from benchmarks.sections.endpoint import CONSTANT, PATH
from benchmarks.sections.stream import CASE as STREAM
from benchmarks.servers import Load, Site, gunicorn, loaded, uvicorn, wrk

Serve = Callable[[str], AbstractContextManager[Site]]

MARK = b"data-widgetmw"
TURNS, SECONDS = 24, 1.0
FIRST_BYTES, STREAMS = 200, 10
_READ = 1 << 20


def measure(effort: Effort) -> Section:
    """Measures all of it; without wrk what can be had without."""
    if wrk() is None:
        why = "wrk is not here and could not be installed: no requests per second were measured"
        return Section(_streams(effort), notes=[why])
    shops = (
        ("Starlette + Jinja on uvicorn", uvicorn, "benchmarks.sites.starlette_shop", 0.97),
        ("Flask + Jinja on gunicorn threads", gunicorn, "benchmarks.sites.flask_shop", 0.98),
    )
    found = [finding for shop in shops for finding in _shop(*shop, effort)]
    return Section([*found, *_endpoint(effort), *_streams(effort)])


def _shop(case: str, serve: Serve, module: str, limit: float, effort: Effort) -> list[Finding]:
    with ExitStack() as stack:
        sites = {name: stack.enter_context(serve(f"{module}:{name}")).signed_in() for name in ("without", "ours")}
        assert MARK not in sites["without"].get(), "the app without ours has our script"
        assert MARK in sites["ours"].get(), "the app with ours lacks our script"
        turns = _turns({name: (site, "/") for name, site in sites.items()}, effort)
    return turns.findings(case, "without", "requests per second with / without", limit)


def _endpoint(effort: Effort) -> list[Finding]:
    with uvicorn("benchmarks.sites.plain:route") as route, uvicorn("benchmarks.sites.plain:endpoint") as ours:
        assert b"expires_in" in ours.get(PATH)
        turns = _turns({"route": (route, CONSTANT), "ours": (ours, PATH)}, effort)
    return turns.findings(ENDPOINT, "route", "the same over uvicorn", 0.9)


@dataclass(frozen=True)
class Turns:
    """What two servers did in turns.

    Attributes:
        waited: microseconds of the clock per request.
        worked: microseconds of the server's processes per request, or ``None``.
    """

    waited: Rounds
    worked: Rounds | None

    def findings(self, case: str, base: str, measure: str, limit: float) -> list[Finding]:
        """Returns requests per second beside those of the base, and the same without the noise of other programs."""
        found = [Finding(case, measure, self.waited.ratio(base, "ours"), limit=limit, at_least=True)]
        if self.worked is not None:
            share = self.worked.ratio(base, "ours")
            found.append(Finding(case, f"{measure}, by the server's own time at work", share, at_least=True))
        return found


def _turns(sites: dict[str, tuple[Site, str]], effort: Effort) -> Turns:
    turns = effort.of(TURNS, 3)
    loads: dict[str, list[Load]] = {name: [] for name in sites}
    for site, path in sites.values():
        loaded(site, path, 1)  # warm
    for turn in range(turns):
        for name in sorted(sites, reverse=bool(turn % 2)):
            loads[name].append(loaded(*sites[name], SECONDS))
    waited = Rounds({name: [1e6 / load.per_second for load in each] for name, each in loads.items()})
    known = all(load.work for each in loads.values() for load in each)
    work = {name: [(load.work or 0) * 1e6 for load in each] for name, each in loads.items()}
    return Turns(waited, Rounds(work) if known else None)


def _streams(effort: Effort) -> list[Finding]:
    whole = _downloads("long", effort.of(STREAMS, 3), _whole)
    first = _downloads("short", effort.of(FIRST_BYTES, 20), _first_byte)
    quarters = quantiles(first.times["without"], n=4)
    noise = (quarters[2] - quarters[0]) / quarters[1]
    return [
        Finding(STREAM, "the same over uvicorn", whole.ratio("without", "ours"), limit=0.95, at_least=True),
        Finding(
            STREAM,
            "time to first byte with / without, over uvicorn; target: the middle half of those without",
            first.ratio("ours", "without"),
            limit=1 + noise,
        ),
    ]


def _downloads(name: str, turns: int, timed: Callable[[Site], float]) -> Rounds:
    times: dict[str, list[float]] = {"without": [], "ours": []}
    app = f"benchmarks.sites.plain:{name}"
    with uvicorn(app) as without, uvicorn(f"{app}_ours") as ours:
        sites = {"without": without, "ours": ours}
        for site in sites.values():
            timed(site)
        for turn in range(turns):
            for each in sorted(sites, reverse=bool(turn % 2)):
                times[each].append(timed(sites[each]) * 1e6)
    return Rounds(times)


def _whole(site: Site) -> float:
    start = time.perf_counter()
    _asked(site, time.perf_counter)
    return time.perf_counter() - start


def _first_byte(site: Site) -> float:
    start = time.perf_counter()
    return _asked(site, time.perf_counter) - start


def _asked(site: Site, clock: Callable[[], float]) -> float:
    """Reads an answer, and returns when its first byte was there."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    try:
        connection.request("GET", "/", headers={"Accept": "text/html", "Cookie": "session=1"})
        answer = connection.getresponse()
        answer.read(1)
        first = clock()
        while answer.read(_READ):
            pass
        return first
    finally:
        connection.close()
