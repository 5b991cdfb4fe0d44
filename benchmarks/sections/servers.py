"""Whole apps on real servers, with requests from outside: requests per second, throughput, time to the first byte.

The server has one core to itself; the client (wrk, or this process) has the others. Runs with and without the package
alternate.
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
from benchmarks.servers import Load, Site, gunicorn, run_wrk, uvicorn, wrk

Serve = Callable[[str], AbstractContextManager[Site]]

MARKER = b"data-widgetmw"
TURNS, SECONDS = 24, 1.0
FIRST_BYTES, STREAMS = 200, 10
_READ = 1 << 20


def measure(effort: Effort) -> Section:
    """Measures all of it, or without wrk only what does not need wrk."""
    if wrk() is None:
        why = "wrk is not available and could not be installed: requests per second were not measured"
        return Section(_streams(effort), notes=[why])
    shops = (
        ("Starlette + Jinja on uvicorn", uvicorn, "benchmarks.sites.starlette_shop", 0.97),
        ("Flask + Jinja on gunicorn threads", gunicorn, "benchmarks.sites.flask_shop", 0.98),
    )
    found = [finding for shop in shops for finding in _shop(*shop, effort)]
    return Section([*found, *_endpoint(effort), *_streams(effort)])


def _shop(case: str, serve: Serve, module: str, limit: float, effort: Effort) -> list[Finding]:
    with ExitStack() as stack:
        sites = {
            name: stack.enter_context(serve(f"{module}:{name}")).signed_in() for name in ("without", "with_widgetmw")
        }
        assert MARKER not in sites["without"].get(), "the bare app has our script"
        assert MARKER in sites["with_widgetmw"].get(), "the wrapped app lacks our script"
        turns = _turns({name: (site, "/") for name, site in sites.items()}, effort)
    return turns.findings(case, "without", "requests per second with / without", limit)


def _endpoint(effort: Effort) -> list[Finding]:
    with uvicorn("benchmarks.sites.plain:route") as route, uvicorn("benchmarks.sites.plain:endpoint") as endpoint:
        assert b"expires_in" in endpoint.get(PATH)
        turns = _turns({"route": (route, CONSTANT), "with_widgetmw": (endpoint, PATH)}, effort)
    return turns.findings(ENDPOINT, "route", "over uvicorn: requests per second / those of the Starlette route", 0.9)


@dataclass(frozen=True)
class Turns:
    """The load on two servers in alternate turns.

    Attributes:
        elapsed: Microseconds of elapsed time per request.
        cpu: Microseconds of the server's CPU time per request, or ``None``.
    """

    elapsed: Rounds
    cpu: Rounds | None

    def findings(self, case: str, base: str, measure: str, limit: float) -> list[Finding]:
        """Returns requests per second relative to the base, by elapsed time and by CPU time."""
        found = [Finding(case, measure, self.elapsed.ratio(base, "with_widgetmw"), limit=limit, at_least=True)]
        if self.cpu is not None:
            share = self.cpu.ratio(base, "with_widgetmw")
            found.append(Finding(case, f"{measure}, by the server's CPU time", share, at_least=True))
        return found


def _turns(sites: dict[str, tuple[Site, str]], effort: Effort) -> Turns:
    turns = effort.scaled(TURNS, 3)
    loads: dict[str, list[Load]] = {name: [] for name in sites}
    for site, path in sites.values():
        run_wrk(site, path, 1)  # warm up
    for turn in range(turns):
        for name in sorted(sites, reverse=bool(turn % 2)):
            loads[name].append(run_wrk(*sites[name], SECONDS))
    elapsed = Rounds({name: [1e6 / load.per_second for load in each] for name, each in loads.items()})
    known = all(load.cpu_seconds for each in loads.values() for load in each)
    cpu_seconds = {name: [(load.cpu_seconds or 0) * 1e6 for load in each] for name, each in loads.items()}
    return Turns(elapsed, Rounds(cpu_seconds) if known else None)


def _streams(effort: Effort) -> list[Finding]:
    whole = _downloads("long", effort.scaled(STREAMS, 3), _whole)
    first = _downloads("short", effort.scaled(FIRST_BYTES, 20), _first_byte)
    quarters = quantiles(first.times["without"], n=4)
    noise = (quarters[2] - quarters[0]) / quarters[1]
    return [
        Finding(
            STREAM,
            "over uvicorn: throughput with / without",
            whole.ratio("without", "with_widgetmw"),
            limit=0.95,
            at_least=True,
        ),
        Finding(
            STREAM,
            "over uvicorn: time to first byte with / without; target: the interquartile range of the times without",
            first.ratio("with_widgetmw", "without"),
            limit=1 + noise,
        ),
    ]


def _downloads(name: str, turns: int, timed: Callable[[Site], float]) -> Rounds:
    times: dict[str, list[float]] = {"without": [], "with_widgetmw": []}
    app = f"benchmarks.sites.plain:{name}"
    with uvicorn(f"{app}_without") as without, uvicorn(f"{app}_with_widgetmw") as wrapped:
        sites = {"without": without, "with_widgetmw": wrapped}
        for site in sites.values():
            timed(site)
        for turn in range(turns):
            for each in sorted(sites, reverse=bool(turn % 2)):
                times[each].append(timed(sites[each]) * 1e6)
    return Rounds(times)


def _whole(site: Site) -> float:
    start = time.perf_counter()
    _read_response(site, time.perf_counter)
    return time.perf_counter() - start


def _first_byte(site: Site) -> float:
    start = time.perf_counter()
    return _read_response(site, time.perf_counter) - start


def _read_response(site: Site, clock: Callable[[], float]) -> float:
    """Reads a response and returns the time at which its first byte arrived."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    try:
        connection.request("GET", "/", headers={"Accept": "text/html", "Cookie": "session=1"})
        response = connection.getresponse()
        response.read(1)
        first = clock()
        while response.read(_READ):
            pass
        return first
    finally:
        connection.close()
