"""The benchmarks run, measure what they claim, and distinguish noise from change. No test here is about speed."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import comparison, plot, result, table
from benchmarks.baselines import (
    asgi_forwarding,
    asgi_minimal_injector,
    inject_with_replace,
    wsgi_forwarding,
    wsgi_minimal_injector,
)
from benchmarks.effort import TINY
from benchmarks.finding import Finding, Growth, Section, from_json, to_json
from benchmarks.result import Result
from benchmarks.rounds import Batch, Estimate, Rounds, run_interleaved
from benchmarks.section import run
from benchmarks.sections import ORDER, agent, growth, more_work, pieces, sizes
from benchmarks.subject import added_bytes, anonymous, asgi_widgetmw, signed_in, snippets, wsgi_widgetmw
from benchmarks.traffic import (
    HTML,
    JSON,
    SEVEN_HEADERS,
    SHORT_HEADERS,
    Headers,
    asgi_app,
    asgi_request,
    empty_receive,
    page,
    response_body,
    wsgi_app,
    wsgi_request,
)
from tests.combinations import ALL, only_with_all
from widgetmw import testing

#: Each of them takes more than a second. `make bench-quick` runs all that take time.
IN_PROCESS = (
    ("asgi", "wsgi", "body", "stream", "endpoint", "token", "users", "threads", "imports", "sizes")
    if ALL
    else ("asgi", "stream", "users", "sizes")
)


@pytest.fixture(autouse=True, scope="module")
def _small_heap() -> None:
    """The sections collect garbage often, which takes as long as there are objects of other tests."""
    gc.collect()
    gc.freeze()


@cache
def measured(name: str) -> Section:
    return import_module(f"benchmarks.sections.{name}").measure(TINY)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", IN_PROCESS)
def test_a_section_runs_and_its_findings_survive_a_round_trip_through_json(name: str) -> None:
    section = measured(name)
    assert any(finding.limit is not None for finding in section.findings)
    kept = from_json(json.loads(json.dumps(to_json(section))))
    assert [finding.key for finding in kept.findings] == [finding.key for finding in section.findings]
    assert len({finding.key for finding in section.findings}) == len(section.findings)


def test_peers_run_in_their_own_process() -> None:
    found = run("peers", TINY).costs
    assert {"ASGI", "WSGI", "Flask", "Django"} == found.keys()
    assert any("widgetmw" in name for name in found["Flask"])


@only_with_all
def test_the_agent_patches_no_framework_that_another_section_measures() -> None:
    # in a process of its own, because Django can be set up only once in a process
    measured = "from benchmarks.effort import TINY; from benchmarks.sections import peers; peers.measure(TINY)"
    check = "import flask; print(type(flask.Flask.wsgi_app).__name__)"
    done = subprocess.run([sys.executable, "-c", f"{measured}; {check}"], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == "function"
    found = run("agent", TINY)
    assert found.notes or {"widgetmw", "New Relic agent, insertion only"} <= set(found.costs[agent.ASGI])


def test_responses_that_need_more_work_are_measured() -> None:
    for costs in more_work.measure(TINY).costs.values():
        assert len(costs) > 3


@only_with_all
def test_growth_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "wrk", lambda: None)
    for name in ("SIZES", "HEADS", "USERS", "VENDORS", "CHUNKS", "THREADS"):
        monkeypatch.setattr(growth, name, getattr(growth, name)[:2])
    found = growth.measure(TINY).growth
    assert [each.by for each in found][:4] == ["page size", "content before or in the head", "users", "vendors"]
    assert {len(line) for each in found for line in each.lines.values()} == {2}


def test_every_listed_section_exists() -> None:
    for name in ORDER:
        assert callable(import_module(f"benchmarks.sections.{name}").measure)
    for piece in pieces.pieces().values():
        piece()


FORM_MARKS = {
    "inline": b"</script><script data-widgetmw defer src=",
    "inline, with a nonce": b'<script data-widgetmw nonce="bm9uY2Utb2YtYS1wYWdl">(',
    "inline, with a hash": b"MutationObserver",
    "external": b'<script type="application/json" data-widgetmw>{',
    "external, with integrity": b' integrity="sha256-',
}


@pytest.mark.parametrize("name", sizes.FORMS)
def test_each_form_whose_bytes_are_counted_is_the_one_that_it_is_called(name: str) -> None:
    span = added_bytes(page(), sizes.response(["digitalgenius"], sizes.FORMS[name]))
    form = name.removeprefix("fetch delivery, ")
    assert FORM_MARKS[form] in span
    assert (b" src=" in span) == (form != "inline, with a hash")
    assert bool(testing.read_tokens(span)) == (form == name)


def test_the_same_bytes_are_counted_with_another_key() -> None:
    counted = {sizes.gzipped_growth(sizes.response(["orlo"], sizes.FORMS["inline"])) for _ in range(2)}
    sizes.variables.cache_clear()
    counted.add(sizes.gzipped_growth(sizes.response(["orlo"], sizes.FORMS["inline"])))
    assert len(counted) == 1


def test_the_parts_of_the_inline_form_add_up() -> None:
    tables = measured("sizes").sizes
    rows = tables["What the inline form is made of"].rows.values()
    assert all(sum(parts) == total and min(parts) >= 0 for *parts, total in rows)
    assert next(iter(rows))[-1] == tables["Bytes added to a page"].rows["inline"][0]


def test_a_section_that_only_counts_replaces_its_part_of_the_stored_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "load", lambda: stored(finding(2.0, 2.0, 2.0)))
    kept = result.update({"sizes": measured("sizes")})
    assert list(kept.sections) == ["asgi", "sizes"]
    assert (kept.date, kept.machine) == ("2026-01-01", MACHINE)


@pytest.mark.parametrize(
    ("words", "is_stored"), [("sizes", True), ("sizes --effort quick", False), ("sizes asgi", False), ("", True)]
)
def test_a_run_is_stored_if_it_is_complete_or_only_counts(
    words: str, is_stored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    results: list[Result] = []
    monkeypatch.setattr(command, "_prepare_timing", lambda: None)
    monkeypatch.setattr(command, "_measure", lambda names, effort: ({}, []))
    monkeypatch.setattr(command, "_store", results.append)
    command.main(words.split())
    assert bool(results) == is_stored


# Baselines: a wrong one would be cheap for the wrong reason.


def injected() -> bytes:
    return page().replace(b"<head>", b"<head>" + snippets()["ada"])


def cut(body: bytes) -> tuple[int, bytes, bytes]:
    """Returns a page without the part that differs from token to token; that part has the same length each time."""
    return len(body), body[: body.index(b'"now":')], body[body.index(b"</script>") :]


async def asgi_response(app: Any) -> tuple[Headers, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(asgi_request(SHORT_HEADERS), empty_receive, send)
    return sent[0]["headers"], b"".join(message["body"] for message in sent[1:])


@pytest.mark.anyio
async def test_the_minimal_asgi_injector_makes_the_same_page_as_the_package() -> None:
    app = asgi_app(page(), HTML, SEVEN_HEADERS)
    headers, body = await asgi_response(asgi_minimal_injector(app, signed_in, snippets()))
    _, ours = await asgi_response(asgi_widgetmw(app))
    assert body == injected() == inject_with_replace(page(), snippets()["ada"])
    assert cut(ours) == cut(body)
    assert dict(headers)[b"content-length"] == b"%d" % len(body)
    assert dict(headers)[b"cache-control"] == b"private, no-store"
    assert dict(headers)[b"set-cookie"] == b"seen=1; Path=/"


@pytest.mark.anyio
async def test_asgi_baselines_do_not_modify_other_responses() -> None:
    app, json_app = asgi_app(page()), asgi_app(page(), JSON)
    assert await asgi_response(asgi_minimal_injector(app, anonymous, snippets())) == await asgi_response(app)
    assert await asgi_response(asgi_minimal_injector(json_app, signed_in, snippets())) == await asgi_response(json_app)
    assert await asgi_response(asgi_forwarding(app)) == await asgi_response(app)


def test_the_minimal_wsgi_injector_makes_the_same_page_as_the_package() -> None:
    app = wsgi_app(page(), HTML, SEVEN_HEADERS)
    body = response_body(wsgi_minimal_injector(app, signed_in, snippets()), wsgi_request(SHORT_HEADERS))
    ours = response_body(wsgi_widgetmw(app), wsgi_request(SHORT_HEADERS))
    assert body == injected()
    assert cut(ours) == cut(body)


def test_wsgi_baselines_do_not_modify_other_responses() -> None:
    app, json_app = wsgi_app(page()), wsgi_app(page(), JSON)
    assert response_body(wsgi_minimal_injector(app, anonymous, snippets()), wsgi_request(SHORT_HEADERS)) == page()
    assert response_body(wsgi_minimal_injector(json_app, signed_in, snippets()), wsgi_request(SHORT_HEADERS)) == page()
    assert response_body(wsgi_forwarding(app), wsgi_request(SHORT_HEADERS)) == page()


def test_pages_have_the_requested_length() -> None:
    assert [len(page(size)) for size in (1_000, 10_000, 1_000_000)] == [1_000, 10_000, 1_000_000]
    assert page(2_000, before=300).index(b"<head>") == page(2_000).index(b"<head>") + 300


# Figures


def drifting(cost: float) -> Batch:
    """A case on a machine that gets slower with each batch of any case."""

    def calls(count: int) -> float:
        Clock.now += 1
        return count * (cost + Clock.now) / 1e6

    return calls


class Clock:
    now = 0.0


def test_a_ratio_of_overheads_is_independent_of_the_machines_drift() -> None:
    Clock.now = 0.0
    effort = replace(TINY, rounds=30)
    rounds = run_interleaved({"bare": drifting(100), "base": drifting(300), "ours": drifting(500)}, effort)
    assert max(rounds.times["bare"]) > 2 * min(rounds.times["bare"])
    assert rounds.ratio("ours", "base", "bare").value == pytest.approx(2, rel=0.02)
    assert rounds.cost("ours", "bare").value == pytest.approx(400, rel=0.02)


def test_the_interval_contains_the_median_and_is_wide_if_rounds_differ() -> None:
    steady = Rounds({"ours": [10.0] * 50}).cost("ours")
    assert (steady.low, steady.value, steady.high, steady.noise) == (10.0, 10.0, 10.0, 0.0)
    noisy = Rounds({"ours": [float(n) for n in range(50)]}).cost("ours")
    assert noisy.low < noisy.value < noisy.high
    assert noisy.fastest == 0


def finding(value: float, low: float, high: float, limit: float | None = 2.0, unit: str = "×") -> Finding:
    return Finding("a page", "widgetmw / minimal", Estimate(value, low, high, value), unit, limit)


@pytest.mark.parametrize(
    ("each", "verdict"),
    [
        (finding(1.5, 1.4, 1.6), "yes"),
        (finding(2.5, 2.4, 2.6), "**no**"),
        (finding(1.9, 1.7, 2.1), "yes, within noise"),
        (finding(2.1, 1.9, 2.2), "**no**, within noise"),
        (finding(2.1, 1.9, 2.2, None), ""),
        (replace(finding(2.5, 2.4, 2.6), at_least=True), "yes"),
    ],
)
def test_a_row_says_whether_its_target_is_met(each: Finding, verdict: str) -> None:
    assert table.verdict(each) == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1 / 15, "0.0667"), (0.00001234, "1.23e-05"), (2.2, "2.2"), (153.27, "153"), (30_000, "30,000")],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert table.format_number(value) == text


# Changes

MACHINE = {"processor": "one"}


def stored(each: Finding) -> Result:
    return Result("2026-01-01", MACHINE, {}, {"asgi": Section([each])})


def test_a_figure_has_changed_only_if_the_intervals_do_not_overlap_and_the_values_differ_enough() -> None:
    then = stored(finding(1.5, 1.4, 1.6))
    noise, tiny, real = finding(1.7, 1.55, 1.8), finding(1.501, 1.5005, 1.502), finding(2.5, 2.4, 2.6)
    assert [change.beyond_noise for change in comparison.changes(then, {"asgi": Section([noise])}, MACHINE)] == [False]
    assert "0 of 1" in comparison.describe(stored(finding(1.5, 1.5, 1.5)), {"asgi": Section([tiny])}, MACHINE)
    text = comparison.describe(then, {"asgi": Section([real])}, MACHINE)
    assert "1 of 1 figures have changed" in text
    assert "worse: a page: widgetmw / minimal: 1.5" in text


@pytest.mark.parametrize("limit", [0.97, None])
def test_an_increase_is_better_where_more_is_better(limit: float | None) -> None:
    then, now = (replace(finding(value, value, value, limit), at_least=True) for value in (0.8, 0.99))
    assert "better: a page" in comparison.describe(stored(then), {"asgi": Section([now])}, MACHINE)


def test_other_package_versions_are_reported() -> None:
    then = replace(stored(finding(1, 1, 1)), versions={"starlette": "1.0", "uvicorn": "2.0"})
    text = comparison.describe(then, {}, MACHINE, {"starlette": "1.1", "uvicorn": "2.0"})
    assert "starlette 1.0 -> 1.1" in text
    assert "uvicorn" not in text


def test_a_quick_run_names_what_it_measured() -> None:
    cases = {each.case for name in ("stream", "users") for each in measured(name).findings}
    assert not {case for case in cases if "100 MB" in case or "A million" in case}


def test_microseconds_of_another_machine_are_not_compared() -> None:
    then, now = stored(finding(10, 10, 10, unit="µs")), {"asgi": Section([finding(20, 20, 20, unit="µs")])}
    assert len(comparison.changes(then, now, MACHINE)) == 1
    assert comparison.changes(then, now, {"processor": "another"}) == []


@only_with_all
def test_the_same_result_draws_the_same_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib comes with the group bench")
    monkeypatch.setattr(plot, "OVERHEAD", tmp_path / "overhead.svg")
    monkeypatch.setattr(plot, "GROWTH", tmp_path / "growth.svg")
    cost = {"widgetmw": Estimate(3.0, 2.9, 3.1)}
    lines = {"widgetmw": [1.0, 2.0], "minimal injector": [0.5, 90.0]}
    section = Section(costs={"ASGI": cost, "WSGI": cost}, growth=[Growth("size", "bytes", "µs", [1, 100], lines)])
    drawn = []
    for _ in range(2):
        assert plot.write(Result("2026-01-01", MACHINE, {}, {"all": section}))
        drawn.append([(tmp_path / name).read_bytes() for name in ("overhead.svg", "growth.svg")])
    assert drawn[0] == drawn[1]
    assert b"widgetmw" in drawn[0][0]
