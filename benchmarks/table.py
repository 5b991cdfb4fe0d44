"""Findings as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from benchmarks.finding import Finding, Growth, Section
from benchmarks.result import Result
from benchmarks.rounds import Estimate

NOISY: Final = 0.1
"""A figure whose interval is wider than this part of it, to either side, is shown with its fastest rounds too."""


def written(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Writes a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def number(value: float) -> str:
    """Writes a number with three digits, as people do."""
    if value and abs(value) < 1000:
        digits = f"{value:.3g}"
        return f"{float(digits):g}" if "e" in digits else digits
    return f"{round(value):,}"


def _value(finding: Finding) -> str:
    return f"{number(finding.estimate.value)} {finding.unit}".strip()


def measured(finding: Finding) -> str:
    """Writes a figure, and the interval it is known to."""
    estimate, text = finding.estimate, _value(finding)
    if estimate.low != estimate.high:
        text += f" ({number(estimate.low)} to {number(estimate.high)})"
    if estimate.noise > NOISY and estimate.least is not None:
        text += f"; fastest rounds: {number(estimate.least)} {finding.unit}"
    return text


def target(finding: Finding) -> str:
    """Writes what it should be."""
    if finding.limit is None:
        return ""
    sign = "≥" if finding.at_least else "≤"
    return f"{sign} {number(finding.limit)}{' ' + finding.unit if finding.unit else ''}"


def verdict(finding: Finding) -> str:
    """Writes whether that is so."""
    if finding.met is None or finding.limit is None:
        return ""
    within = finding.estimate.low < finding.limit < finding.estimate.high
    return ("yes" if finding.met else "**no**") + (", within noise" if within else "")


def targets(result: Result, brief: bool = False) -> str:
    """Writes the table of targets, each row with how to measure it again; in brief without what has no target."""
    rows = [
        (
            finding.case,
            finding.measure,
            _value(finding) if brief else measured(finding),
            target(finding),
            verdict(finding),
            f"`make bench ARGS={name}`",
        )
        for name, section in result.sections.items()
        for finding in section.findings
        if not brief or finding.limit is not None
    ]
    return written(("case", "what", "measured", "target", "met", "again"), rows)


def costs(found: Mapping[str, Estimate]) -> str:
    """Writes microseconds by name."""
    rows = [(name, number(each.value), f"{number(each.low)} to {number(each.high)}") for name, each in found.items()]
    return written(("", "µs", "interval"), rows)


def growth(each: Growth) -> str:
    """Writes how a cost grows."""
    by = f"{each.by}, {each.unit}" if each.unit else each.by
    rows = [
        (f"{point:,}", *(number(line[place]) for line in each.lines.values()))
        for place, point in enumerate(each.points)
    ]
    return written((by, *each.lines), rows)


def notes(sections: Iterable[Section]) -> str:
    """Writes what could not be measured."""
    return "".join(f"- {note}\n" for section in sections for note in section.notes)


def about(result: Result) -> str:
    """Writes machine, versions and date."""
    facts = "; ".join(f"{name}: {value}" for name, value in result.machine.items())
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return f"Measured on {result.date}. {facts}.\n\n{versions}.\n"
