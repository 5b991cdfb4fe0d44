"""Sixty-four threads that ask for the same cold user at once."""

from __future__ import annotations

from threading import Barrier, Thread

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import spread
from benchmarks.subject import settings
from widgetmw import User
from widgetmw.core.tokens import Tokens
from widgetmw.core.widget import Widget

THREADS, TRIES = 64, 50


def measure(effort: Effort) -> Section:
    """Counts mints."""
    mints = [minted(f"user-{number}") for number in range(effort.of(TRIES, 2))]
    return Section([Finding("64 threads asking for one cold user", "mints", spread(mints), "", limit=1)])


def minted(id: str) -> int:
    """How many tokens the threads cause to be made, by the package's own count."""
    widget = Widget(settings())
    barrier = Barrier(THREADS)
    threads = [Thread(target=_ask, args=(widget.tokens, id, barrier)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return widget.events.counts["token:minted"]


def _ask(tokens: Tokens, id: str, barrier: Barrier) -> None:
    user = User(id)
    barrier.wait()
    tokens.get(user)
