"""The operations that make up the cost of a page, each on its own, with pyperf in processes of its own.

They are for reading, not for comparing: the times are those of one machine. ``python -m benchmarks.sections.pieces``
accepts pyperf's own options.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.rounds import Estimate
from benchmarks.subject import ADA, VENDORS, settings, signed_in
from benchmarks.traffic import CHROME_HEADERS, HTML, SEVEN_HEADERS, SHORT_HEADERS, asgi_request, discard, page
from widgetmw import User
from widgetmw.asgi.responder import Responder, nothing
from widgetmw.core.engine import Engine
from widgetmw.core.html.head_scanner import HeadScanner
from widgetmw.core.identity.request_identity import acquire
from widgetmw.core.identity.resolvers import resolve_user_maybe_async

TITLE = "Individual operations"
_FULL = ("--processes", "4", "--values", "5", "--warmups", "1", "--min-time", "0.02")
_FAST = ("--processes", "1", "--values", "2", "--warmups", "1", "--min-time", "0.001")


def measure(effort: Effort) -> Section:
    """Runs pyperf and reads its results."""
    if find_spec("pyperf") is None:
        return Section(notes=["pyperf is not installed: the individual operations were not measured"])
    options = _FULL if effort.scale == 1 else _FAST
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pieces.json"
        command = [sys.executable, "-m", __name__, "--quiet", "--inherit-environ=PATH", *options, "-o", str(output)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        suite = json.loads(output.read_text())
    return Section(costs={TITLE: dict(map(_estimate, suite["benchmarks"]))})


def _estimate(benchmark: Any) -> tuple[str, Estimate]:
    values = sorted(value * 1e6 for run in benchmark["runs"] for value in run.get("values", ()))
    quarter = len(values) // 4
    return benchmark["metadata"]["name"], Estimate(values[len(values) // 2], values[quarter], values[-1 - quarter])


def pieces() -> dict[str, Callable[[], object]]:
    """Returns the operations to measure, by name."""
    tokens, long_page = Engine(settings()).tokens, page(100_000)
    vendors = {vendor.provider.name: vendor.provider for vendor in settings(len(VENDORS)).vendors}
    operations: dict[str, Callable[[], object]] = {
        f"sign a token of {name}": lambda provider=provider: provider.mint(ADA, 1_700_000_000, 1_700_003_600)  # type: ignore[misc]
        for name, provider in vendors.items()
    }
    operations["get a user's cached tokens"] = lambda: tokens.get(ADA)
    operations["create a User"] = lambda: User("ada", name="Ada", email="ada@shop.example")
    operations["find the head of a 100 KB page"] = lambda: HeadScanner(True).feed(long_page)
    return operations | _of_a_page()


def _of_a_page() -> dict[str, Callable[[], object]]:
    """Returns the operations of a page with a token, in their order."""
    engine, body = Engine(settings()), page()
    request, two = asgi_request(list(SHORT_HEADERS)), [(b"content-type", HTML), (b"content-length", b"10000")]
    nine = [*two, *SEVEN_HEADERS]
    start = {"type": "http.response.start", "status": 200, "headers": two}
    engine.known_prefixes.insertion_offset("", body)  # remembers how the page begins

    def respond(scope: dict[str, Any] = request) -> Responder:
        responder = Responder()
        responder.begin(engine, scope, "", "/", discard, signed_in)
        return responder

    responder, of_chrome = respond(), respond(asgi_request(CHROME_HEADERS))
    responder.read_request_headers()

    def inject() -> object:
        headers = list(two)
        return engine.prepare_page(responder, engine.page_from_bytes(200, headers), headers, ADA)  # type: ignore[arg-type]

    return {
        "ASGI: acquire a request": lambda: acquire(dict(request), engine),
        "ASGI: the same without acquiring it": lambda: dict(request),
        "ASGI: read 3 request headers": responder.read_request_headers,
        "ASGI: read 17 request headers": of_chrome.read_request_headers,
        "ASGI: create a responder": respond,
        "read 2 response headers and make them private": lambda: engine.page_from_bytes(200, two),
        "read 9 response headers and make them private": lambda: engine.page_from_bytes(200, nine),
        "find the insertion offset of a page that begins like the last one": lambda: (
            engine.known_prefixes.insertion_offset("", body)
        ),
        "resolve the user": lambda: resolve_user_maybe_async(request, signed_in),
        "read 2 response headers and render the script": inject,
        "ASGI: copy a message": lambda: start.copy(),
        "ASGI: create a coroutine": lambda: nothing().close(),
        "count an outcome": lambda: engine.events.count("page", "not_html"),
    }


def main() -> None:
    """Runs under pyperf, which starts this module again in several processes."""
    import pyperf

    runner = pyperf.Runner(program_args=("-m", "benchmarks.sections.pieces"))
    for name, call in pieces().items():
        runner.bench_func(name, call)


if __name__ == "__main__":
    main()
