"""What a section of the benchmarks found, and its form in JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.rounds import Estimate


@dataclass(frozen=True)
class Finding:
    """One measured number, and its target if it has one.

    Attributes:
        case: what was done, a row of the table.
        measure: what the number is, such as ``ours / forwarding``.
        estimate: the number.
        unit: of the number; ratios have the sign of multiplication.
        limit: the target, or ``None``.
        at_least: whether more is better, so that the target is the least it may be.
    """

    case: str
    measure: str
    estimate: Estimate
    unit: str = "×"
    limit: float | None = None
    at_least: bool = False

    @property
    def key(self) -> str:
        """Names it in every run."""
        return f"{self.case}: {self.measure}"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; ``None`` where there is none."""
        if self.limit is None:
            return None
        return self.estimate.value >= self.limit if self.at_least else self.estimate.value <= self.limit


@dataclass(frozen=True)
class Growth:
    """How a cost grows.

    Attributes:
        by: what grows.
        unit: of it; empty for a plain number.
        measure: what the lines show.
        points: of what grows.
        lines: by name, a number for each of the points.
    """

    by: str
    unit: str
    measure: str
    points: Sequence[float]
    lines: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Section:
    """What one section found.

    Attributes:
        findings: rows of the table of targets, and what is told beside them.
        costs: microseconds per request by case, in tables by title.
        growth: how costs grow.
        notes: what could not be measured, and why.
    """

    findings: Sequence[Finding] = ()
    costs: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    growth: Sequence[Growth] = ()
    notes: Sequence[str] = ()


def to_json(section: Section) -> dict[str, Any]:
    """Returns JSON values, with four digits: more of them would be noise."""
    rounded: dict[str, Any] = _rounded(asdict(section))
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def from_json(data: Mapping[str, Any]) -> Section:
    """Reads what :func:`to_json` wrote."""
    return Section(
        tuple(Finding(**{**each, "estimate": Estimate(**each["estimate"])}) for each in data["findings"]),
        {title: {name: Estimate(**each) for name, each in costs.items()} for title, costs in data["costs"].items()},
        tuple(Growth(**each) for each in data["growth"]),
        tuple(data["notes"]),
    )


def joined(sections: Iterable[Section]) -> Section:
    """Returns several sections as one."""
    each = list(sections)
    return Section(
        [finding for section in each for finding in section.findings],
        {title: costs for section in each for title, costs in section.costs.items()},
        [growth for section in each for growth in section.growth],
        [note for section in each for note in section.notes],
    )
