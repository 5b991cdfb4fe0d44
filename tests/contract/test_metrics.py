"""What listeners and exporters learn of each adapter: the same events, each once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY

from tests.contract.conftest import Make
from tests.contract.site import ADA, BODY, HTML, MARK, Page, Site
from widgetmw import Event, observe
from widgetmw.core import metrics
from widgetmw.core.events import Events
from widgetmw.metrics.opentelemetry import create_instruments

JSON = Page(headers=[("Content-Type", "application/json")], body=b"{}")
Samples = Counter[tuple[str, str]]


@pytest.fixture(scope="module")
def reader() -> InMemoryMetricReader:
    """A reader of its own, since a process can set the global meter provider only once."""
    reader = InMemoryMetricReader()
    create_instruments(MeterProvider(metric_readers=[reader]).get_meter("widgetmw"))
    return reader


def from_prometheus() -> Samples:
    """Returns the samples of the default registry by name and label."""
    names = re.compile("widgetmw_.*_(total|count)")
    samples = (sample for family in REGISTRY.collect() for sample in family.samples if names.fullmatch(sample.name))
    return Counter({(each.name, *each.labels.values()): int(each.value) for each in samples})  # type: ignore[misc]


def from_opentelemetry(reader: InMemoryMetricReader) -> Samples:
    """Returns the data points by the names that Prometheus would have for them."""
    data: Any = reader.get_metrics_data()
    samples: Samples = Counter()
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        suffix = "count" if metric.name.endswith("seconds") else "total"
        for point in metric.data.data_points:
            if point.attributes:
                name = f"{metric.name.replace('.', '_')}_{suffix}"
                samples[name, *point.attributes.values()] = point.count if suffix == "count" else point.value
    return samples


@pytest.fixture
def events() -> Iterator[list[Event]]:
    """The events that happen during the test."""
    observed: list[Event] = []
    stop = observe(observed.append)
    yield observed
    stop()


def visit(site: Site) -> Samples:
    """Sends requests of every kind; returns what the counts must grow by."""
    assert site.get().reason is None
    assert site.get().reason is None
    assert site.get("/_widgetmw/token").status == 200
    assert site.get("/_widgetmw/token/nobody").status == 404
    assert site.get("/_widgetmw/runtime.js").status == 200
    site.user = None
    assert site.get().reason == "anonymous"
    assert site.get("/_widgetmw/token").status == 401
    site.page = JSON
    assert site.get().reason == "not_html"
    return Counter(
        {
            ("widgetmw_pages_total", "injected"): 2,
            ("widgetmw_pages_total", "anonymous"): 1,
            ("widgetmw_pages_total", "not_html"): 1,
            ("widgetmw_token_requests_total", "200"): 1,
            ("widgetmw_token_requests_total", "401"): 1,
            ("widgetmw_token_requests_total", "404"): 1,
            ("widgetmw_tokens_minted_total", "digitalgenius"): 1,
            ("widgetmw_token_mint_seconds_count", "digitalgenius"): 1,
            ("widgetmw_token_cache_total", "miss"): 1,
            ("widgetmw_token_cache_total", "hit"): 2,
        }
    )


@pytest.mark.parametrize("exporter", ["prometheus", "opentelemetry"])
def test_each_exporter_counts_each_event_once(make: Make, reader: InMemoryMetricReader, exporter: str) -> None:
    read: Callable[[], Samples] = from_prometheus if exporter == "prometheus" else lambda: from_opentelemetry(reader)
    site = make(WIDGETMW_METRICS="prometheus,opentelemetry")
    before = read()
    grown = visit(site)
    assert read() - before == grown


def test_a_listener_gets_each_event_once(make: Make, events: list[Event]) -> None:
    expected = visit(make())
    seen = Counter((event.name.replace(".", "_"), *event.attributes.values()) for event in events)
    assert seen == {(re.sub("_(total|count)$", "", name), value): count for (name, value), count in expected.items()}
    assert all(event.value == 1 or event.name == "widgetmw.token_mint_seconds" for event in events)
    assert not any(ADA.id in str(event) or str(ADA.name) in str(event) for event in events)


def test_a_page_without_a_token_is_no_look_up(make: Make, events: list[Event]) -> None:
    make(user=None).get(Cookie=MARK)
    make(WIDGETMW_DELIVERY="fetch").get()
    assert [(event.name, dict(event.attributes)) for event in events] == [
        ("widgetmw.pages", {"outcome": "injected"})
    ] * 2


def test_a_page_whose_csp_keeps_it_from_renewing_counts_once(make: Make, events: list[Event]) -> None:
    make(page=Page(headers=[HTML, ("Content-Security-Policy", "connect-src 'none'")])).get()
    assert [event.attributes["outcome"] for event in events if event.name == "widgetmw.pages"] == ["injected"]


def test_two_apps_of_a_process_count_together(make: Make) -> None:
    sites = [make(WIDGETMW_METRICS="prometheus") for _ in range(2)]
    before = from_prometheus()  # once the exporter, which also shows what was counted earlier, is there
    for site in sites:
        site.get()
    grown = from_prometheus() - before
    assert grown["widgetmw_pages_total", "injected"] == 2
    assert grown["widgetmw_tokens_minted_total", "digitalgenius"] == 2


def test_a_listener_that_raises_breaks_nothing(
    make: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_log", Events())  # it logs the same cause once a minute

    def fail(event: Event) -> None:
        raise RuntimeError(event.name)

    plain = make().get()
    stop = observe(fail)
    try:
        site = make()
        reply, token = site.get(), site.get("/_widgetmw/token")
    finally:
        stop()
    assert reply.reason is None
    assert len(reply.body) == len(plain.body)
    assert token.json["tokens"]["digitalgenius"]["token"]
    assert any(line.startswith("widgetmw: observe: listener_failed: RuntimeError at ") for line in caplog.messages)


def test_debug_says_how_long_a_page_took(make: Make) -> None:
    (timing,) = make().get().all("Server-Timing")
    assert re.fullmatch(r"widgetmw;dur=\d+\.\d{3}", timing)
    for skipped in (make(user=None), make(page=JSON)):
        assert skipped.get().all("Server-Timing") == []
    assert make(WIDGETMW_DEBUG="false").get().all("Server-Timing") == []


def test_the_apps_own_server_timing_stays(make: Make) -> None:
    site = make(page=Page(headers=[HTML, ("Server-Timing", "db;dur=53")]))
    assert site.get().body != BODY
    theirs, ours = ", ".join(site.get().all("Server-Timing")).split(", ")
    assert theirs == "db;dur=53"
    assert ours.startswith("widgetmw;dur=")
