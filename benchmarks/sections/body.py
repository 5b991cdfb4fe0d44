"""A page of one megabyte in one body: splitting and joining it touches new memory, which costs more than the rest."""

from __future__ import annotations

from functools import partial

from benchmarks.baselines import asgi_minimal_injector, inject_with_replace, wsgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Rounds
from benchmarks.sections import asgi, wsgi
from benchmarks.subject import asgi_widgetmw, signed_in, snippets, wsgi_widgetmw
from benchmarks.traffic import SHORT_HEADERS, asgi_app, event_loop, page, wsgi_app


def measure(effort: Effort) -> Section:
    """Measures it with both middlewares."""
    body = page(1_000_000)
    with event_loop() as loop:
        wraps: asgi.Wraps = {
            "widgetmw": asgi_widgetmw,
            "minimal": partial(asgi_minimal_injector, user=signed_in, snippets=snippets()),
            "replace": partial(asgi_minimal_injector, user=signed_in, snippets=snippets(), insert=inject_with_replace),
        }
        rounds = asgi.around(loop, asgi_app(body), SHORT_HEADERS, wraps, effort)
        case = "ASGI, 1 MB page in one body"
        ratio = rounds.ratio("widgetmw", "replace", "bare")
        found = [*_findings(case, rounds), Finding(case, "widgetmw / minimal injector that uses bytes.replace", ratio)]
    others: wsgi.Wraps = {
        "widgetmw": wsgi_widgetmw,
        "minimal": partial(wsgi_minimal_injector, user=signed_in, snippets=snippets()),
    }
    rounds = wsgi.around(wsgi_app(body), SHORT_HEADERS, others, effort)
    return Section([*found, *_findings("WSGI, 1 MB page in one body", rounds)])


def _findings(case: str, rounds: Rounds) -> list[Finding]:
    return [
        Finding(
            case,
            "widgetmw / minimal injector that splits and joins",
            rounds.ratio("widgetmw", "minimal", "bare"),
            limit=1,
        ),
        Finding(case, "widgetmw", rounds.cost("widgetmw", "bare"), "µs", limit=100),
    ]
