"""Starlette: the order of ``add_middleware`` and ``install`` does not matter."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware

from tests.frameworks.starlette_app import PAGE, PassThrough, make, member, with_sessions
from tests.frameworks.visitor import Visitor, assert_endpoint_headers, user_in
from widgetmw import Settings
from widgetmw.starlette import install


class SetsCsp:
    """A pure ASGI middleware that adds a CSP with a nonce."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"content-security-policy", b"script-src 'nonce-abcdef'")]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, sending)


LAYERS: dict[str, Callable[[Starlette], None]] = {
    "session": lambda app: app.add_middleware(SessionMiddleware, secret_key="x"),
    "gzip": lambda app: app.add_middleware(GZipMiddleware),
    "base": lambda app: app.add_middleware(PassThrough),
    "csp": lambda app: app.add_middleware(SetsCsp),
}


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("order", list(permutations(LAYERS)), ids="-".join)
def test_the_order_of_middleware_does_not_matter(settings: Settings, order: tuple[str, ...], position: int) -> None:
    app = make()
    for i, name in enumerate(order):
        if i == position:
            install(app, settings=settings, user=member)
        LAYERS[name](app)
    if position == len(order):
        install(app, settings=settings, user=member)
    visitor = Visitor(app)
    assert visitor.get().text == PAGE
    visitor.get("/in/ada")
    reply = visitor.get()
    assert user_in(reply.text) == "ada"
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.text.count('nonce="abcdef"') == 2
    assert reply.headers["cache-control"] == "private, no-store"
    assert "Cookie" in reply.headers["vary"]
    token = visitor.token()
    assert user_in(token.text) == "ada"
    assert_endpoint_headers(token)
    assert visitor.get("/out").text == PAGE
    assert visitor.token().status_code == 401


def test_it_runs_on_trio(settings: Settings) -> None:
    app = make()
    visitor = with_sessions(app, settings)
    visitor.backend = "trio"
    assert user_in(visitor.get().text) == user_in(visitor.token().text) == "ada"
