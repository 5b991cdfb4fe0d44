from __future__ import annotations

import logging
from typing import Any

import flask
import pytest

from tests.conftest import Clock
from widgetmw.core.events import Events
from widgetmw.core.reasons import SkipReason


def test_outcomes_are_counted_by_kind_and_code() -> None:
    events = Events()
    events.count("page", "injected")
    events.counter("page")["injected"] += 1
    events.count("endpoint", "200")
    assert events.counts == {"page:injected": 2, "endpoint:200": 1}
    assert events.counts["page:never"] == 0


def test_fixed_counts_start_at_zero_and_only_those_of_them_that_happened_are_outcomes() -> None:
    events = Events()
    counter = events.fixed_counter("page", ("injected", "anonymous"))
    assert events.counter("page") == {"injected": 0, "anonymous": 0}
    counter["injected"] += 1
    assert events.counts == {"page:injected": 1}


def test_the_counts_of_another_app_can_be_absorbed() -> None:
    ours, theirs = Events(), Events()
    for events in (ours, theirs):
        events.count("page", "injected")
        events.mint_seconds["hissuno"].observe(0.5)
    theirs.fixed_counter("token_cache", ("hit", "miss"))["miss"] += 1
    ours.absorb(theirs)
    assert ours.counts == {"page:injected": 2, "token_cache:miss": 1}
    assert ours.mint_seconds["hissuno"].sum == 1
    assert theirs.counts["page:injected"] == 1


def test_a_warning_is_logged_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for message in ("a", "a", "b"):
        events.warn_once("token", "collision", message)
    assert [record.getMessage() for record in caplog.records] == [
        "widgetmw: token: collision: a",
        "widgetmw: token: collision: b",
    ]
    assert events.counts["token:collision"] == 3


def test_a_flood_of_messages_is_not_remembered_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for number in range(1500):
        events.warn_once("token", "collision", str(number))
    assert len(caplog.records) == 1000
    assert events.counts["token:collision"] == 1500


def test_a_failure_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    events.count_and_warn("endpoint", "resolver_failed", "no session")
    assert events.counts == {"endpoint:resolver_failed": 1}
    assert caplog.messages == ["widgetmw: endpoint: resolver_failed: no session"]


def test_the_same_cause_is_logged_once_a_minute_with_the_number_of_the_others(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    events = Events(clock)
    for seconds in (0, 1, 58, 1, 0, -500, 0):
        clock.turn(seconds)
        events.count_and_warn("page", "resolver_failed", "no session")
        events.count_and_warn("page", "resolver_failed", "another")
    first = "widgetmw: page: resolver_failed: no session"
    assert [line for line in caplog.messages if line.startswith(first)] == [
        first,
        f"{first} (2 more since the last such line)",
        f"{first} (1 more since the last such line)",  # the clock was set back
    ]
    assert len(caplog.messages) == 6
    assert events.counts["page:resolver_failed"] == 14


def test_a_flood_of_causes_is_not_remembered_for_ever() -> None:
    events = Events()
    for number in range(2500):
        events.warn("page", "resolver_failed", str(number))
    assert len(events._logged) <= 1000


@pytest.mark.parametrize(
    "log_line",
    [
        lambda events: events.warn("page", "internal_error", "x", ValueError()),
        lambda events: events.report(SkipReason.NO_TRANSFORM, "/"),
        lambda events: events.inform("token", "key_changed", "x"),
    ],
    ids=["failure", "skipped page", "changed key"],
)
def test_a_filter_of_the_app_that_fails_where_it_has_no_request_breaks_nothing(log_line: Any) -> None:
    def add_url(record: logging.LogRecord) -> bool:
        record.url = flask.request.path
        return True

    handler = logging.StreamHandler()
    handler.addFilter(add_url)
    logger = logging.getLogger("widgetmw")
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    try:
        log_line(Events())
    finally:
        logger.removeHandler(handler)
        logger.setLevel("NOTSET")


def test_the_traceback_is_logged_at_debug_without_the_message(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "widgetmw"):
        try:
            {}["secret"]
        except KeyError as error:
            Events().warn("page", "internal_error", "KeyError", error)
    warning, debug = caplog.records
    assert (warning.levelname, debug.levelname) == ("WARNING", "DEBUG")
    text = debug.getMessage()
    assert text.startswith("widgetmw: Traceback")
    assert "test_events.py" in text
    assert text.endswith("KeyError")


def test_a_skipped_page_is_reported_once_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for path in ("/a\nb", "/c"):
        events.report(SkipReason.SHARED_CACHE, path)
    events.report(SkipReason.NOT_HTML, "/data")
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("widgetmw: page: shared_cache at '/a\\nb': ")
    assert SkipReason.SHARED_CACHE.remedy in caplog.messages[0]


def test_only_what_often_differs_for_visitors_is_logged_once_more_with_credentials(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events = Events()
    for reason in (SkipReason.SHARED_CACHE, SkipReason.CSP_NONE):
        for has_credentials in (False, False, True, False, True):
            events.report(reason, "/", has_credentials)
    assert [message.partition(" at ")[0].rpartition(" ")[2] for message in caplog.messages] == [
        "shared_cache",
        "shared_cache",
        "csp_none",
    ]


def test_what_visitors_pages_are_skipped_for_is_not_looked_at_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for _ in range(1000):
        assert "shared_cache" in events.unreported
        events.report(SkipReason.SHARED_CACHE, "/", has_credentials=False)
    assert "shared_cache" not in events.unreported
    assert len(caplog.messages) == 1
