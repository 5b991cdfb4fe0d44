"""The exporter for Prometheus, each time in a process of its own, whose registry is still empty."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from widgetmw import SettingsError, testing

ROOT = Path(__file__).parent.parent.parent
SITE = """
import os, sys
from prometheus_client import CollectorRegistry, Counter, REGISTRY, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from werkzeug.test import Client
from widgetmw import Settings, User, testing
from widgetmw.wsgi import WidgetMiddleware

def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<!doctype html><html><head><title>Shop</title></head></html>"]

def client(user="ada", **variables):
    settings = testing.settings("digitalgenius", "hissuno", WIDGETMW_METRICS="prometheus", **variables)
    return Client(WidgetMiddleware(page, settings, user=lambda environ: User(user)))

def in_child(function):
    pid = os.fork()
    if not pid:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0

def show(registry=REGISTRY):
    sys.stdout.write(generate_latest(registry).decode())
    sys.stdout.flush()

def show_all_processes():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    show(registry)
"""


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", SITE + code]
    env = {**os.environ, **environ}
    return subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)


def samples(text: str) -> dict[str, float]:
    """Returns what has been counted, without the buckets."""
    lines = (line for line in text.splitlines() if line.startswith("widgetmw_") and "_bucket" not in line)
    pairs = (line.rpartition(" ") for line in lines)
    return {re.sub(r'{\w+="(\w+)"}', r" \1", name): float(value) for name, _, value in pairs if float(value)}


def without_seconds(found: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if not name.startswith("widgetmw_token_mint_seconds_sum")}


TWO_PAGES = {
    "widgetmw_pages_total injected": 2,
    "widgetmw_tokens_minted_total digitalgenius": 1,
    "widgetmw_tokens_minted_total hissuno": 1,
    "widgetmw_token_mint_seconds_count digitalgenius": 1,
    "widgetmw_token_mint_seconds_count hissuno": 1,
    "widgetmw_token_cache_total hit": 1,
    "widgetmw_token_cache_total miss": 1,
    "widgetmw_cached_users": 1,
}


def test_the_default_registry_has_every_metric() -> None:
    found = samples(run("site = client(); site.get('/'); site.get('/'); show()").stdout)
    assert without_seconds(found) == TWO_PAGES
    assert 0 < found["widgetmw_token_mint_seconds_sum hissuno"] < 60


def test_every_series_starts_at_zero_so_that_the_first_event_is_an_increase() -> None:
    text = run("site = client(); show()").stdout
    for line in (
        'widgetmw_pages_total{outcome="internal_error"} 0.0',
        'widgetmw_token_failures_total{provider="hissuno"} 0.0',
        'widgetmw_token_cache_total{result="hit"} 0.0',
        "widgetmw_cached_users 0.0",
    ):
        assert line in text


def test_the_buckets_are_cumulative_and_end_with_all() -> None:
    text = run("site = client(); site.get('/'); show()").stdout
    buckets = re.findall(r'_seconds_bucket{le="([^"]+)",provider="hissuno"} (\S+)', text)
    assert buckets[0][0] == "5e-05"
    assert buckets[-1] == ("+Inf", "1.0")
    assert [float(count) for _, count in buckets] == sorted(float(count) for _, count in buckets)


def test_a_vendor_that_fails_is_counted() -> None:
    code = """
from widgetmw.providers.hissuno import Hissuno
Hissuno.mint = None
site = client(); site.get('/'); show()
"""
    found = samples(run(code).stdout)
    assert found["widgetmw_token_failures_total hissuno"] == 1
    assert "widgetmw_tokens_minted_total hissuno" not in found
    assert found["widgetmw_tokens_minted_total digitalgenius"] == 1


def test_an_app_that_went_away_still_counts_but_caches_nobody() -> None:
    code = """
import gc
for _ in range(3):
    site = client(); site.get('/')
del site
gc.collect()
show()
"""
    found = samples(run(code).stdout)
    assert found["widgetmw_pages_total injected"] == 3
    assert "widgetmw_cached_users" not in found


@pytest.mark.parametrize("multiprocess", [False, True])
def test_names_that_are_taken_are_logged_and_the_site_works(multiprocess: bool, tmp_path: Path) -> None:
    code = """
Counter("widgetmw_pages", "somebody else's", ["outcome"])
site = client()
assert b"data-widgetmw" in site.get("/").data
client()
"""
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if multiprocess else {}
    log = run(code, **environ).stderr
    assert (
        log.count(
            "widgetmw: prometheus_client has names that begin with widgetmw_ already, so our metrics are not registered"
        )
        == 1
    )


def test_a_worker_that_was_forked_counts_for_itself() -> None:
    code = """
site = client()
in_child(lambda: (site.get('/'), site.get('/'), show()))
print("-")
site.get('/')
show()
"""
    child, parent = map(samples, run(code).stdout.split("-\n"))
    assert without_seconds(child) == TWO_PAGES
    assert parent["widgetmw_pages_total injected"] == 1


@pytest.mark.parametrize("variable", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
def test_multiprocess_mode_adds_up_the_workers(variable: str, tmp_path: Path) -> None:
    code = """
site = client()
for _ in range(3):
    in_child(lambda: (site.get('/'), site.get('/')))
show_all_processes()
"""
    found = samples(run(code, **{variable: str(tmp_path)}).stdout)
    assert without_seconds(found) == {name: 3 * value for name, value in TWO_PAGES.items()}


@pytest.mark.parametrize("variable", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
@pytest.mark.parametrize("folder", ["missing", "file", ""])
def test_a_folder_of_multiprocess_mode_that_cannot_be_used_is_a_problem_of_the_settings(
    variable: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, folder and str(tmp_path / folder))
    with pytest.raises(SettingsError) as caught:
        testing.settings("giosg", WIDGETMW_METRICS="prometheus")
    (problem,) = caught.value.problems
    assert problem.startswith(f"WIDGETMW_METRICS names prometheus, but {variable} is not a folder that this process")
    assert testing.settings("giosg", WIDGETMW_METRICS="opentelemetry").metrics == ("opentelemetry",)


def test_in_multiprocess_mode_the_cached_users_of_a_dead_worker_do_not_count(tmp_path: Path) -> None:
    code = """
from prometheus_client.multiprocess import mark_process_dead
site = client()
in_child(lambda: site.get('/'))
for name in os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]):
    mark_process_dead(int(name.removesuffix(".db").rpartition("_")[2]))
show_all_processes()
"""
    found = samples(run(code, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)).stdout)
    assert found["widgetmw_pages_total injected"] == 1
    assert "widgetmw_cached_users" not in found


def test_the_first_requests_of_many_threads_are_all_counted() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
site = client()
def visit(number):
    for _ in range(100):
        site.get('/')
with ThreadPoolExecutor(4) as pool:
    list(pool.map(visit, range(4)))
show()
"""
    found = samples(run(code).stdout)
    assert found["widgetmw_pages_total injected"] == 400
    assert found["widgetmw_token_cache_total hit"] + found["widgetmw_token_cache_total miss"] == 400
    assert found["widgetmw_token_cache_total miss"] == 1
