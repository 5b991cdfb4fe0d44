"""Other ways to insert something into a page, side by side with the package: a 10 KB page, in process.

A peer that is not installed is omitted, with a note. The New Relic agent has its own section, ``agent``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from starlette.middleware.gzip import GZipMiddleware

from benchmarks.baselines import asgi_forwarding, asgi_minimal_injector, wsgi_forwarding, wsgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.peers import django, flask, parsers, starlette
from benchmarks.rounds import Estimate, Rounds, run_interleaved
from benchmarks.sections.asgi import Empty
from benchmarks.subject import asgi_widgetmw, signed_in, snippets, wsgi_widgetmw
from benchmarks.traffic import SHORT_HEADERS, AsgiApp, WsgiApp, asgi_app, event_loop, page, wsgi_app, wsgi_batch

WIDGETMW = "widgetmw"


def measure(effort: Effort) -> Section:
    """Measures what each adds to a request."""
    notes: list[str] = []
    costs = {
        "ASGI": _asgi(effort, notes),
        "WSGI": _wsgi(effort),
        "Flask": _flask(effort),
        "Django": _django(effort, notes),
    }
    return Section(costs={title: found for title, found in costs.items() if found}, notes=notes)


def _overheads(rounds: Rounds) -> dict[str, Estimate]:
    return {name: rounds.cost(name, "bare") for name in rounds.times if name != "bare"}


def _asgi(effort: Effort, notes: list[str]) -> Mapping[str, Estimate]:
    body, span = page(), snippets()["ada"]
    app = asgi_app(body)
    wraps: dict[str, Callable[[AsgiApp], AsgiApp]] = {
        "forwarding": asgi_forwarding,
        "minimal injector": partial(asgi_minimal_injector, user=signed_in, snippets=snippets()),
        WIDGETMW: asgi_widgetmw,
        "Starlette's GZipMiddleware, client without gzip": GZipMiddleware,
        "BaseHTTPMiddleware, empty": Empty,
        "BaseHTTPMiddleware, body.replace": partial(starlette.Replacing, snippet=span),
    }
    wraps |= {name: partial(parsers.editing, edit=edit, snippet=span) for name, edit in parsers.found(notes).items()}
    with event_loop() as loop:
        batches = {name: loop.batch(wrap(app), SHORT_HEADERS) for name, wrap in wraps.items()}
        return _overheads(run_interleaved({"bare": loop.batch(app, SHORT_HEADERS), **batches}, effort))


def _wsgi(effort: Effort) -> Mapping[str, Estimate]:
    app = wsgi_app(page())
    wraps: dict[str, Callable[[WsgiApp], WsgiApp]] = {
        "forwarding": wsgi_forwarding,
        "minimal injector": partial(wsgi_minimal_injector, user=signed_in, snippets=snippets()),
        WIDGETMW: wsgi_widgetmw,
    }
    batches = {name: wsgi_batch(wrap(app), SHORT_HEADERS) for name, wrap in wraps.items()}
    return _overheads(run_interleaved({"bare": wsgi_batch(app, SHORT_HEADERS), **batches}, effort))


def _flask(effort: Effort) -> Mapping[str, Estimate]:
    apps = flask.apps(page())
    return _overheads(run_interleaved({name: wsgi_batch(app, SHORT_HEADERS) for name, app in apps.items()}, effort))


def _django(effort: Effort, notes: list[str]) -> Mapping[str, Estimate]:
    return _overheads(run_interleaved(django.cases(page(), notes), effort))
