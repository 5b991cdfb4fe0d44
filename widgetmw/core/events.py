"""What happened and why: each outcome has a code, and is counted.

A page that is left alone and a token that is refused look the same from outside as an app without this package.
The codes are how an operator tells them apart; ``docs/reasons.md`` has a row for each.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict

log = logging.getLogger("widgetmw")


class Events:
    """Counts outcomes by code, for one app.

    Outcomes are counted as ``"kind:code"``; ``kind`` is ``page``, ``token`` or ``endpoint``. Under many threads a
    count may miss one now and then: it is for people, and a lock would cost every request.
    """

    def __init__(self) -> None:
        self._counts: dict[str, defaultdict[str, int]] = {}
        self._said: set[str] = set()

    @property
    def counts(self) -> Counter[str]:
        """How often each has happened."""
        kinds = self._counts.copy()
        return Counter({f"{kind}:{code}": count for kind in kinds for code, count in kinds[kind].copy().items()})

    def tally(self, kind: str) -> defaultdict[str, int]:
        """Returns the counts of one kind, for who has many to add."""
        return self._counts.setdefault(kind, defaultdict(int))

    def note(self, kind: str, code: str) -> None:
        """Counts an outcome."""
        self.tally(kind)[code] += 1

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
