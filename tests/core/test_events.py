from __future__ import annotations

import pytest

from widgetmw.core.events import Events


def test_outcomes_are_counted_by_kind_and_code() -> None:
    events = Events()
    events.count("page", "injected")
    events.counter("page")["injected"] += 1
    events.count("endpoint", "200")
    assert events.counts == {"page:injected": 2, "endpoint:200": 1}
    assert events.counts["page:never"] == 0


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
