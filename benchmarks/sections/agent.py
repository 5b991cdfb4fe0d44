"""The New Relic agent beside the package, in a process of its own: the agent patches every framework it finds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from benchmarks.baselines import asgi_minimal_injector, wsgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.peers import newrelic
from benchmarks.rounds import Batch, Estimate, run_interleaved
from benchmarks.subject import asgi_widgetmw, signed_in, snippets, wsgi_widgetmw
from benchmarks.traffic import (
    SHORT_HEADERS,
    asgi_app,
    event_loop,
    page,
    response_body,
    wsgi_app,
    wsgi_batch,
    wsgi_request,
)

ASGI, WSGI = "ASGI, beside the New Relic agent", "WSGI, beside the New Relic agent"
_MARKER = b"NREUM"


def measure(effort: Effort) -> Section:
    """Measures what each adds to a 10 KB page."""
    agent = newrelic.start()
    if agent is None:
        return Section(notes=["The New Relic agent is not installed, or does not start without a network"])
    return Section(costs={ASGI: _asgi(agent, effort), WSGI: _wsgi(agent, effort)})


def _asgi(agent: newrelic.Agent, effort: Effort) -> Mapping[str, Estimate]:
    app = asgi_app(page())
    wrapped = agent.asgi(app)
    minimal = asgi_minimal_injector(app, signed_in, snippets())
    with event_loop() as loop:
        for inserting in (True, False):
            agent.switch(inserting)
            assert (_MARKER in loop.get(wrapped, SHORT_HEADERS)) is inserting
        batches = {
            name: loop.batch(each, SHORT_HEADERS)
            for name, each in {"minimal injector": minimal, "widgetmw": asgi_widgetmw(app)}.items()
        }
        return _overheads(
            loop.batch(app, SHORT_HEADERS), batches | agent.cases(loop.batch(wrapped, SHORT_HEADERS)), effort
        )


def _wsgi(agent: newrelic.Agent, effort: Effort) -> Mapping[str, Estimate]:
    app = wsgi_app(page())
    wrapped = agent.wsgi(app)
    for inserting in (True, False):
        agent.switch(inserting)
        assert (_MARKER in response_body(wrapped, wsgi_request(SHORT_HEADERS))) is inserting
    minimal = partial(wsgi_minimal_injector, user=signed_in, snippets=snippets())
    batches = {
        "minimal injector": wsgi_batch(minimal(app), SHORT_HEADERS),
        "widgetmw": wsgi_batch(wsgi_widgetmw(app), SHORT_HEADERS),
    }
    return _overheads(wsgi_batch(app, SHORT_HEADERS), batches | agent.cases(wsgi_batch(wrapped, SHORT_HEADERS)), effort)


def _overheads(bare: Batch, batches: dict[str, Batch], effort: Effort) -> dict[str, Estimate]:
    rounds = run_interleaved({"bare": bare, **batches}, effort)
    found = {name: rounds.cost(name, "bare") for name in batches}
    return {**found, newrelic.ALONE: rounds.cost(newrelic.WITH, newrelic.WITHOUT)}
