"""Exports the metrics through OpenTelemetry's global meter provider.

Counts are read when a reader asks for them, so that requests pay for nothing but the count of cache hits. There is no
such histogram: how long it took to sign a token is recorded as it happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, partial

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from widgetmw.core.histogram import BOUNDS
from widgetmw.core.metrics import (
    CACHED_USERS,
    COUNTERS,
    TOKEN_MINT_SECONDS,
    Metric,
    count_cache_hits,
    subscribe,
)
from widgetmw.core.totals import TOTALS


def check() -> None:
    """Raises nothing: it needs nothing of the environment."""


@cache
def start() -> None:
    """Creates the instruments, once in a process. The app may set its meter provider before or after."""
    create_instruments(get_meter("widgetmw"))
    count_cache_hits()


def create_instruments(meter: Meter) -> None:
    """Creates the instruments of a meter."""
    for metric in COUNTERS:
        name = metric.opentelemetry_name
        meter.create_observable_counter(name, callbacks=[partial(_read_counts, metric)], description=metric.help)
    users, timing = CACHED_USERS, TOKEN_MINT_SECONDS
    meter.create_observable_up_down_counter(users.opentelemetry_name, [_read_cached_users], description=users.help)
    histogram = meter.create_histogram(
        timing.opentelemetry_name, "s", timing.help, explicit_bucket_boundaries_advisory=BOUNDS
    )
    subscribe(lambda event: histogram.record(event.value, event.attributes), [timing])


def _read_counts(metric: Metric, options: CallbackOptions) -> Iterable[Observation]:
    for value, count in TOTALS.sum().counter(metric.kind).items():
        yield Observation(count, {metric.label: value})


def _read_cached_users(options: CallbackOptions) -> Iterable[Observation]:
    yield Observation(TOTALS.cached_users())
