"""Counts what happened, by code, and logs what an operator can fix.

Without these counts an operator could not tell why a page has no script. ``docs/reasons.md`` lists the codes of kind
``page``, ``docs/proxies.md`` those of kind ``proxy``.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from widgetmw.core.histogram import Histogram
from widgetmw.core.reasons import SkipReason


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Our logger, which never raises.

    A filter of the app may need the app's request context, which is not there when we log. That must break no page.
    """

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Logs a line; each of the other methods calls this."""
        try:
            super().log(level, msg, *args, **kwargs)
        except Exception:  # noqa: S110  there is nowhere to report it
            pass


log: _Log = _Log(logging.getLogger("widgetmw"))

_MAX_LOGGED = 1000
_QUIET_SECONDS = 60
_MAX_PATH = 200
_MAX_VISITORS = 1000
# Judged by response headers that often differ for visitors: their pages are cached or compressed as no other is.
_OFTEN_OF_VISITORS = {SkipReason.SHARED_CACHE, SkipReason.CONTENT_ENCODING, SkipReason.NO_TRANSFORM}


def debug_traceback(error: BaseException) -> None:
    """Logs the traceback of an error at level DEBUG, without its message, which may hold personal data or a secret."""
    if log.isEnabledFor(logging.DEBUG):
        lines = "".join(traceback.format_tb(error.__traceback__))
        log.debug("widgetmw: Traceback (most recent call last):\n%s%s", lines, type(error).__name__)


class Events:
    """Counts the outcomes of one app, and logs what an operator can fix.

    Outcomes are counted as ``"kind:code"``. The kinds are ``page``, ``token``, ``endpoint`` and ``proxy``, ``note`` for
    what is left out of a page with a script, and those of the metrics in ``core/metrics.py``. There is no lock, which
    would cost every request: CPython switches threads only at calls and jumps, never within ``counts[code] += 1``. On a
    free-threaded Python, a count may miss one now and then.

    Args:
        clock: returns Unix seconds.

    Attributes:
        mint_seconds: how long signing has taken, by vendor.
        unreported: the codes of the reasons to skip a page that :meth:`report` has not logged yet.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.mint_seconds: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.unreported: set[str] = {reason.code for reason in SkipReason if reason.log_level is not None}
        self._clock = clock
        self._counters: dict[str, dict[str, int]] = {}
        # by kind, code and message: when the line was logged, and how many were suppressed since
        self._logged: dict[tuple[str, str, str], tuple[float, int]] = {}
        self._visitors: defaultdict[str, int] = defaultdict(int)  # how many of their pages :meth:`report` was told of
        self._logged_once: set[tuple[str, str, str]] = set()

    @property
    def counts(self) -> Counter[str]:
        """How often each outcome has happened."""
        kinds = self._counters.copy()
        counted = ((kind, code, count) for kind in kinds for code, count in kinds[kind].copy().items())
        return Counter({f"{kind}:{code}": count for kind, code, count in counted if count})

    def counter(self, kind: str) -> dict[str, int]:
        """Returns the counts of one kind."""
        return self._counters.setdefault(kind, defaultdict(int))

    def fixed_counter(self, kind: str, codes: Iterable[str]) -> dict[str, int]:
        """Returns the counts of a kind that has only these codes, for callers that count at every request.

        A plain dict is faster than one with a default. Its counts are there from the start: to a reader that has seen
        no zero, the first event would be no increase.
        """
        self._counters[kind] = counter = dict.fromkeys(codes, 0)
        return counter

    def absorb(self, other: Events) -> None:
        """Adds the counts of another object, which another thread may be changing."""
        for kind, counts in other._counters.copy().items():
            counter = self.counter(kind)
            for code, count in counts.copy().items():
                counter[code] += count
        for provider, histogram in other.mint_seconds.copy().items():
            self.mint_seconds[provider].add(histogram)

    def count(self, kind: str, code: str) -> None:
        """Counts an outcome."""
        self.counter(kind)[code] += 1

    def report(self, reason: SkipReason, path: str, has_credentials: bool = True) -> None:
        """Logs that a page was skipped, the first time that happens for this reason; the caller has counted it.

        Args:
            path: of the page. It is shortened, and cannot break the line.
            has_credentials: whether the request had a cookie or ``Authorization``. Without them the page may be an
                anonymous visitor's. Such pages often have other caching headers, so the first page with credentials is
                logged, too, if it comes before a thousand others: the caller looks for credentials only until then.
        """
        code = reason.code
        if code not in self.unreported:
            return
        is_visitors = not has_credentials and reason in _OFTEN_OF_VISITORS
        if is_visitors:
            self._visitors[code] += 1
        if not is_visitors or self._visitors[code] == _MAX_VISITORS:
            self.unreported.discard(code)
        if is_visitors and self._visitors[code] > 1:
            return
        assert reason.log_level is not None
        hint = " The request had no cookie: the pages of signed-in users may be different." if is_visitors else ""
        message = "widgetmw: page: %s at %r: %s %s%s"
        log.log(reason.log_level, message, code, path[:_MAX_PATH], reason.text, reason.remedy, hint)

    def warn(self, kind: str, code: str, message: str, error: BaseException | None = None) -> None:
        """Logs an outcome, at most once a minute; the caller has counted it.

        Args:
            message: holds no secret and no personal data.
            error: its traceback is logged at level DEBUG.
        """
        key, now = (kind, code, message), self._clock()
        since, suppressed = self._logged.get(key, (float("-inf"), 0))
        if since <= now < since + _QUIET_SECONDS:
            self._logged[key] = since, suppressed + 1
            return
        if len(self._logged) >= _MAX_LOGGED:
            self._logged.clear()
        self._logged[key] = now, 0
        suffix = f" ({suppressed} more since the last such line)" if suppressed else ""
        self.warn_always(kind, code, message + suffix)
        if error is not None:
            debug_traceback(error)

    def count_and_warn(self, kind: str, code: str, message: str, error: BaseException | None = None) -> None:
        """Counts an outcome that somebody has to fix, and logs it like :meth:`warn`."""
        self.count(kind, code)
        self.warn(kind, code, message, error)

    def warn_once(self, kind: str, code: str, message: str) -> None:
        """Counts an outcome, and logs it the first time it has this message."""
        self.count(kind, code)
        key = (kind, code, message)
        if key not in self._logged_once and len(self._logged_once) < _MAX_LOGGED:
            self._logged_once.add(key)
            self.warn_always(kind, code, message)

    def inform(self, kind: str, code: str, message: str) -> None:
        """Logs at level INFO what an operator has been waiting for."""
        log.info("widgetmw: %s: %s: %s", kind, code, message)

    def warn_always(self, kind: str, code: str, message: str) -> None:
        """Logs an outcome; the caller has counted it, and sees to it that this happens once for each cause."""
        log.warning("widgetmw: %s: %s: %s", kind, code, message)
