"""Overhead per request of the WSGI middleware, in process: the time with it minus the time without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from benchmarks.baselines import wsgi_forwarding, wsgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Rounds, run_interleaved
from benchmarks.subject import anonymous, new_user, signed_in, snippets, wsgi_widgetmw
from benchmarks.traffic import (
    CHROME_HEADERS,
    HTML,
    JSON,
    SEVEN_HEADERS,
    SHORT_HEADERS,
    Headers,
    WsgiApp,
    page,
    wsgi_app,
    wsgi_batch,
)

Wraps: TypeAlias = Mapping[str, Callable[[WsgiApp], WsgiApp]]

CHROME_CASE = "WSGI, the same page: Chrome's request headers, nine response headers, a new User"


def around(app: WsgiApp, headers: Headers, wraps: Wraps, effort: Effort) -> Rounds:
    """Measures an app in several wrappers, and the ``bare`` app."""
    apps = {"bare": app, **{name: wrap(app) for name, wrap in wraps.items()}}
    return run_interleaved({name: wsgi_batch(each, headers) for name, each in apps.items()}, effort)


def measure(effort: Effort) -> Section:
    """Measures the rows of the table."""
    return Section([*_not_html(effort), *_pages(effort), *_chrome(effort)])


def _not_html(effort: Effort) -> list[Finding]:
    wraps: Wraps = {"widgetmw": wsgi_widgetmw, "forwarding": wsgi_forwarding}
    rounds = around(wsgi_app(page(), JSON), SHORT_HEADERS, wraps, effort)
    return [
        Finding(
            "WSGI, response that is not HTML",
            "widgetmw / forwarding",
            rounds.ratio("widgetmw", "forwarding", "bare"),
            limit=2.2,
        )
    ]


def _pages(effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "anonymous": partial(wsgi_widgetmw, user=anonymous),
        "widgetmw": wsgi_widgetmw,
        "minimal": partial(wsgi_minimal_injector, user=signed_in, snippets=snippets()),
    }
    ratio = around(wsgi_app(page()), SHORT_HEADERS, wraps, effort).ratio
    measure = "widgetmw / minimal injector"
    return [
        Finding("WSGI, anonymous page", measure, ratio("anonymous", "minimal", "bare"), limit=1),
        Finding("WSGI, 10 KB page, cached token", measure, ratio("widgetmw", "minimal", "bare"), limit=1.4),
    ]


def _chrome(effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "widgetmw": partial(wsgi_widgetmw, user=new_user),
        "minimal": partial(wsgi_minimal_injector, user=new_user, snippets=snippets()),
    }
    rounds = around(wsgi_app(page(), HTML, SEVEN_HEADERS), CHROME_HEADERS, wraps, effort)
    return [Finding(CHROME_CASE, "widgetmw / minimal injector", rounds.ratio("widgetmw", "minimal", "bare"), limit=1.5)]
