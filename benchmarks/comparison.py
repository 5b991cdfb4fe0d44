"""Reports which figures have changed since the stored result by more than noise explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks import table
from benchmarks.finding import Finding, Section, merge
from benchmarks.result import Result

MIN_CHANGE: Final = 0.1
"""The smallest relative change to report. Unlike rounds, runs differ in memory layout and in what else is running."""
_COMPARABLE_UNITS: Final = frozenset({"×", "", "KB", "bytes"})


@dataclass(frozen=True)
class Change:
    """One figure, in the stored result and now."""

    before: Finding
    now: Finding

    @property
    def beyond_noise(self) -> bool:
        """Whether the intervals do not overlap and the values differ by at least :data:`MIN_CHANGE`."""
        before, now = self.before.estimate, self.now.estimate
        apart = before.high < now.low or now.high < before.low
        return apart and abs(now.value - before.value) > MIN_CHANGE * abs(before.value)

    @property
    def better(self) -> bool:
        """Whether the figure has improved."""
        return (self.now.estimate.value > self.before.estimate.value) == self.now.at_least


def changes(stored: Result, now: Mapping[str, Section], machine: Mapping[str, str]) -> list[Change]:
    """Returns the figures that both have; from another machine only ratios, counts and sizes, not times."""
    stored_findings = {finding.key: finding for finding in merge(stored.sections.values()).findings}
    same = stored.machine == machine
    return [
        Change(stored_findings[new.key], new)
        for new in merge(now.values()).findings
        if new.key in stored_findings and (same or new.unit in _COMPARABLE_UNITS)
    ]


def describe(
    stored: Result, now: Mapping[str, Section], machine: Mapping[str, str], versions: Mapping[str, str] | None = None
) -> str:
    """Returns a report of the figures that have changed, and of other package versions."""
    versions = versions or {}
    each = changes(stored, now, machine)
    changed = [change for change in each if change.beyond_noise]
    where = "this machine" if stored.machine == machine else "another machine, so ratios only"
    text = f"Compared with {stored.date}, {where}: {len(changed)} of {len(each)} figures have changed beyond noise.\n"
    others = [
        f"{name} {version} -> {versions[name]}"
        for name, version in stored.versions.items()
        if versions.get(name, version) != version
    ]
    text += f"  other versions: {', '.join(others)}\n" if others else ""
    for change in changed:
        verdict = "better" if change.better else "worse"
        figures = f"{table.format_estimate(change.before)} -> {table.format_estimate(change.now)}"
        text += f"  {verdict}: {change.now.key}: {figures}\n"
    return text
