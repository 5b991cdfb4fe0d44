"""Other ways to put something into a page, side by side with ours: a 10 KB page, in process.

A peer that is not installed is left out, and said to be. The New Relic agent is in ``agent``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from starlette.middleware.gzip import GZipMiddleware

from benchmarks.baselines import asgi_forwarding, asgi_least_injecting, wsgi_forwarding, wsgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.peers import django, flask, parsers, starlette
from benchmarks.rounds import Estimate, Rounds, interleaved
from benchmarks.sections.asgi import Empty
from benchmarks.subject import asgi_ours, signed_in, snippets, wsgi_ours
from benchmarks.traffic import SHORT, AsgiApp, WsgiApp, asgi_answering, looping, page, wsgi_answering, wsgi_batch

OURS = "widgetmw"


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
    app = asgi_answering(body)
    wraps: dict[str, Callable[[AsgiApp], AsgiApp]] = {
        "forwarding": asgi_forwarding,
        "least injecting": partial(asgi_least_injecting, user=signed_in, snippets=snippets()),
        OURS: asgi_ours,
        "Starlette's GZipMiddleware, client without gzip": GZipMiddleware,
        "BaseHTTPMiddleware, empty": Empty,
        "BaseHTTPMiddleware, body.replace": partial(starlette.Replacing, snippet=span),
    }
    wraps |= {name: partial(parsers.editing, edit=edit, snippet=span) for name, edit in parsers.found(notes).items()}
    with looping() as loop:
        batches = {name: loop.batch(wrap(app), SHORT) for name, wrap in wraps.items()}
        return _overheads(interleaved({"bare": loop.batch(app, SHORT), **batches}, effort))


def _wsgi(effort: Effort) -> Mapping[str, Estimate]:
    app = wsgi_answering(page())
    wraps: dict[str, Callable[[WsgiApp], WsgiApp]] = {
        "forwarding": wsgi_forwarding,
        "least injecting": partial(wsgi_least_injecting, user=signed_in, snippets=snippets()),
        OURS: wsgi_ours,
    }
    batches = {name: wsgi_batch(wrap(app), SHORT) for name, wrap in wraps.items()}
    return _overheads(interleaved({"bare": wsgi_batch(app, SHORT), **batches}, effort))


def _flask(effort: Effort) -> Mapping[str, Estimate]:
    apps = flask.apps(page())
    return _overheads(interleaved({name: wsgi_batch(app, SHORT) for name, app in apps.items()}, effort))


def _django(effort: Effort, notes: list[str]) -> Mapping[str, Estimate]:
    return _overheads(interleaved(django.cases(page(), notes), effort))
