from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, cast

import pytest

import widgetmw
from tests.conftest import Clock
from tests.generated import METRICS, metrics_table
from widgetmw import Event
from widgetmw.core import metrics
from widgetmw.core.events import Events
from widgetmw.core.metrics import (
    OBSERVABLE,
    PAGES,
    TOKEN_CACHE,
    TOKEN_MINT_SECONDS,
    Metric,
    observe,
    subscribe,
)


@pytest.fixture(autouse=True)
def _nobody_else_observes(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[None]:
    monkeypatch.setattr(metrics, "_log", Events(clock))
    before = [metric.listeners for metric in OBSERVABLE]  # an exporter of another test has one
    yield
    assert [metric.listeners for metric in OBSERVABLE] == before


def test_a_listener_gets_the_name_the_attributes_and_the_value() -> None:
    events: list[Event] = []
    stop = widgetmw.observe(events.append)
    PAGES.record(Events(), "injected")
    TOKEN_MINT_SECONDS.notify("hissuno", 0.25)
    stop()
    assert events == [
        Event("widgetmw.pages", {"outcome": "injected"}),
        Event("widgetmw.token_mint_seconds", {"provider": "hissuno"}, 0.25),
    ]


def test_what_observe_returns_ends_the_calls_and_may_be_called_again() -> None:
    events: list[Event] = []
    stop = observe(events.append)
    assert all(metric.is_watched for metric in OBSERVABLE)
    stop()
    stop()
    PAGES.notify("injected")
    assert events == []
    assert not PAGES.is_watched


def test_a_listener_that_is_passed_twice_is_called_twice_and_ended_one_by_one() -> None:
    events: list[Event] = []
    first, second = observe(events.append), observe(events.append)
    PAGES.notify("injected")
    first()
    first()
    PAGES.notify("injected")
    second()
    assert len(events) == 3


def test_a_listener_that_raises_is_logged_once_a_minute_and_keeps_none_of_the_others_from_being_called(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    def fail(event: Event) -> None:
        raise LookupError("ada@example.com")

    def leave(event: Event) -> None:
        raise SystemExit

    events: list[Event] = []
    stops = [observe(fail), observe(leave), observe(events.append)]
    for _ in range(3):
        PAGES.notify("injected")
        clock.turn(25)
    assert len(caplog.messages) == 2
    clock.turn(0)
    PAGES.notify("injected")
    for stop in stops:
        stop()
    assert len(events) == 4
    assert caplog.messages[0].startswith("widgetmw: observe: listener_failed: LookupError at core/test_metrics.py:")
    assert caplog.messages[2].endswith("(2 more since the last such line)")
    assert "ada" not in caplog.text


def test_a_listener_may_end_itself() -> None:
    events: list[Event] = []

    def once(event: Event) -> None:
        events.append(event)
        stop()

    stop, others = observe(once), []
    stop_other = observe(others.append)
    for _ in range(2):
        PAGES.notify("injected")
    stop_other()
    assert (len(events), len(others)) == (1, 2)


def test_a_listener_that_another_one_adds_is_called_from_the_next_event_on() -> None:
    events: list[Event] = []
    stops = []

    def add(event: Event) -> None:
        stops.append(observe(events.append))

    stops.append(observe(add))
    PAGES.notify("injected")
    assert events == []
    PAGES.notify("anonymous")
    for stop in stops:
        stop()
    assert [event.attributes["outcome"] for event in events] == ["anonymous"]


def test_listeners_of_many_threads_come_and_go_without_losing_one() -> None:
    def come_and_go(_: int) -> None:
        for _ in range(200):
            events: list[Event] = []
            stop = observe(events.append)
            PAGES.notify("injected")
            stop()
            assert events

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))


@pytest.mark.parametrize("listener", [None, "listener"])
def test_what_cannot_be_called_is_refused(listener: Any) -> None:
    with pytest.raises(TypeError, match="listener must be a function"):
        observe(listener)


def test_an_async_listener_is_refused() -> None:
    async def listener(event: Event) -> None: ...

    class Listener:
        async def __call__(self, event: Event) -> None: ...

    for each in (listener, Listener()):
        with pytest.raises(TypeError, match="must not be async"):
            observe(each)


def test_what_a_listener_does_to_an_event_does_not_reach_the_next_one() -> None:
    def spoil(event: Event) -> None:
        cast(dict[str, str], event.attributes).clear()

    events: list[Event] = []
    stops = [observe(spoil), observe(events.append)]
    PAGES.notify("injected")
    for stop in stops:
        stop()
    assert events == [Event("widgetmw.pages", {"outcome": "injected"})]
    with pytest.raises(AttributeError):
        events[0].name = "other"  # type: ignore[misc]


def test_an_event_can_be_logged_as_json() -> None:
    lines: list[str] = []
    stop = observe(lambda event: lines.append(json.dumps(asdict(event))))
    PAGES.notify("injected")
    stop()
    assert lines == ['{"name": "widgetmw.pages", "attributes": {"outcome": "injected"}, "value": 1}']


def test_a_subscription_to_some_metrics_leaves_the_others_alone() -> None:
    stop = subscribe(lambda event: None, [TOKEN_MINT_SECONDS])
    assert TOKEN_MINT_SECONDS.is_watched
    assert not PAGES.is_watched
    stop()


def test_cache_hits_stay_counted_for_an_exporter_when_a_listener_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_always_watched", set())
    monkeypatch.setattr(metrics, "TOKEN_CACHE", metric := Metric("token_cache", "result", ""))
    metrics.count_cache_hits()
    assert metric.is_watched
    subscribe(lambda event: None, [metric])()
    assert metric.is_watched


def test_no_label_could_name_a_user() -> None:
    assert {metric.label for metric in METRICS} == {"outcome", "status", "provider", "result", ""}


def test_the_table_has_a_row_for_each_metric() -> None:
    rows = metrics_table().splitlines()[2:]
    assert len(rows) == len(METRICS)
    assert rows[0].startswith("| `widgetmw_pages_total` | `widgetmw.pages` | `outcome` | ")
    assert any(row.startswith(f"| `{TOKEN_CACHE.prometheus_name}_total` |") for row in rows)
    assert rows[-1].startswith("| `widgetmw_cached_users` | `widgetmw.cached_users` | none | ")
