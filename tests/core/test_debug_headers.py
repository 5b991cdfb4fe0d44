from __future__ import annotations

import re
from time import perf_counter

from widgetmw.core.debug_headers import debug_headers
from widgetmw.core.reasons import SkipReason


def test_a_page_with_the_script_says_so_and_how_long_that_took() -> None:
    outcome, timing = debug_headers(None, perf_counter())
    assert outcome == ("X-Widgetmw", "injected")
    assert timing[0] == "Server-Timing"
    assert re.fullmatch(r"widgetmw;dur=\d+\.\d{3}", timing[1])


def test_a_skipped_page_names_its_reason_and_is_otherwise_unchanged() -> None:
    assert debug_headers(SkipReason.NOT_HTML) == [("X-Widgetmw", "skipped; reason=not_html")]
    assert debug_headers(SkipReason.ANONYMOUS, perf_counter()) == [("X-Widgetmw", "skipped; reason=anonymous")]
