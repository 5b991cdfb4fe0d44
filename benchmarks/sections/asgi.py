"""Overhead per request in the ASGI driver, with minus without, in process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.baselines import asgi_forwarding, asgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Rounds, interleaved
from benchmarks.subject import asgi_ours, made_anew, nobody, signed_in, snippets
from benchmarks.traffic import (
    CHROME,
    HTML,
    JSON,
    SEVEN,
    SHORT,
    AsgiApp,
    Copied,
    Headers,
    Loop,
    anew,
    asgi_answering,
    looping,
    page,
)

Wraps: TypeAlias = Mapping[str, Callable[[AsgiApp], AsgiApp]]

PAGE = "ASGI, 10 KB page, token in cache"
ASKED = "ASGI, the same page as Chrome asks, nine answer headers, a new user object"


class Empty(BaseHTTPMiddleware):
    """A ``BaseHTTPMiddleware`` that does nothing."""

    async def dispatch(self, request: Request, call_next: Callable[[Request], Any]) -> Response:
        """Passes on."""
        response: Response = await call_next(request)
        return response


def around(loop: Loop, app: AsgiApp, headers: Headers, wraps: Wraps, effort: Effort, copied: Copied = list) -> Rounds:
    """Measures wrappers around one app, and the app ``bare``."""
    apps = {"bare": app, **{name: wrap(app) for name, wrap in wraps.items()}}
    return interleaved({name: loop.batch(each, headers, copied=copied) for name, each in apps.items()}, effort)


def measure(effort: Effort) -> Section:
    """Measures the rows of the table."""
    with looping() as loop:
        return Section([*_left_alone(loop, effort), *_pages(loop, effort), *_asked(loop, effort)])


def _left_alone(loop: Loop, effort: Effort) -> list[Finding]:
    wraps: Wraps = {"ours": asgi_ours, "forwarding": asgi_forwarding}
    rounds = around(loop, asgi_answering(page(), JSON), SHORT, wraps, effort)
    return [Finding("ASGI, not a page", "ours / forwarding", rounds.ratio("ours", "forwarding", "bare"), limit=2.2)]


def _pages(loop: Loop, effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "anonymous": partial(asgi_ours, user=nobody),
        "ours": asgi_ours,
        "least": partial(asgi_least_injecting, user=signed_in, snippets=snippets()),
        "gzip": GZipMiddleware,
        "empty": Empty,
    }
    ratio = around(loop, asgi_answering(page()), SHORT, wraps, effort).ratio
    return [
        Finding(
            "ASGI, page for nobody signed in", "ours / least injecting", ratio("anonymous", "least", "bare"), limit=1
        ),
        Finding(PAGE, "ours / least injecting", ratio("ours", "least", "bare"), limit=1.4),
        Finding(PAGE, "ours / Starlette's GZipMiddleware", ratio("ours", "gzip", "bare"), limit=0.6),
        Finding(PAGE, "ours / empty BaseHTTPMiddleware", ratio("ours", "empty", "bare"), limit=1 / 15),
    ]


def _asked(loop: Loop, effort: Effort) -> list[Finding]:
    wraps: Wraps = {
        "ours": partial(asgi_ours, user=made_anew),
        "least": partial(asgi_least_injecting, user=made_anew, snippets=snippets()),
    }
    same = around(loop, asgi_answering(page(), HTML, SEVEN), CHROME, wraps, effort)
    copies = around(loop, asgi_answering(page(), HTML, SEVEN, copied=anew), CHROME, wraps, effort, anew)
    return [
        Finding(ASKED, "ours / least injecting", same.ratio("ours", "least", "bare"), limit=1.5),
        Finding(
            ASKED, "ours / least injecting, header bytes made anew as servers do", copies.ratio("ours", "least", "bare")
        ),
    ]
