"""The response headers that ``WIDGETMW_DEBUG`` adds."""

from __future__ import annotations

from time import perf_counter

from widgetmw.core.reasons import SkipReason


def debug_headers(reason: SkipReason | None, started: float | None = None) -> list[tuple[str, str]]:
    """Returns what a response says about itself.

    Args:
        reason: why it is skipped; ``None`` if it carries the script.
        started: when the middleware began to resolve the user, by ``perf_counter``; ``None`` if it never did.
    """
    outcome = "injected" if reason is None else f"skipped; reason={reason.code}"
    headers = [("X-Widgetmw", outcome)]
    if started is not None:
        code, milliseconds = "injected" if reason is None else reason.code, (perf_counter() - started) * 1000
        headers.append(("Server-Timing", f'widgetmw;dur={milliseconds:.3f};desc="{code}"'))
    return headers
