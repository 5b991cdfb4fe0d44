"""The baselines: the least code that could be written for one app.

Each baseline is correct for the apps of this benchmark only. The package's overhead beyond theirs pays for what they
leave out: streamed responses, ``HEAD``, compressed pages, shared caches, CSP, conditional headers, charsets, pages
without a head tag, renewal, and resolvers that fail.

====================  =====================================================================================
forwarding            a wrapper that only passes the response on, written the usual way
minimal injector      the least code that a good engineer would write to inject a ready-made snippet
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


def asgi_minimal_injector(
    app: AsgiApp, user: Resolver, snippets: Snippets, insert: Callable[[bytes, bytes], bytes] | None = None
) -> AsgiApp:
    """The least code that injects, for pages that come in one message and have a plain ``<head>``.

    It checks whether the response is HTML, resolves the user, inserts that user's ready-made snippet after ``<head>``,
    corrects the length, and keeps the page out of shared caches. Nothing else.

    Args:
        app: The app to wrap.
        user: Resolves the signed-in user.
        snippets: Snippets by user id.
        insert: Inserts a snippet into a page; ``None`` splits the page in two and joins the parts.
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
                    if insert is None:
                        before, head, after = message["body"].partition(b"<head>")
                        body = b"".join((before, head, snippets[found.id], after))
                    else:
                        body = insert(message["body"], snippets[found.id])
                    kept = [pair for pair in start["headers"] if pair[0] not in _REPLACED_HEADERS]
                    kept += ((b"content-length", b"%d" % len(body)), (b"cache-control", b"private, no-store"))
                    start, message = {**start, "headers": kept}, {**message, "body": body}
            await send(start)
            await send(message)

        await app(scope, receive, inject)

    return wrapped


_REPLACED_HEADERS = (b"content-length", b"cache-control")


def inject_with_replace(body: bytes, snippet: bytes) -> bytes:
    """Inserts a snippet into a page with ``bytes.replace``, which does not split it."""
    return body.replace(b"<head>", b"<head>" + snippet, 1)


def wsgi_forwarding(app: WsgiApp) -> WsgiApp:
    """A wrapper that only passes on ``start_response``, the chunks and ``close``."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def forward(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, headers, exc_info)

        return _pass_through(app(environ, forward))

    return wrapped


def _pass_through(chunks: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


def wsgi_minimal_injector(app: WsgiApp, user: Resolver, snippets: Snippets) -> WsgiApp:
    """The least code that injects, for WSGI; it does the same as :func:`asgi_minimal_injector`."""

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
