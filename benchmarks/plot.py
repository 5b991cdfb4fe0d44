"""Plots of a result as SVG. The same result makes the same bytes: no date, no random ids, text as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from benchmarks.finding import Growth, joined
from benchmarks.result import FOLDER, Result
from benchmarks.sections import agent

OVERHEAD: Final = FOLDER / "overhead.svg"
GROWTH: Final = FOLDER / "growth.svg"
_KINDS = ("ASGI", "WSGI", agent.ASGI, agent.WSGI, "Flask", "Django")
_OURS, _OTHERS, _GREY = "#0b7285", "#adb5bd", "#868e96"
_STYLE: Final[Any] = {
    "svg.hashsalt": "widgetmw",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}
_COLUMNS = 2
_MUCH = 50


def write(result: Result) -> bool:
    """Draws what the result has data for; ``False`` where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("svg")
    whole = joined(result.sections.values())
    with matplotlib.rc_context(_STYLE):
        if {"ASGI", "WSGI"} <= whole.costs.keys():
            _saved(_overhead(whole.costs), OVERHEAD)
        if whole.growth:
            _saved(_grown(list(whole.growth)), GROWTH)
    return True


def _saved(figure: Any, path: Path) -> None:
    import matplotlib.pyplot

    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    matplotlib.pyplot.close(figure)
    # matplotlib ends some lines with a blank
    path.write_text("".join(f"{line.rstrip()}\n" for line in path.read_text().splitlines()))


def _overhead(costs: Any) -> Any:
    """Bars on a logarithmic axis: what each way adds to a page of 10 KB."""
    from matplotlib import pyplot

    kinds = [title for title in _KINDS if title in costs]
    heights = [len(costs[title]) for title in kinds]
    figure, axes = pyplot.subplots(
        len(kinds), 1, figsize=(8, 0.26 * sum(heights) + 0.5 * len(kinds) + 0.6), sharex=True, height_ratios=heights
    )
    most = max(each.value for title in kinds for each in costs[title].values())
    for axis, title in zip(axes, kinds, strict=True):
        found = sorted(costs[title].items(), key=lambda pair: -pair[1].value)
        values = [max(each.value, 0.01) for _, each in found]
        colours = [_OURS if name.startswith("widgetmw") else _OTHERS for name, _ in found]
        bars = axis.barh([name for name, _ in found], values, color=colours)
        labels = [f"{each.value:,.3g}" if each.value < 1000 else f"{each.value:,.0f}" for _, each in found]
        axis.bar_label(bars, labels, padding=3)
        axis.set(xscale="log", title=title, xlim=(0.1, 4 * most))
        axis.grid(axis="x", color="#e9ecef")
    axes[-1].set_xlabel("µs that each adds to a 10 KB page for somebody signed in (logarithmic)")
    figure.tight_layout()
    return figure


def _grown(growth: list[Growth]) -> Any:
    """Lines, one small plot for each thing that grows."""
    from matplotlib import pyplot

    rows = -(-len(growth) // _COLUMNS)
    figure, axes = pyplot.subplots(rows, _COLUMNS, figsize=(9, 2.7 * rows), squeeze=False)
    for axis, each in zip(axes.flat, growth, strict=False):
        for (name, values), look in zip(each.lines.items(), _looks(each), strict=True):
            axis.plot(each.points, values, marker="o", markersize=3, label=name, **look)
        axis.set(xlabel=f"{each.by}, {each.unit}" if each.unit else each.by, ylabel=each.measure, **_scales(each))
        if len(each.points) == max(each.points):
            axis.set_xticks(each.points)
        axis.grid(color="#e9ecef")
        axis.legend(frameon=False)
    for axis in list(axes.flat)[len(growth) :]:
        axis.remove()
    figure.tight_layout()
    return figure


def _looks(each: Growth) -> list[dict[str, str]]:
    ours = "widgetmw" if "widgetmw" in each.lines else next(iter(each.lines))
    styles = iter(("-", "--", ":"))
    return [{"color": _OURS} if name == ours else {"color": _GREY, "linestyle": next(styles)} for name in each.lines]


def _scales(each: Growth) -> dict[str, Any]:
    values = [value for line in each.lines.values() for value in line]
    scales: dict[str, Any] = {"xscale": "log"} if max(each.points) / min(each.points) >= _MUCH else {}
    if min(values) > 0 and max(values) / min(values) >= _MUCH:
        return {**scales, "yscale": "log"}
    return {**scales, "ylim": (0, 1.1 * max(values))}
