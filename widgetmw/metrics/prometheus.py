"""Exports the metrics through prometheus_client's default registry.

Usually a collector reads the counts when it is scraped, so that requests pay for nothing but the count of cache hits.
In prometheus_client's multiprocess mode, which collectors do not take part in, each event is written to the process's
file as it happens, as by any metric of prometheus_client.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from widgetmw.core.events import log
from widgetmw.core.histogram import BOUNDS
from widgetmw.core.metrics import (
    CACHED_USERS,
    COUNTERS,
    OBSERVABLE,
    TOKEN_CACHE,
    TOKEN_MINT_SECONDS,
    Event,
    count_cache_hits,
    subscribe,
)
from widgetmw.core.totals import TOTALS

_MULTIPROCESS_VARIABLES: Final = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")  # the first that is set
_BUCKETS: Final = (*map(str, BOUNDS), "+Inf")


def check() -> None:
    """Raises ``ValueError`` if multiprocess mode cannot write its files, since the app would not start."""
    name = _multiprocess_variable()
    if name is None:
        return
    folder = os.environ[name]
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(
            f"names prometheus, but {name} is not a folder that this process can write to: create it before the start, "
            f"or unset {name} if there is only one process"
        )


def _multiprocess_variable() -> str | None:
    """Returns the variable that asks prometheus_client for multiprocess mode, if one is set."""
    return next((name for name in _MULTIPROCESS_VARIABLES if name in os.environ), None)


@cache
def start() -> None:
    """Registers the metrics, once in a process."""
    try:
        if _multiprocess_variable() is not None:
            subscribe(EventWriter(), OBSERVABLE)
        else:
            REGISTRY.register(TotalsCollector())
            count_cache_hits()
    except ValueError:
        log.warning(
            "widgetmw: prometheus_client has names that begin with widgetmw_ already, so our metrics are not registered"
        )


class TotalsCollector:
    """Reads the counts of all apps of this process when it is scraped."""

    def collect(self) -> Iterator[Family]:
        """Yields the metrics with their samples as they are now."""
        totals = TOTALS.sum()
        for metric in COUNTERS:
            counter = CounterMetricFamily(metric.prometheus_name, metric.help, labels=[metric.label])
            for value, count in totals.counter(metric.kind).items():
                counter.add_metric([value], count)
            yield counter
        timing = TOKEN_MINT_SECONDS
        histogram = HistogramMetricFamily(timing.prometheus_name, timing.help, labels=[timing.label])
        for provider, durations in totals.mint_seconds.items():
            buckets = list(zip(_BUCKETS, accumulate(durations.counts), strict=True))
            histogram.add_metric([provider], buckets, durations.sum)
        yield histogram
        yield GaugeMetricFamily(CACHED_USERS.prometheus_name, CACHED_USERS.help, TOTALS.cached_users())


class EventWriter:
    """Writes each event to the metrics of multiprocess mode."""

    def __init__(self) -> None:
        self._counters = {
            metric.opentelemetry_name: Counter(metric.prometheus_name, metric.help, [metric.label])
            for metric in COUNTERS
        }
        timing = TOKEN_MINT_SECONDS
        self._histogram = Histogram(timing.prometheus_name, timing.help, [timing.label], buckets=BOUNDS)
        users = CACHED_USERS
        self._users = Gauge(users.prometheus_name, users.help, multiprocess_mode="livesum")

    def __call__(self, event: Event) -> None:
        if event.name == TOKEN_MINT_SECONDS.opentelemetry_name:
            self._histogram.labels(*event.attributes.values()).observe(event.value)
            return
        self._counters[event.name].labels(*event.attributes.values()).inc()
        if event.name == TOKEN_CACHE.opentelemetry_name and event.attributes[TOKEN_CACHE.label] == "miss":
            self._users.set(TOTALS.cached_users())
