"""The Grafana dashboard: Grafana's own schema, and queries of metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.generated import METRICS, ROOT
from widgetmw.core.metrics import CACHED_USERS, COUNTERS, PAGES, TOKEN_MINT_SECONDS
from widgetmw.core.reasons import SkipReason

DASHBOARD: dict[str, Any] = json.loads((ROOT / "examples/grafana/widgetmw.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
DOCUMENT = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
SERIES = {f"{metric.prometheus_name}_total": metric for metric in COUNTERS} | {
    f"{TOKEN_MINT_SECONDS.prometheus_name}_bucket": TOKEN_MINT_SECONDS,
    CACHED_USERS.prometheus_name: CACHED_USERS,
}
SELECTOR = re.compile(r"(widgetmw_\w+)(?:\{([^}]*)\})?")


def queries() -> Iterator[str]:
    """Returns the queries of the panels, and those of the documentation."""
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])
    yield from re.findall(r"^expr: (.+)$", DOCUMENT, re.MULTILINE)


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Returns what of a value is missing in another one, or different there."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (value, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(value, other, f"{path}/{index}")
    elif ours != theirs:
        yield path


def test_grafanas_schema_knows_every_field_of_the_dashboard() -> None:
    register_default_plugins()
    decoded = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert list(lost(DASHBOARD, decoded)) == []


@pytest.mark.parametrize("query", list(queries()))
def test_every_query_names_metrics_and_labels_that_exist(query: str) -> None:
    found = SELECTOR.findall(query)
    assert found
    for name, matchers in found:
        labels = set(re.findall(r'(\w+)(?:=~|!=|=)"', matchers))
        assert labels <= {SERIES[name].label, "job"}
        assert "job" in labels or "$" not in query
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", query))))
    assert grouped <= {"le", "job", *(SERIES[name].label for name, _ in found)}
    assert all(query.count(opening) == query.count(closing) for opening, closing in ("()", "{}", "[]"))


def test_every_outcome_in_a_query_exists() -> None:
    known = {"injected", *(reason.code for reason in SkipReason)}
    texts = re.findall(r'outcome(?:=~|!=|=)"([^"]*)"', " ".join(queries()))
    named = {code for text in texts for code in text.split("|")}
    assert named
    assert named <= known


def test_every_metric_is_shown() -> None:
    shown = {name for query in queries() for name, _ in SELECTOR.findall(query)}
    assert {SERIES[name] for name in shown} == set(METRICS)


def test_no_two_panels_overlap_or_share_an_id() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, two in combinations([panel["gridPos"] for panel in PANELS], 2):
        is_beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        assert is_beside or one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_the_job_can_be_chosen_from_a_metric_that_exists() -> None:
    (query,) = [each["query"]["query"] for each in DASHBOARD["templating"]["list"] if each["name"] == "job"]
    assert query == f"label_values({PAGES.prometheus_name}_total, job)"
