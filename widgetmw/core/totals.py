"""Adds up what all apps of this process have counted, for exporters, which read it when they are asked.

The counts of an app stay when it goes away, since a counter must never go backwards. They are merged into one object
only when the next app is made, so that no reader needs a lock: a lock that another thread holds at a fork would never
be released in the child.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import ref

from widgetmw.core.events import Events

if TYPE_CHECKING:
    from widgetmw.core.tokens.cache import TokenCache

_App: TypeAlias = "tuple[ref[TokenCache] | None, Events]"  # no cache: the sum of those that went away


class Totals:
    """The sums over all apps that were ever added."""

    def __init__(self) -> None:
        # replaced as a whole, so that a reader sees all counts of an app exactly once
        self._apps: tuple[_App, ...] = ()
        self._adding = Lock()

    def add(self, tokens: TokenCache, events: Events) -> None:
        """Counts an app in, for as long as its token cache exists."""
        with self._adding:
            gone = Events()
            living: list[_App] = []
            for cache, counted in self._apps:
                if cache is None or cache() is None:
                    gone.absorb(counted)
                else:
                    living.append((cache, counted))
            self._apps = ((None, gone), *living, (ref(tokens), events))

    def sum(self) -> Events:
        """Returns what all apps have counted."""
        total = Events()
        for _, events in self._apps:
            total.absorb(events)
        return total

    def cached_users(self) -> int:
        """Returns how many users have tokens in a cache."""
        caches = (None if cache is None else cache() for cache, _ in self._apps)
        return sum(len(cache) for cache in caches if cache is not None)


TOTALS: Final = Totals()
