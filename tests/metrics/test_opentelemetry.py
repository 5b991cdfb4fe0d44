"""The exporter for OpenTelemetry, each time in a process of its own, whose global meter provider is not set yet."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SITE = """
import json, os
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from werkzeug.test import Client
from widgetmw import User, testing
from widgetmw.wsgi import WidgetMiddleware

def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<!doctype html><html><head><title>Shop</title></head></html>"]

def client(user="ada"):
    settings = testing.settings("digitalgenius", "hissuno", WIDGETMW_METRICS="opentelemetry")
    return Client(WidgetMiddleware(page, settings, user=lambda environ: User(user)))

def provide():
    reader = InMemoryMetricReader()
    set_meter_provider(MeterProvider(metric_readers=[reader]))
    return reader

def show(reader):
    (resource,) = json.loads(reader.get_metrics_data().to_json())["resource_metrics"]
    (scope,) = resource["scope_metrics"]
    print(json.dumps(scope))
"""
SITE_BEFORE_PROVIDER = "site = client(); reader = provide()"
PROVIDER_BEFORE_SITE = "reader = provide(); site = client()"


def run(code: str) -> dict[str, Any]:
    """Returns the metrics by name that the code shows."""
    words = [sys.executable, "-c", SITE + code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    scope = json.loads(done.stdout)
    assert scope["scope"]["name"] == "widgetmw"
    return {metric["name"]: metric for metric in scope["metrics"]}


def points(metric: dict[str, Any]) -> dict[str, Any]:
    """Returns the numbers of a metric by attribute, those that are not 0."""
    found = {" ".join(point["attributes"].values()): point for point in metric["data"]["data_points"]}
    return {name: number for name, point in found.items() if (number := point.get("value", point.get("count")))}


@pytest.mark.parametrize("start", [SITE_BEFORE_PROVIDER, PROVIDER_BEFORE_SITE])
def test_the_global_meter_provider_has_every_metric(start: str) -> None:
    metrics = run(f"{start}; site.get('/'); site.get('/'); site.get('/_widgetmw/token/none'); show(reader)")
    assert {name: points(metric) for name, metric in metrics.items()} == {
        "widgetmw.pages": {"injected": 2},
        "widgetmw.token_requests": {"404": 1},
        "widgetmw.tokens_minted": {"digitalgenius": 1, "hissuno": 1},
        "widgetmw.token_failures": {},
        "widgetmw.token_mint_seconds": {"digitalgenius": 1, "hissuno": 1},
        "widgetmw.token_cache": {"hit": 1, "miss": 1},
        "widgetmw.cached_users": {"": 1},
    }
    assert metrics["widgetmw.pages"]["data"]["is_monotonic"]
    assert not metrics["widgetmw.cached_users"]["data"]["is_monotonic"]


def test_the_histogram_is_in_seconds_with_buckets_that_tell_signatures_apart() -> None:
    histogram = run("reader = provide(); client().get('/'); show(reader)")["widgetmw.token_mint_seconds"]
    assert histogram["unit"] == "s"
    assert histogram["data"]["data_points"][0]["explicit_bounds"][0] == 0.00005


def test_two_apps_add_up_without_a_warning_about_instruments() -> None:
    metrics = run("reader = provide(); [client().get('/') for _ in range(2)]; show(reader)")
    assert points(metrics["widgetmw.pages"]) == {"injected": 2}
    assert points(metrics["widgetmw.token_mint_seconds"])["hissuno"] == 2


def test_a_worker_that_was_forked_counts_for_itself() -> None:
    code = """
reader, site = provide(), client()
pid = os.fork()
if not pid:
    try:
        site.get('/')
        show(reader)
        os.sys.stdout.flush()
    finally:
        os._exit(0)
os.waitpid(pid, 0)
"""
    metrics = run(code)
    assert points(metrics["widgetmw.pages"]) == {"injected": 1}
    assert points(metrics["widgetmw.token_mint_seconds"]) == {"digitalgenius": 1, "hissuno": 1}
