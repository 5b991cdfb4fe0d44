"""Overhead per request of the ASGI middleware, in process: the time with it minus the time without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.baselines import asgi_forwarding, asgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Rounds, run_interleaved
from benchmarks.subject import anonymous, asgi_widgetmw, new_user, signed_in, snippets
from benchmarks.traffic import (
    CHROME_HEADERS,
    HTML,
    JSON,
    SEVEN_HEADERS,
    SHORT_HEADERS,
    AsgiApp,
    CopyHeaders,
    Headers,
    Loop,
    asgi_app,
    copy_bytes,
    event_loop,
    page,
)

Wraps: TypeAlias = Mapping[str, Callable[[AsgiApp], AsgiApp]]

PAGE = "ASGI, 10 KB page, cached token"
CHROME_CASE = "ASGI, the same page: Chrome's request headers, nine response headers, a new User"


class Empty(BaseHTTPMiddleware):
    """A ``BaseHTTPMiddleware`` that does nothing."""

    async def dispatch(self, request: Request, call_next: Callable[[Request], Any]) -> Response:
        """Passes the request on."""
        response: Response = await call_next(request)
        return response


def around(
    loop: Loop, app: AsgiApp, headers: Headers, wraps: Wraps, effort: Effort, copy_headers: CopyHeaders = list
) -> Rounds:
    """Measures an app in several wrappers, and the ``bare`` app."""
    apps = {"bare": app, **{name: wrap(app) for name, wrap in wraps.items()}}
    return run_interleaved(
        {name: loop.batch(each, headers, copy_headers=copy_headers) for name, each in apps.items()}, effort
    )


def measure(effort: Effort) -> Section:
    """Measures the rows of the table."""
    with event_loop() as loop:
        return Section([*_not_html(loop, effort), *_pages(loop, effort), *_chrome(loop, effort)])


def _not_html(loop: Loop, effort: Effort) -> list[Finding]:
    wraps: Wraps = {"widgetmw": asgi_widgetmw, "forwarding": asgi_forwarding}
    rounds = around(loop, asgi_app(page(), JSON), SHORT_HEADERS, wraps, effort)
    return [
        Finding(
            "ASGI, response that is not HTML",
            "widgetmw / forwarding",
            rounds.ratio("widgetmw", "forwarding", "bare"),
            limit=2.2,
        )
    ]


def _pages(loop: Loop, effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "anonymous": partial(asgi_widgetmw, user=anonymous),
        "widgetmw": asgi_widgetmw,
        "minimal": partial(asgi_minimal_injector, user=signed_in, snippets=snippets()),
        "gzip": GZipMiddleware,
        "empty": Empty,
    }
    ratio = around(loop, asgi_app(page()), SHORT_HEADERS, wraps, effort).ratio
    return [
        Finding("ASGI, anonymous page", "widgetmw / minimal injector", ratio("anonymous", "minimal", "bare"), limit=1),
        Finding(PAGE, "widgetmw / minimal injector", ratio("widgetmw", "minimal", "bare"), limit=1.4),
        Finding(PAGE, "widgetmw / Starlette's GZipMiddleware", ratio("widgetmw", "gzip", "bare"), limit=0.6),
        Finding(PAGE, "widgetmw / empty BaseHTTPMiddleware", ratio("widgetmw", "empty", "bare"), limit=1 / 15),
    ]


def _chrome(loop: Loop, effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "widgetmw": partial(asgi_widgetmw, user=new_user),
        "minimal": partial(asgi_minimal_injector, user=new_user, snippets=snippets()),
    }
    same = around(loop, asgi_app(page(), HTML, SEVEN_HEADERS), CHROME_HEADERS, wraps, effort)
    copies = around(
        loop, asgi_app(page(), HTML, SEVEN_HEADERS, copy_headers=copy_bytes), CHROME_HEADERS, wraps, effort, copy_bytes
    )
    return [
        Finding(CHROME_CASE, "widgetmw / minimal injector", same.ratio("widgetmw", "minimal", "bare"), limit=1.5),
        Finding(
            CHROME_CASE,
            "widgetmw / minimal injector, with new header bytes for each request, as from a server",
            copies.ratio("widgetmw", "minimal", "bare"),
        ),
    ]
