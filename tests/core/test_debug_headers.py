from __future__ import annotations

import re
from time import perf_counter

from widgetmw.core.debug_headers import debug_headers
from widgetmw.core.reasons import SkipReason


def test_a_page_with_the_script_says_so_and_how_long_that_took() -> None:
    outcome, timing = debug_headers(None, perf_counter())
    assert outcome == ("X-Widgetmw", "injected")
    assert timing[0] == "Server-Timing"
    assert re.fullmatch(r'widgetmw;dur=\d+\.\d{3};desc="injected"', timing[1])


def test_a_skipped_page_names_its_reason_in_both_headers() -> None:
    outcome, timing = debug_headers(SkipReason.ANONYMOUS, perf_counter())
    assert outcome == ("X-Widgetmw", "skipped; reason=anonymous")
    assert timing[1].endswith(';desc="anonymous"')


def test_a_response_that_is_skipped_before_the_user_is_resolved_has_no_time() -> None:
    assert debug_headers(SkipReason.NOT_HTML) == [("X-Widgetmw", "skipped; reason=not_html")]
