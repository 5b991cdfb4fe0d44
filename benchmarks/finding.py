"""The result of one section of the benchmarks, and its JSON form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.rounds import Estimate


@dataclass(frozen=True)
class Finding:
    """One measured figure, with its target if it has one.

    Attributes:
        case: What was measured; the first column of the table.
        measure: What the figure means, such as ``widgetmw / forwarding``.
        estimate: The figure.
        unit: Its unit; a multiplication sign for a ratio.
        limit: The target, or ``None``.
        at_least: Whether more is better, so that the target is a minimum.
    """

    case: str
    measure: str
    estimate: Estimate
    unit: str = "×"
    limit: float | None = None
    at_least: bool = False

    @property
    def key(self) -> str:
        """Identifies the figure across runs."""
        return f"{self.case}: {self.measure}"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; ``None`` without a target."""
        if self.limit is None:
            return None
        return self.estimate.value >= self.limit if self.at_least else self.estimate.value <= self.limit


@dataclass(frozen=True)
class Growth:
    """How a cost grows.

    Attributes:
        by: The quantity on the x axis.
        unit: Its unit; empty for a plain count.
        measure: The quantity on the y axis.
        points: The values on the x axis.
        lines: The values on the y axis, one for each point, by name.
    """

    by: str
    unit: str
    measure: str
    points: Sequence[float]
    lines: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Sizes:
    """A table of bytes, which are counted.

    Attributes:
        by: The heading of the rows.
        columns: The headings of the columns.
        rows: The bytes by row, one number for each column.
    """

    by: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Section:
    """The result of one section.

    Attributes:
        findings: Rows of the table of targets, with or without a target.
        costs: Tables by title; each has microseconds by case.
        growth: How costs grow.
        notes: What could not be measured, and why.
        sizes: Tables of bytes by title.
    """

    findings: Sequence[Finding] = ()
    costs: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    growth: Sequence[Growth] = ()
    notes: Sequence[str] = ()
    sizes: Mapping[str, Sizes] = field(default_factory=dict)


def to_json(section: Section) -> dict[str, Any]:
    """Returns JSON values, rounded to four digits: more would be noise."""
    rounded: dict[str, Any] = _rounded(asdict(section))
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def from_json(data: Mapping[str, Any]) -> Section:
    """Reads the output of :func:`to_json`."""
    return Section(
        tuple(Finding(**{**each, "estimate": Estimate(**each["estimate"])}) for each in data["findings"]),
        {title: {name: Estimate(**each) for name, each in costs.items()} for title, costs in data["costs"].items()},
        tuple(Growth(**each) for each in data["growth"]),
        tuple(data["notes"]),
        {title: Sizes(**each) for title, each in data.get("sizes", {}).items()},
    )


def merge(sections: Iterable[Section]) -> Section:
    """Merges several sections into one."""
    each = list(sections)
    return Section(
        [finding for section in each for finding in section.findings],
        {title: costs for section in each for title, costs in section.costs.items()},
        [growth for section in each for growth in section.growth],
        [note for section in each for note in section.notes],
        {title: sizes for section in each for title, sizes in section.sizes.items()},
    )
