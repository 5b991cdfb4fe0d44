"""What happened and why: each outcome has a code, is counted, and is handed to whoever listens.

A page that is left alone and a token that is refused look the same from outside as an app without this package.
The codes are how an operator tells them apart; ``docs/reasons.md`` has a row for each.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

log = logging.getLogger("widgetmw")

Listener: TypeAlias = Callable[[str, str], None]


class Events:
    """Counts outcomes by code, for one app.

    Outcomes are counted as ``"kind:code"``; ``kind`` is ``page``, ``token`` or ``endpoint``. Under many threads a
    count may miss one now and then: it is for people, and a lock would cost every request.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._listener = listener
        self._said: set[str] = set()

    @property
    def counts(self) -> Counter[str]:
        """How often each has happened."""
        return Counter({f"{kind}:{code}": count for (kind, code), count in self._counts.copy().items()})

    def note(self, kind: str, code: str) -> None:
        """Counts an outcome and tells the listener."""
        counts, key = self._counts, (kind, code)
        counts[key] = counts.get(key, 0) + 1
        if self._listener is not None:
            self._listener(kind, code)

    def failure(self, kind: str, code: str, why: str) -> None:
        """Notes an outcome that somebody has to mend, with one line of log.

        Args:
            kind: as for :meth:`note`.
            code: as for :meth:`note`.
            why: what to look at; no secret and nothing personal.
        """
        self.note(kind, code)
        self.say(kind, code, why)

    def say(self, kind: str, code: str, why: str) -> None:
        """Writes the line of log alone, for an outcome that is noted elsewhere."""
        log.warning("%s: %s: %s", kind, code, why)

    def once(self, kind: str, code: str, why: str) -> None:
        """Notes an outcome, and logs it the first time that it is for this reason."""
        self.note(kind, code)
        if why not in self._said and len(self._said) < 1000:
            self._said.add(why)
            self.say(kind, code, why)
