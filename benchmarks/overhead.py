"""Overhead per request, with minus without, of the ASGI driver: ``make bench``.

Each case is measured in interleaved rounds beside its baselines, in process and on one core; the figure is the median
of the rounds. Seconds differ from machine to machine, ratios hardly do.
"""

from __future__ import annotations

import asyncio
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from widgetmw import Settings, User, __version__
from widgetmw.asgi import WidgetMiddleware

App = Callable[[Any, Any, Any], Any]

ROUNDS, REQUESTS = 15, 2_000
ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"}
HEAD = b"<!doctype html><html><head><title>Shop</title></head><body>"
PAGE = (HEAD + b"<p>hello, world</p>" * 600)[:10_000]
SHORT = [(b"host", b"shop.example"), (b"accept", b"text/html"), (b"cookie", b"session=1")]
CHROME = [
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
    (b"cookie", b"session=0123456789abcdef; widgetmw=1"),
]
NINE = [
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"vary", b"Accept-Language"),
    (b"set-cookie", b"seen=1; Path=/"),
    (b"cache-control", b"no-cache"),
    (b"server", b"shop"),
]


def answering(content_type: bytes, *more: tuple[bytes, bytes]) -> App:
    """The app: one header message, one body message."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(PAGE)), *more]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE})

    return app


def forwarding(app: App) -> App:
    """Baseline: a wrapper that only forwards ``send``."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def forward(message: Any) -> None:
            await send(message)

        await app(scope, receive, forward)

    return wrapped


def injecting(app: App, span: bytes) -> App:
    """Baseline: the least code that puts a ready snippet into a page."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        start: Any = None

        async def inject(message: Any) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body = message["body"]
            place = body.index(b"<head>") + 6
            length = b"%d" % (len(body) + len(span))
            headers = [(k, length if k == b"content-length" else v) for k, v in start["headers"]]
            await send({**start, "headers": headers})
            await send({**message, "body": body[:place] + span + body[place:]})

        await app(scope, receive, inject)

    return wrapped


async def nowhere(message: Any) -> None:
    """The server's side."""


async def timed(app: App, headers: list[tuple[bytes, bytes]]) -> float:
    """Microseconds per request."""
    start = time.perf_counter()
    for _ in range(REQUESTS):
        request = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
        await app(request, None, nowhere)
    return (time.perf_counter() - start) / REQUESTS * 1e6


def overheads(bare: App, wrapped: dict[str, App], headers: list[tuple[bytes, bytes]]) -> dict[str, float]:
    """Medians of interleaved rounds, less the bare app's."""
    apps = {"bare": bare, **wrapped}

    async def rounds() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {name: [] for name in apps}
        for _ in range(ROUNDS):
            for name, app in apps.items():
                found[name].append(await timed(app, headers))
        return found

    medians = {name: statistics.median(times) for name, times in asyncio.run(rounds()).items()}
    return {name: medians[name] - medians["bare"] for name in wrapped}


def main() -> None:
    """Prints the table."""
    settings, user = Settings.from_env(ENV), User("ada", "Ada")
    page, json = answering(b"text/html; charset=utf-8"), answering(b"application/json")
    rich = answering(b"text/html; charset=utf-8", *NINE)
    span = b"<script>" + b"x" * 3_500 + b"</script>"

    def ours(app: App, who: Any) -> App:
        return WidgetMiddleware(app, settings, user=who)

    cases: list[tuple[str, App, App, list[tuple[bytes, bytes]]]] = [
        ("not a page", json, ours(json, lambda scope: user), SHORT),
        ("a page for nobody", page, ours(page, lambda scope: None), SHORT),
        ("a 10 KB page, token in cache", page, ours(page, lambda scope: user), SHORT),
        ("the same, as Chrome asks", rich, ours(rich, lambda scope: User("ada", "Ada")), CHROME),
    ]
    print(f"widgetmw {__version__}, {platform.python_implementation()} {platform.python_version()}, {sys.platform}")
    print(f"{'case':32}{'ours':>10}{'/ forward':>11}{'/ inject':>10}")
    for name, bare, wrapped, headers in cases:
        found = overheads(
            bare, {"ours": wrapped, "forward": forwarding(bare), "inject": injecting(bare, span)}, headers
        )
        ratios = (found["ours"] / found["forward"], found["ours"] / found["inject"])
        print(f"{name:32}{found['ours']:7.2f} µs{ratios[0]:11.1f}{ratios[1]:10.1f}")


if __name__ == "__main__":
    main()
