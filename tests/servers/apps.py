"""The app that the servers under test run, in plain ASGI and WSGI. A cookie names the signed-in user."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import anyio
from starlette.responses import FileResponse

from widgetmw import User
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

PAGE = b"<!doctype html><html><head><title>Shop</title></head><body><p>Hello</p></body></html>"
HTML = "text/html; charset=utf-8"
PIECE = b"<p>" + b"x" * 16_380 + b"\n"
PIECES = int(os.environ.get("TEST_PIECES", "0"))
END = b"<p>the end</p>"
FOLDER = Path(os.environ.get("TEST_FOLDER", "."))
"""Holds files by which test and app signal each other: ``go`` lets ``/held`` end, ``closed`` shows that it has."""
STREAMS = ("/long", "/held")
FILES = {"/file": HTML, "/download": "application/octet-stream"}


def peak_memory() -> bytes:
    """Returns the peak resident memory in KiB, as markup."""
    return b"<i>%d</i>" % resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def user_from_cookie(cookie: str) -> User | None:
    found = SimpleCookie(cookie).get("user")
    return User(found.value) if found else None


def answer(path: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """Returns status, headers and body of a response that is sent in one piece."""
    if path in ("/empty", "/same"):
        return (204 if path == "/empty" else 304), [], b""
    texts = {"/memory": peak_memory(), "/pid": b"%d" % os.getpid(), "/size": b"%d" % len(body)}
    kind = "text/plain" if path in texts else "application/json" if path == "/json" else HTML
    found = texts.get(path, PAGE)
    return (404 if path == "/missing" else 200), [("Content-Type", kind), ("Content-Length", str(len(found)))], found


def long_page() -> Iterator[bytes]:
    yield PAGE
    before = peak_memory()
    for _ in range(PIECES):
        yield PIECE
    yield before + peak_memory()


def held_page() -> Iterator[bytes]:
    """A page that sends a few bytes at a time until the test lets it end."""
    yield PAGE
    until = time.monotonic() + 100
    while not (FOLDER / "go").exists() and time.monotonic() < until:
        yield b"<br>"
    yield END


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"].removeprefix(scope.get("root_path", "")) in STREAMS:
        await stream(scope, receive, send)
    elif scope["path"] in FILES:
        await FileResponse(FOLDER / "file", media_type=FILES[scope["path"]])(scope, receive, send)
    else:
        body = await read(receive) if scope["method"] == "POST" else b""
        status, headers, found = answer(scope["path"].removeprefix(scope.get("root_path", "")), body)
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": found})


async def read(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def stream(scope: Any, receive: Any, send: Any) -> None:
    """Sends a stream as frameworks do: until it ends or the client disconnects."""
    held = scope["path"].endswith("/held")
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_for_disconnect, receive, tasks.cancel_scope)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", HTML.encode())]})
            for piece in held_page() if held else long_page():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await anyio.sleep(0.02 if held else 0)
            await send({"type": "http.response.body", "body": b""})
            tasks.cancel_scope.cancel()
    finally:
        if held:
            (FOLDER / "closed").touch()


async def wait_for_disconnect(receive: Any, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def wsgi_app(environ: Any, start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    if path in STREAMS:
        start_response("200 OK", [("Content-Type", HTML)])
        return held() if path == "/held" else long_page()
    if path in FILES:
        size = (FOLDER / "file").stat().st_size
        start_response("200 OK", [("Content-Type", FILES[path]), ("Content-Length", str(size))])
        return environ.get("wsgi.file_wrapper", FileWrapper)((FOLDER / "file").open("rb"), 4096)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if path == "/size" else b""
    status, headers, found = answer(path, body)
    start_response(f"{status} Whatever", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [found]


def held() -> Iterator[bytes]:
    try:
        for piece in held_page():
            yield piece
            time.sleep(0.02)
    finally:
        (FOLDER / "closed").touch()


def asgi_user(scope: Any) -> User | None:
    return user_from_cookie("; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"))


def wsgi_user(environ: Any) -> User | None:
    return user_from_cookie(environ.get("HTTP_COOKIE", ""))


async def async_user(scope: Any) -> User | None:
    """Like ``asgi_user``, but awaits something, as a database query would."""
    await anyio.sleep(0)
    return asgi_user(scope)


if "DG_API_KEY" in os.environ:
    asgi = AsgiMiddleware(asgi_app, user=async_user)
    wsgi = WsgiMiddleware(wsgi_app, user=wsgi_user)
    for each in (asgi.engine, wsgi.engine):
        assert each is not None
        each.tokens.get(User("ada"))  # like an app that warms up before its server forks
