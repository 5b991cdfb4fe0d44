"""The pieces that a page's cost is made of, each by itself, with pyperf in processes of its own.

They are for reading, not for comparing: their times are the machine's. ``python -m benchmarks.sections.pieces`` takes
pyperf's own options.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import CellType, MethodType
from typing import Any

from benchmarks.effort import Effort
from benchmarks.finding import Section
from benchmarks.rounds import Estimate
from benchmarks.subject import ADA, VENDORS, settings, signed_in
from benchmarks.traffic import CHROME, HTML, SEVEN, SHORT, asgi_request, nowhere, page
from widgetmw import User
from widgetmw.asgi.responder import nothing
from widgetmw.core.html.head_scanner import HeadScanner
from widgetmw.core.identity.resolvers import claim, whose

TITLE = "pieces, by themselves"
_SPEED = ("--processes", "4", "--values", "5", "--warmups", "1", "--min-time", "0.02")
_FASTER = ("--processes", "1", "--values", "2", "--warmups", "1", "--min-time", "0.001")


def measure(effort: Effort) -> Section:
    """Runs pyperf and reads what it found."""
    if find_spec("pyperf") is None:
        return Section(notes=["pyperf is not installed: the pieces were not measured"])
    speed = _SPEED if effort.scale == 1 else _FASTER
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "pieces.json"
        words = [sys.executable, "-m", __name__, "--quiet", "--inherit-environ=PATH", *speed, "-o", str(output)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        suite = json.loads(output.read_text())
    return Section(costs={TITLE: dict(map(_estimate, suite["benchmarks"]))})


def _estimate(benchmark: Any) -> tuple[str, Estimate]:
    values = sorted(value * 1e6 for run in benchmark["runs"] for value in run.get("values", ()))
    quarter = len(values) // 4
    return benchmark["metadata"]["name"], Estimate(values[len(values) // 2], values[quarter], values[-1 - quarter])


def pieces() -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    tokens, scanned = Widget(settings()).tokens, page(100_000)
    made = {vendor.provider.name: vendor.provider for vendor in settings(len(VENDORS)).vendors}
    found: dict[str, Callable[[], object]] = {
        f"a token of {name}, signed": lambda provider=provider: provider.mint(ADA, 1_700_000_000, 1_700_003_600)  # type: ignore[misc]
        for name, provider in made.items()
    }
    found["a user's tokens from the cache"] = lambda: tokens.get(ADA)
    found["a User object"] = lambda: User("ada", name="Ada", email="ada@shop.example")
    found["the head of a 100 KB page, found"] = lambda: HeadScanner(True).feed(scanned)
    return found | _of_a_page()


def _of_a_page() -> dict[str, Callable[[], object]]:
    """What the short way of a page is made of, in its order."""
    widget, body = Widget(settings()), page()
    glance, opening = Glance(widget, signed_in), widget.opening("", body)
    request, html = asgi_request(list(SHORT)), [(b"content-type", HTML), (b"content-length", b"10000")]
    long, nine = asgi_request(list(CHROME)), [*html, *SEVEN]
    private = glance.headers.private
    assert opening is not None

    def dressed() -> object:
        made = private(html)
        return made and widget.plain(made, opening, body, ADA)

    start = {"type": "http.response.start", "status": 200, "headers": html}
    return {
        "ASGI: a request claimed": lambda: claim(dict(request), widget),
        "ASGI: the same without claiming it": lambda: dict(request),
        "ASGI: 3 request headers looked through": lambda: special(request),
        "ASGI: 17 request headers looked through": lambda: special(long),
        "ASGI: what is known of an answer, and a function bound to it": lambda: MethodType(
            glanced, [None, None, nowhere, glance, CellType(request), ""]
        ),
        "2 headers of a page judged and made private": lambda: private(html),
        "9 headers of a page judged and made private": lambda: private(nine),
        "how the page begins": lambda: widget.opening("", body),
        "whose it is, the resolver included": lambda: whose(request, signed_in),
        "page and its 2 headers with the span": dressed,
        "ASGI: a message copied": lambda: start.copy(),
        "ASGI: a coroutine that is never waited for": lambda: nothing().close(),
        "an outcome counted": lambda: widget.skip("not_html"),
    }


def main() -> None:
    """Runs under pyperf, which starts this again in several processes."""
    import pyperf

    runner = pyperf.Runner(program_args=("-m", "benchmarks.sections.pieces"))
    for name, call in pieces().items():
        runner.bench_func(name, call)


if __name__ == "__main__":
    main()
