"""The app that real servers run in the tests: raw ASGI and raw WSGI, who is signed in stands in a cookie."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

from widgetmw import User
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

PAGE = b"<!doctype html><html><head><title>Shop</title></head><body><p>Hello</p></body></html>"
HTML = "text/html; charset=utf-8"
PIECE = b"<p>" + b"x" * 16_380 + b"\n"
PIECES = int(os.environ.get("TEST_PIECES", "0"))


def grown() -> bytes:
    """Peak resident memory in KiB, as the last bytes of the long page."""
    return b"<i>%d</i>" % resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def person(cookie: str) -> User | None:
    found = SimpleCookie(cookie).get("user")
    return User(found.value) if found else None


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", HTML.encode())]
    long = scope["path"] == "/long"
    if scope["path"] == "/memory":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": grown()})
        return
    if scope["path"] == "/json":
        headers = [(b"content-type", b"application/json")]
    if not long:
        headers.append((b"content-length", str(len(PAGE)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE, "more_body": long})
    if long:
        before = grown()
        for _ in range(PIECES):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": before + grown()})


def wsgi_app(environ: Any, start_response: Any) -> Any:
    headers = [("Content-Type", "application/json" if environ["PATH_INFO"] == "/json" else HTML)]
    if environ["PATH_INFO"] == "/memory":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [grown()]
    if environ["PATH_INFO"] == "/long":
        start_response("200 OK", headers)
        return _long()
    start_response("200 OK", [*headers, ("Content-Length", str(len(PAGE)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [PAGE]


def _long() -> Iterator[bytes]:
    yield PAGE
    before = grown()
    for _ in range(PIECES):
        yield PIECE
    yield before + grown()


def asgi_user(scope: Any) -> User | None:
    return person(next((v.decode("latin-1") for k, v in scope["headers"] if k == b"cookie"), ""))


def wsgi_user(environ: Any) -> User | None:
    return person(environ.get("HTTP_COOKIE", ""))


if "DG_API_KEY" in os.environ:
    asgi = AsgiMiddleware(asgi_app, user=asgi_user)
    wsgi = WsgiMiddleware(wsgi_app, user=wsgi_user)
