"""The same overheads in an app that renders its page with Jinja and a session, about ten kilobytes; in process.

Between two requests, such an app uses more code and data than the CPU caches hold. The sections ``asgi`` and ``wsgi``
measure with warm caches; here the middleware finds them cold each time, as does every other wrapper.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from benchmarks.baselines import asgi_forwarding, asgi_minimal_injector, wsgi_forwarding, wsgi_minimal_injector
from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.rounds import Estimate, Rounds, run_interleaved
from benchmarks.sites import flask_shop, starlette_shop
from benchmarks.subject import asgi_widgetmw, signed_in, snippets, wsgi_widgetmw
from benchmarks.traffic import (
    Headers,
    asgi_request,
    empty_receive,
    event_loop,
    response_body,
    server_start_response,
    wsgi_batch,
    wsgi_request,
)

ALONE = "app alone"
_HOST = (b"host", b"127.0.0.1:8000")


def measure(effort: Effort) -> Section:
    """Measures what each adds to a request to the two apps."""
    effort = replace(effort, batch=effort.batch * 8)  # a request takes a millisecond
    return Section(
        costs={"Starlette + Jinja, in process": _starlette(effort), "Flask + Jinja, in process": _flask(effort)}
    )


def _overheads(rounds: Rounds) -> dict[str, Estimate]:
    found = {name: rounds.cost(name, ALONE) for name in rounds.times if name != ALONE}
    return {ALONE: rounds.cost(ALONE), **found}


def _starlette(effort: Effort) -> dict[str, Estimate]:
    app = starlette_shop.without
    headers = [_HOST, (b"cookie", asyncio.run(_signed_in()))]
    apps: dict[str, Any] = {
        ALONE: app,
        "forwarding": asgi_forwarding(app),
        "minimal injector": asgi_minimal_injector(app, signed_in, snippets()),
        "widgetmw.asgi around the app": asgi_widgetmw(app),
        "widgetmw.starlette, which resolves the user inside the session middleware": starlette_shop.with_widgetmw,
    }
    with event_loop() as loop:
        assert b"data-widgetmw" in loop.get(apps["widgetmw.asgi around the app"], headers)
        assert b"data-widgetmw" in loop.get(starlette_shop.with_widgetmw, headers)
        return _overheads(run_interleaved({name: loop.batch(each, headers) for name, each in apps.items()}, effort))


async def _signed_in() -> bytes:
    found: list[Any] = []

    async def send(message: Any) -> None:
        found.append(message)

    await starlette_shop.without(asgi_request([_HOST], "/sign-in"), empty_receive, send)
    return next(value for name, value in found[0]["headers"] if name == b"set-cookie").split(b";")[0]


def _flask(effort: Effort) -> dict[str, Estimate]:
    app = flask_shop.without
    cookies: list[str] = []

    def keep_cookie(status: str, headers: Any, exc_info: Any = None) -> Any:
        cookies.extend(value for name, value in headers if name == "Set-Cookie")
        return server_start_response(status, headers, exc_info)

    for _ in app(wsgi_request([_HOST], "/sign-in"), keep_cookie):
        pass
    headers: Headers = [_HOST, (b"cookie", cookies[0].split(";")[0].encode())]
    apps: dict[str, Any] = {
        ALONE: app,
        "forwarding": wsgi_forwarding(app),
        "minimal injector": wsgi_minimal_injector(app, signed_in, snippets()),
        "widgetmw.wsgi around the app": wsgi_widgetmw(app),
        "widgetmw.flask, which resolves the user inside the request context": flask_shop.with_widgetmw,
    }
    for name in list(apps)[-2:]:
        assert b"data-widgetmw" in response_body(apps[name], wsgi_request(headers)), name
    return _overheads(run_interleaved({name: wsgi_batch(each, headers) for name, each in apps.items()}, effort))
