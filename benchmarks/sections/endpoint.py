"""The token endpoint with the token in the cache, beside a Starlette route that returns a constant; in process."""

from __future__ import annotations

import json

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import interleaved
from benchmarks.subject import asgi_ours
from benchmarks.traffic import CHROME, AsgiApp, looping

CASE = "Token endpoint, token in cache"
PATH, CONSTANT = "/_widgetmw/token/digitalgenius", "/constant"


def constant_app(value: object) -> AsgiApp:
    """A Starlette app with one route, whose handler returns a constant."""

    async def constant(request: Request) -> JSONResponse:
        return JSONResponse(value)

    return Starlette(routes=[Route(CONSTANT, constant)])


def apps() -> dict[str, AsgiApp]:
    """The route as it is, with the very JSON that the endpoint answers, and the endpoint."""
    with looping() as loop:
        answer = json.loads(loop.answer(asgi_ours(constant_app({})), CHROME, PATH))
    return {"route": constant_app(answer), "ours": asgi_ours(constant_app(answer))}


def measure(effort: Effort) -> Section:
    """Measures requests per second, as one over the time that each takes."""
    made = apps()
    with looping() as loop:
        batches = {"route": loop.batch(made["route"], CHROME, CONSTANT), "ours": loop.batch(made["ours"], CHROME, PATH)}
        rounds = interleaved(batches, effort)
    share = rounds.ratio("route", "ours")
    return Section(
        [Finding(CASE, "requests per second / a Starlette route's with constant JSON", share, limit=0.9, at_least=True)]
    )
