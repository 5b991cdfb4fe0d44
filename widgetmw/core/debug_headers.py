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
    if reason is not None:
        return [("X-Widgetmw", f"skipped; reason={reason.code}")]  # otherwise a skipped page is the app's own
    headers = [("X-Widgetmw", "injected")]
    if started is not None:
        headers.append(("Server-Timing", f"widgetmw;dur={(perf_counter() - started) * 1000:.3f}"))
    return headers
