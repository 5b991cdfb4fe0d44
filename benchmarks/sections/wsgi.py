"""Overhead per request in the WSGI driver, with minus without, in process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from benchmarks.baselines import wsgi_forwarding, wsgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Rounds, interleaved
from benchmarks.subject import made_anew, nobody, signed_in, snippets, wsgi_ours
from benchmarks.traffic import CHROME, HTML, JSON, SEVEN, SHORT, Headers, WsgiApp, page, wsgi_answering, wsgi_batch

Wraps: TypeAlias = Mapping[str, Callable[[WsgiApp], WsgiApp]]

ASKED = "WSGI, the same page as Chrome asks, nine answer headers, a new user object"


def around(app: WsgiApp, headers: Headers, wraps: Wraps, effort: Effort) -> Rounds:
    """Measures wrappers around one app, and the app ``bare``."""
    apps = {"bare": app, **{name: wrap(app) for name, wrap in wraps.items()}}
    return interleaved({name: wsgi_batch(each, headers) for name, each in apps.items()}, effort)


def measure(effort: Effort) -> Section:
    """Measures the rows of the table."""
    return Section([*_left_alone(effort), *_pages(effort), *_asked(effort)])


def _left_alone(effort: Effort) -> list[Finding]:
    wraps: Wraps = {"ours": wsgi_ours, "forwarding": wsgi_forwarding}
    rounds = around(wsgi_answering(page(), JSON), SHORT, wraps, effort)
    return [Finding("WSGI, not a page", "ours / forwarding", rounds.ratio("ours", "forwarding", "bare"), limit=2.2)]


def _pages(effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "anonymous": partial(wsgi_ours, user=nobody),
        "ours": wsgi_ours,
        "least": partial(wsgi_least_injecting, user=signed_in, snippets=snippets()),
    }
    ratio = around(wsgi_answering(page()), SHORT, wraps, effort).ratio
    measure = "ours / least injecting"
    return [
        Finding("WSGI, page for nobody signed in", measure, ratio("anonymous", "least", "bare"), limit=1),
        Finding("WSGI, 10 KB page, token in cache", measure, ratio("ours", "least", "bare"), limit=1.4),
    ]


def _asked(effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "ours": partial(wsgi_ours, user=made_anew),
        "least": partial(wsgi_least_injecting, user=made_anew, snippets=snippets()),
    }
    rounds = around(wsgi_answering(page(), HTML, SEVEN), CHROME, wraps, effort)
    return [Finding(ASKED, "ours / least injecting", rounds.ratio("ours", "least", "bare"), limit=1.5)]
