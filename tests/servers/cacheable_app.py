"""An app for cache tests: its pages have validators, and it responds 304 to conditional requests."""

from __future__ import annotations

import os
from email.utils import formatdate
from typing import Any

from tests.servers.apps import HTML, PAGE, asgi_user, wsgi_user
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware

#: The app's Cache-Control, by path.
CACHE = {
    "/revalidate": "max-age=0",
    "/minute": "max-age=60",
    "/public": "public, max-age=60",
    "/shared": "s-maxage=60",
    "/plain": "",
}
ETAG = '"one"'
DATED = formatdate(1_700_000_000, usegmt=True)


def response(path: str, request_headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = [("Content-Type", HTML), ("ETag", ETAG), ("Last-Modified", DATED)]
    if CACHE.get(path):
        headers.append(("Cache-Control", CACHE[path]))
    if request_headers.get("if-none-match") == ETAG or request_headers.get("if-modified-since") == DATED:
        return 304, headers[1:], b""
    return 200, [*headers, ("Content-Length", str(len(PAGE)))], PAGE


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    status, headers, body = response(scope["path"], {k.decode(): v.decode() for k, v in scope["headers"]})
    pairs = [(k.lower().encode(), v.encode()) for k, v in headers]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    request_headers = {k[5:].lower().replace("_", "-"): v for k, v in environ.items() if k.startswith("HTTP_")}
    status, headers, body = response(environ["PATH_INFO"], request_headers)
    start_response({200: "200 OK", 304: "304 Not Modified"}[status], headers)
    return [body] if body else []


if "DG_API_KEY" in os.environ:
    asgi = AsgiMiddleware(asgi_app, user=asgi_user)
    wsgi = WsgiMiddleware(wsgi_app, user=wsgi_user)
