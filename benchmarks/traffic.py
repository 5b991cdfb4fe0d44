"""Pages, requests, and apps and servers that take almost no time, so that a measurement shows the wrapper alone."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from benchmarks.rounds import Batch

AsgiApp: TypeAlias = Callable[[Any, Any, Any], Any]
WsgiApp: TypeAlias = Callable[[dict[str, Any], Any], Iterable[bytes]]
Headers: TypeAlias = list[tuple[bytes, bytes]]
CopyHeaders: TypeAlias = Callable[[Headers], Headers]

HTML, JSON = b"text/html; charset=utf-8", b"application/json"
SHORT_HEADERS: Headers = [(b"host", b"shop.example"), (b"accept", b"text/html"), (b"cookie", b"session=1")]
CHROME_HEADERS: Headers = [
    (b"host", b"shop.example"),
    (b"connection", b"keep-alive"),
    (b"cache-control", b"max-age=0"),
    (b"sec-ch-ua", b'"Chromium";v="140", "Not=A?Brand";v="24"'),
    (b"sec-ch-ua-mobile", b"?0"),
    (b"sec-ch-ua-platform", b'"Linux"'),
    (b"upgrade-insecure-requests", b"1"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140 Safari/537.36"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    (b"sec-fetch-site", b"same-origin"),
    (b"sec-fetch-mode", b"navigate"),
    (b"sec-fetch-user", b"?1"),
    (b"sec-fetch-dest", b"document"),
    (b"referer", b"https://shop.example/"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"accept-language", b"en-GB,en;q=0.9"),
    (b"cookie", b"session=0123456789abcdef; widgetmw_00000000=1"),
]
# nine headers, together with content-type and content-length
SEVEN_HEADERS: Headers = [
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"vary", b"Accept-Language"),
    (b"set-cookie", b"seen=1; Path=/"),
    (b"cache-control", b"no-cache"),
    (b"server", b"shop"),
]


def page(size: int = 10_000, before: int = 0, head: int = 0) -> bytes:
    """Returns a page.

    Args:
        size: Minimum size in bytes.
        before: Bytes of a comment before the head.
        head: Bytes of meta elements inside the head.
    """
    comment = b"<!--" + b"-" * (before - 7) + b"-->" if before >= 7 else b""
    meta = b'<meta name="a" content="b">\n' * (head // 28)
    start = (
        b'<!doctype html>\n<html lang="en">\n'
        + comment
        + b"<head>\n<title>Shop</title>\n"
        + meta
        + b"</head>\n<body>\n"
    )
    end = b"</body>\n</html>\n"
    text = b"<p>A line of the shop's page, such as there are many.</p>\n"
    room = max(0, size - len(start) - len(end))
    return start + (text * (room // len(text) + 1))[:room] + end


# ASGI


def copy_bytes(headers: Headers) -> Headers:
    """Returns new bytes objects, as from a server or framework: their hashes are not cached yet."""
    return [(bytes(bytearray(name)), bytes(bytearray(value))) for name, value in headers]


def asgi_app(
    body: bytes, kind: bytes = HTML, more: Headers | None = None, chunks: int = 1, copy_headers: CopyHeaders = list
) -> AsgiApp:
    """Returns an app that sends a body in one or more messages, with a copy of its headers."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *(more or ())]
    step = -(-len(body) // chunks)
    pieces = [body[i : i + step] for i in range(0, len(body), step)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": copy_headers(headers)})
        for piece in pieces[:-1]:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": pieces[-1]})

    return app


def asgi_request(headers: Headers, path: str = "/") -> dict[str, Any]:
    """Returns a scope like uvicorn's."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "state": {},
    }


async def empty_receive() -> dict[str, Any]:
    """Acts as the server's ``receive`` for a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def discard(message: Any) -> None:
    """Acts as the server's ``send``."""


class Loop:
    """An event loop that calls ASGI apps without a server."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def batch(self, app: AsgiApp, headers: Headers, path: str = "/", copy_headers: CopyHeaders = list) -> Batch:
        """Returns a batch of calls to the app."""

        async def calls(count: int) -> float:
            start = time.thread_time()
            for _ in range(count):
                await app(asgi_request(copy_headers(headers), path), empty_receive, discard)
            return time.thread_time() - start

        return lambda count: self._loop.run_until_complete(calls(count))

    def get(self, app: AsgiApp, headers: Headers, path: str = "/") -> bytes:
        """Requests a path and returns the body."""
        parts: list[bytes] = []

        async def send(message: Any) -> None:
            parts.append(bytes(message.get("body", b"")))

        self._loop.run_until_complete(app(asgi_request(headers, path), empty_receive, send))
        return b"".join(parts)

    def close(self) -> None:
        """Closes the loop."""
        self._loop.close()


@contextmanager
def event_loop() -> Iterator[Loop]:
    """Provides an event loop and closes it."""
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


# WSGI


def wsgi_app(body: bytes, kind: bytes = HTML, more: Headers | None = None) -> WsgiApp:
    """Returns an app that responds with a list of one chunk."""
    pairs = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *(more or ())]
    headers = [(name.decode().title(), value.decode()) for name, value in pairs]

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", list(headers))
        return [body]

    return app


def wsgi_request(headers: Headers, path: str = "/") -> dict[str, Any]:
    """Returns an environ like gunicorn's."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "bench",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in headers},
    }


def server_start_response(
    status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None
) -> Callable[[bytes], None]:
    """Acts as the server's ``start_response``."""
    return _reject_write


def _reject_write(data: bytes) -> None:
    raise AssertionError("no benchmark app uses write()")


def response_body(app: WsgiApp, environ: dict[str, Any]) -> bytes:
    """Calls an app like a server and returns the body."""
    chunks = app(environ, server_start_response)
    try:
        return b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


def wsgi_batch(app: WsgiApp, headers: Headers) -> Batch:
    """Returns a batch of calls to the app."""
    request = wsgi_request(headers)

    def calls(count: int) -> float:
        start = time.thread_time()
        for _ in range(count):
            chunks = app(request.copy(), server_start_response)
            for _ in chunks:
                pass
            if hasattr(chunks, "close"):
                chunks.close()
        return time.thread_time() - start

    return calls
