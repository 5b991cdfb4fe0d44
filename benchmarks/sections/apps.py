"""The same overheads inside of an app that works for its page: Jinja, a session, some ten kilobytes; in process.

Between two requests such an app runs through more code and data than the caches next to a core hold. What the rows of
``asgi`` and ``wsgi`` measure hot, it finds cold each time; so does every other wrapper.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from benchmarks.baselines import asgi_forwarding, asgi_least_injecting, wsgi_forwarding, wsgi_least_injecting
from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.rounds import Estimate, Rounds, interleaved
from benchmarks.sites import flask_shop, starlette_shop
from benchmarks.subject import asgi_ours, signed_in, snippets, wsgi_ours
from benchmarks.traffic import (
    Headers,
    asgi_request,
    looping,
    nothing_more,
    served,
    started,
    wsgi_batch,
    wsgi_request,
)

ALONE = "the app alone"
_HOST = (b"host", b"127.0.0.1:8000")


def measure(effort: Effort) -> Section:
    """Measures what each adds to a request of the two apps."""
    effort = replace(effort, batch=effort.batch * 8)  # a request takes a millisecond
    return Section(
        costs={"Starlette + Jinja, in process": _starlette(effort), "Flask + Jinja, in process": _flask(effort)}
    )


def _added(rounds: Rounds) -> dict[str, Estimate]:
    found = {name: rounds.cost(name, ALONE) for name in rounds.times if name != ALONE}
    return {ALONE: rounds.cost(ALONE), **found}


def _starlette(effort: Effort) -> dict[str, Estimate]:
    app = starlette_shop.without
    headers = [_HOST, (b"cookie", asyncio.run(_signed_in()))]
    apps: dict[str, Any] = {
        ALONE: app,
        "forwarding": asgi_forwarding(app),
        "least injecting": asgi_least_injecting(app, signed_in, snippets()),
        "widgetmw.asgi around it": asgi_ours(app),
        "widgetmw.starlette, which asks inside of the session": starlette_shop.ours,
    }
    with looping() as loop:
        assert b"data-widgetmw" in loop.answer(apps["widgetmw.asgi around it"], headers)
        assert b"data-widgetmw" in loop.answer(starlette_shop.ours, headers)
        return _added(interleaved({name: loop.batch(each, headers) for name, each in apps.items()}, effort))


async def _signed_in() -> bytes:
    found: list[Any] = []

    async def send(message: Any) -> None:
        found.append(message)

    await starlette_shop.without(asgi_request([_HOST], "/sign-in"), nothing_more, send)
    return next(value for name, value in found[0]["headers"] if name == b"set-cookie").split(b";")[0]


def _flask(effort: Effort) -> dict[str, Estimate]:
    app = flask_shop.without
    cookies: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        cookies.extend(value for name, value in headers if name == "Set-Cookie")
        return started(status, headers, exc_info)

    for _ in app(wsgi_request([_HOST], "/sign-in"), start_response):
        pass
    headers: Headers = [_HOST, (b"cookie", cookies[0].split(";")[0].encode())]
    apps: dict[str, Any] = {
        ALONE: app,
        "forwarding": wsgi_forwarding(app),
        "least injecting": wsgi_least_injecting(app, signed_in, snippets()),
        "widgetmw.wsgi around it": wsgi_ours(app),
        "widgetmw.flask, which asks inside of the request context": flask_shop.ours,
    }
    for name in list(apps)[-2:]:
        assert b"data-widgetmw" in served(apps[name], wsgi_request(headers)), name
    return _added(interleaved({name: wsgi_batch(each, headers) for name, each in apps.items()}, effort))
