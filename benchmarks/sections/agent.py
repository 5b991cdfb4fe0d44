"""The New Relic agent's insertion beside ours, in a process of its own: the agent patches frameworks that it finds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from benchmarks.baselines import asgi_least_injecting, wsgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.peers import newrelic
from benchmarks.rounds import Batch, Estimate, interleaved
from benchmarks.subject import asgi_ours, signed_in, snippets, wsgi_ours
from benchmarks.traffic import SHORT, asgi_answering, looping, page, served, wsgi_answering, wsgi_batch, wsgi_request

ASGI, WSGI = "ASGI, beside the New Relic agent", "WSGI, beside the New Relic agent"
_MARK = b"NREUM"


def measure(effort: Effort) -> Section:
    """Measures what each adds to a 10 KB page."""
    agent = newrelic.start()
    if agent is None:
        return Section(notes=["The New Relic agent is not installed, or does not start without a network"])
    return Section(costs={ASGI: _asgi(agent, effort), WSGI: _wsgi(agent, effort)})


def _asgi(agent: newrelic.Agent, effort: Effort) -> Mapping[str, Estimate]:
    app = asgi_answering(page())
    wrapped = agent.asgi(app)
    least = asgi_least_injecting(app, signed_in, snippets())
    with looping() as loop:
        for inserting in (True, False):
            agent.switch(inserting)
            assert (_MARK in loop.answer(wrapped, SHORT)) is inserting
        batches = {
            name: loop.batch(each, SHORT)
            for name, each in {"least injecting": least, "widgetmw": asgi_ours(app)}.items()
        }
        return _measured(loop.batch(app, SHORT), batches | agent.cases(loop.batch(wrapped, SHORT)), effort)


def _wsgi(agent: newrelic.Agent, effort: Effort) -> Mapping[str, Estimate]:
    app = wsgi_answering(page())
    wrapped = agent.wsgi(app)
    for inserting in (True, False):
        agent.switch(inserting)
        assert (_MARK in served(wrapped, wsgi_request(SHORT))) is inserting
    least = partial(wsgi_least_injecting, user=signed_in, snippets=snippets())
    batches = {"least injecting": wsgi_batch(least(app), SHORT), "widgetmw": wsgi_batch(wsgi_ours(app), SHORT)}
    return _measured(wsgi_batch(app, SHORT), batches | agent.cases(wsgi_batch(wrapped, SHORT)), effort)


def _measured(bare: Batch, batches: dict[str, Batch], effort: Effort) -> dict[str, Estimate]:
    rounds = interleaved({"bare": bare, **batches}, effort)
    found = {name: rounds.cost(name, "bare") for name in batches}
    return {**found, newrelic.ALONE: rounds.cost(newrelic.WITH, newrelic.WITHOUT)}
