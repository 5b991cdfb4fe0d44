"""A page of one megabyte in one piece: cutting and joining it touches fresh memory, which costs more than all else."""

from __future__ import annotations

from functools import partial

from benchmarks.baselines import asgi_least_injecting, replaced, wsgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Rounds
from benchmarks.sections import asgi, wsgi
from benchmarks.subject import asgi_ours, signed_in, snippets, wsgi_ours
from benchmarks.traffic import SHORT, asgi_answering, looping, page, wsgi_answering


def measure(effort: Effort) -> Section:
    """Measures it through both drivers."""
    body = page(1_000_000)
    with looping() as loop:
        wraps: asgi.Wraps = {
            "ours": asgi_ours,
            "least": partial(asgi_least_injecting, user=signed_in, snippets=snippets()),
            "replaced": partial(asgi_least_injecting, user=signed_in, snippets=snippets(), put=replaced),
        }
        rounds = asgi.around(loop, asgi_answering(body), SHORT, wraps, effort)
        case = "ASGI, 1 MB page in one body"
        beside = rounds.ratio("ours", "replaced", "bare")
        found = [*_findings(case, rounds), Finding(case, "ours / least injecting with bytes.replace", beside)]
    others: wsgi.Wraps = {
        "ours": wsgi_ours,
        "least": partial(wsgi_least_injecting, user=signed_in, snippets=snippets()),
    }
    rounds = wsgi.around(wsgi_answering(body), SHORT, others, effort)
    return Section([*found, *_findings("WSGI, 1 MB page in one body", rounds)])


def _findings(case: str, rounds: Rounds) -> list[Finding]:
    return [
        Finding(case, "ours / least injecting, which slices and joins", rounds.ratio("ours", "least", "bare"), limit=1),
        Finding(case, "ours", rounds.cost("ours", "bare"), "µs", limit=100),
    ]
