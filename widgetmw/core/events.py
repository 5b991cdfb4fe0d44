"""Counts what happened, by code, and logs what an operator can fix.

Without these counts an operator could not tell why a page has no script. ``docs/reasons.md`` lists the codes of kind
``page``, ``docs/proxies.md`` those of kind ``proxy``.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict

log = logging.getLogger("widgetmw")

_MAX_LOGGED = 1000


class Events:
    """Counts the outcomes of one app.

    Outcomes are counted as ``"kind:code"``; the kinds are ``page``, ``token``, ``endpoint`` and ``proxy``. With many
    threads a count may miss one now and then: a lock would cost every request.
    """

    def __init__(self) -> None:
        self._counters: dict[str, defaultdict[str, int]] = {}
        self._logged: set[str] = set()

    @property
    def counts(self) -> Counter[str]:
        """How often each outcome has happened."""
        kinds = self._counters.copy()
        return Counter({f"{kind}:{code}": count for kind in kinds for code, count in kinds[kind].copy().items()})

    def counter(self, kind: str) -> defaultdict[str, int]:
        """Returns the counts of one kind, for callers that count at every request."""
        return self._counters.setdefault(kind, defaultdict(int))

    def count(self, kind: str, code: str) -> None:
        """Counts an outcome."""
        self.counter(kind)[code] += 1

    def warn(self, kind: str, code: str, message: str) -> None:
        """Logs an outcome; the caller has counted it. The message holds no secret and no personal data."""
        log.warning("widgetmw: %s: %s: %s", kind, code, message)

    def count_and_warn(self, kind: str, code: str, message: str) -> None:
        """Counts an outcome that somebody has to fix, and logs it."""
        self.count(kind, code)
        self.warn(kind, code, message)

    def warn_once(self, kind: str, code: str, message: str) -> None:
        """Counts an outcome, and logs it the first time it has this message."""
        self.count(kind, code)
        if message not in self._logged and len(self._logged) < _MAX_LOGGED:
            self._logged.add(message)
            self.warn(kind, code, message)
