"""What moved since the stored result, beyond what noise explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks import table
from benchmarks.finding import Finding, Section, joined
from benchmarks.result import Result

LEAST: Final = 0.1
"""By which part a figure has to differ at least: from run to run, as against from round to round, things lie elsewhere
in memory, and other programs run."""
_ALIKE: Final = frozenset({"×", "", "KB"})


@dataclass(frozen=True)
class Move:
    """A figure then and now."""

    then: Finding
    now: Finding

    @property
    def beyond_noise(self) -> bool:
        """Whether the intervals do not even touch, and the figures are not almost the same."""
        then, now = self.then.estimate, self.now.estimate
        apart = then.high < now.low or now.high < then.low
        return apart and abs(now.value - then.value) > LEAST * abs(then.value)

    @property
    def better(self) -> bool:
        """Whether it went the right way."""
        return (self.now.estimate.value > self.then.estimate.value) == self.now.at_least


def moves(stored: Result, now: Mapping[str, Section], machine: Mapping[str, str]) -> list[Move]:
    """Returns the figures of both; of another machine only ratios and counts, since its times say nothing here."""
    before = {finding.key: finding for finding in joined(stored.sections.values()).findings}
    found = joined(now.values()).findings
    same = stored.machine == machine
    return [Move(before[f.key], f) for f in found if f.key in before and (same or f.unit in _ALIKE)]


def told(
    stored: Result, now: Mapping[str, Section], machine: Mapping[str, str], versions: Mapping[str, str] | None = None
) -> str:
    """Says what moved, and what else is not as it was then."""
    versions = versions or {}
    each = moves(stored, now, machine)
    moved = [move for move in each if move.beyond_noise]
    where = "this machine" if stored.machine == machine else "another machine, so by ratios only"
    text = f"Compared with {stored.date}, {where}: {len(moved)} of {len(each)} figures moved beyond noise.\n"
    others = [
        f"{name} {then} -> {versions[name]}"
        for name, then in stored.versions.items()
        if versions.get(name, then) != then
    ]
    text += f"  other versions: {', '.join(others)}\n" if others else ""
    for move in moved:
        way = "better" if move.better else "worse"
        text += f"  {way}: {move.now.key}: {table.measured(move.then)} -> {table.measured(move.now)}\n"
    return text
