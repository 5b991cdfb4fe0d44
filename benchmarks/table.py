"""Results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from benchmarks.finding import Finding, Growth, Section, Sizes
from benchmarks.result import Result
from benchmarks.rounds import Estimate

NOISY: Final = 0.1
"""If half the interval is wider than this share of the value, the figure of the fastest rounds is shown too."""


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def format_number(value: float) -> str:
    """Formats a number with three significant digits."""
    if value and abs(value) < 1000:
        digits = f"{value:.3g}"
        return f"{float(digits):g}" if "e" in digits else digits
    return f"{round(value):,}"


def _format_value(finding: Finding) -> str:
    return f"{format_number(finding.estimate.value)} {finding.unit}".strip()


def format_estimate(finding: Finding) -> str:
    """Formats a figure with its interval."""
    estimate, text = finding.estimate, _format_value(finding)
    if estimate.low != estimate.high:
        text += f" ({format_number(estimate.low)} to {format_number(estimate.high)})"
    if estimate.noise > NOISY and estimate.fastest is not None:
        text += f"; fastest rounds: {format_number(estimate.fastest)} {finding.unit}"
    return text


def format_target(finding: Finding) -> str:
    """Formats the target."""
    if finding.limit is None:
        return ""
    sign = "≥" if finding.at_least else "≤"
    return f"{sign} {format_number(finding.limit)}{' ' + finding.unit if finding.unit else ''}"


def verdict(finding: Finding) -> str:
    """Says whether the target is met."""
    if finding.met is None or finding.limit is None:
        return ""
    within = finding.estimate.low < finding.limit < finding.estimate.high
    return ("yes" if finding.met else "**no**") + (", within noise" if within else "")


def targets_table(result: Result) -> str:
    """Returns the table of targets."""
    rows = [
        (
            finding.case,
            finding.measure,
            format_estimate(finding),
            format_target(finding),
            verdict(finding),
            f"`make bench ARGS={name}`",
        )
        for name, section in result.sections.items()
        for finding in section.findings
    ]
    return markdown_table(("case", "measure", "measured", "target", "met", "reproduce"), rows)


def costs_table(found: Mapping[str, Estimate]) -> str:
    """Returns a table of microseconds by name."""
    rows = [
        (name, format_number(each.value), f"{format_number(each.low)} to {format_number(each.high)}")
        for name, each in found.items()
    ]
    return markdown_table(("", "µs", "interval"), rows)


def growth_table(each: Growth) -> str:
    """Returns the table of how a cost grows."""
    by = f"{each.by}, {each.unit}" if each.unit else each.by
    rows = [
        (f"{point:,}", *(format_number(line[place]) for line in each.lines.values()))
        for place, point in enumerate(each.points)
    ]
    return markdown_table((by, *each.lines), rows)


def sizes_table(sizes: Sizes) -> str:
    """Returns a table of bytes, which are counted and so have all their digits."""
    rows = [(name, *(f"{each:,}" for each in values)) for name, values in sizes.rows.items()]
    return markdown_table((sizes.by, *sizes.columns), rows)


def notes_list(sections: Iterable[Section]) -> str:
    """Returns the list of what could not be measured."""
    return "".join(f"- {note}\n" for section in sections for note in section.notes)


def describe_run(result: Result) -> str:
    """Returns the date, the machine and the package versions."""
    facts = "; ".join(f"{name}: {value}" for name, value in result.machine.items())
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return f"Measured on {result.date}. {facts}.\n\n{versions}.\n"
