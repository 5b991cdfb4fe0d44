"""The token endpoint with a cached token, beside a Starlette route that returns a constant; in process."""

from __future__ import annotations

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import run_interleaved
from benchmarks.subject import asgi_widgetmw
from benchmarks.traffic import CHROME_HEADERS, AsgiApp, event_loop

CASE = "Token endpoint, cached token"
PATH, CONSTANT = "/_widgetmw/token/digitalgenius", "/constant"


def constant_app(value: object) -> AsgiApp:
    """Returns a Starlette app with one route, which returns a constant."""

    async def constant(request: Request) -> JSONResponse:
        return JSONResponse(value)

    return Starlette(routes=[Route(CONSTANT, constant)])


def apps() -> dict[str, AsgiApp]:
    """Returns a route with exactly the JSON that the endpoint returns, and the endpoint."""
    with event_loop() as loop:
        value = json.loads(loop.get(asgi_widgetmw(constant_app({})), CHROME_HEADERS, PATH))
    return {"route": constant_app(value), "endpoint": asgi_widgetmw(constant_app(value))}


def measure(effort: Effort) -> Section:
    """Measures requests per second, as the inverse of the time per request."""
    served = apps()
    with event_loop() as loop:
        batches = {
            "route": loop.batch(served["route"], CHROME_HEADERS, CONSTANT),
            "endpoint": loop.batch(served["endpoint"], CHROME_HEADERS, PATH),
        }
        rounds = run_interleaved(batches, effort)
    share = rounds.ratio("route", "endpoint")
    return Section(
        [
            Finding(
                CASE,
                "requests per second / those of a Starlette route that returns constant JSON",
                share,
                limit=0.9,
                at_least=True,
            )
        ]
    )
