"""What the package is measured against: the least that could be written for one app.

Each baseline is correct for the apps of this benchmark, and for no others. What they leave out, and the package does,
is what its overhead beyond theirs pays for: answers in pieces, ``HEAD``, compressed pages, shared caches, policies,
validators, charsets, pages without a head tag, renewal, failures of the resolver.

====================  =====================================================================================
forwarding            a wrapper that only passes the app's answer on, written as most are
least injecting       the smallest code that a good engineer would write to inject a snippet made before
====================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from benchmarks.traffic import AsgiApp, WsgiApp
from widgetmw import User

Resolver = Callable[[Any], User | None]
Snippets = Mapping[str, bytes]


def asgi_forwarding(app: AsgiApp) -> AsgiApp:
    """A wrapper that only forwards ``send``."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def forward(message: Any) -> None:
            await send(message)

        await app(scope, receive, forward)

    return wrapped


def asgi_least_injecting(
    app: AsgiApp, user: Resolver, snippets: Snippets, put: Callable[[bytes, bytes], bytes] | None = None
) -> AsgiApp:
    """The least code that injects: for pages in one message, with a head tag as its author writes it.

    It looks whether the answer is a page, asks who is signed in, puts that user's ready snippet behind ``<head>``,
    corrects the length, and keeps the page out of shared caches. Nothing else.

    Args:
        app: to be wrapped.
        user: finds out who is signed in.
        snippets: by the user's id.
        put: puts a snippet into a page; ``None``: cuts the page in two and joins all of it.
    """

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        start: Any = None

        async def inject(message: Any) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if dict(start["headers"]).get(b"content-type", b"").startswith(b"text/html"):
                found = user(scope)
                if found is not None:
                    if put is None:
                        before, head, after = message["body"].partition(b"<head>")
                        body = b"".join((before, head, snippets[found.id], after))
                    else:
                        body = put(message["body"], snippets[found.id])
                    kept = [pair for pair in start["headers"] if pair[0] not in _REPLACED]
                    kept += ((b"content-length", b"%d" % len(body)), (b"cache-control", b"private, no-store"))
                    start, message = {**start, "headers": kept}, {**message, "body": body}
            await send(start)
            await send(message)

        await app(scope, receive, inject)

    return wrapped


_REPLACED = (b"content-length", b"cache-control")


def replaced(body: bytes, snippet: bytes) -> bytes:
    """Puts a snippet into a page with ``bytes.replace``, which does not cut it."""
    return body.replace(b"<head>", b"<head>" + snippet, 1)


def wsgi_forwarding(app: WsgiApp) -> WsgiApp:
    """A wrapper that only passes on: ``start_response``, the items, and ``close``."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def forward(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, headers, exc_info)

        return _passed(app(environ, forward))

    return wrapped


def _passed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


def wsgi_least_injecting(app: WsgiApp, user: Resolver, snippets: Snippets) -> WsgiApp:
    """The least code that injects, for WSGI: it does what :func:`asgi_least_injecting` does."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        status, headers = "", []

        def start(given: str, pairs: Any, exc_info: Any = None) -> None:
            nonlocal status, headers
            status, headers = given, pairs

        chunks = app(environ, start)
        if dict(headers).get("Content-Type", "").startswith("text/html"):
            found = user(environ)
            if found is not None:
                before, head, after = b"".join(chunks).partition(b"<head>")
                body = b"".join((before, head, snippets[found.id], after))
                headers = [pair for pair in headers if pair[0] not in ("Content-Length", "Cache-Control")]
                headers += (("Content-Length", str(len(body))), ("Cache-Control", "private, no-store"))
                chunks = [body]
        start_response(status, headers)
        return chunks

    return wrapped
