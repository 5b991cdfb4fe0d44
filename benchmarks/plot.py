"""Plots a result as SVG. The same result gives the same bytes: no date, no random ids, text as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from benchmarks.finding import Growth, merge
from benchmarks.result import FOLDER, Result
from benchmarks.sections import agent

OVERHEAD: Final = FOLDER / "overhead.svg"
GROWTH: Final = FOLDER / "growth.svg"
_KINDS = ("ASGI", "WSGI", agent.ASGI, agent.WSGI, "Flask", "Django")
_HIGHLIGHT, _OTHERS, _GREY = "#0b7285", "#adb5bd", "#868e96"
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
_LOG_SCALE_RATIO = 50


def write(result: Result) -> bool:
    """Draws the plots that the result has data for. Returns ``False`` if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("svg")
    merged = merge(result.sections.values())
    with matplotlib.rc_context(_STYLE):
        if {"ASGI", "WSGI"} <= merged.costs.keys():
            _save(_draw_overhead(merged.costs), OVERHEAD)
        if merged.growth:
            _save(_draw_growth(list(merged.growth)), GROWTH)
    return True


def _save(figure: Any, path: Path) -> None:
    import matplotlib.pyplot

    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    matplotlib.pyplot.close(figure)
    # matplotlib leaves trailing spaces
    path.write_text("".join(f"{line.rstrip()}\n" for line in path.read_text().splitlines()))


def _draw_overhead(costs: Any) -> Any:
    """Draws bars on a logarithmic axis: what each approach adds to a 10 KB page."""
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
        colours = [_HIGHLIGHT if name.startswith("widgetmw") else _OTHERS for name, _ in found]
        bars = axis.barh([name for name, _ in found], values, color=colours)
        labels = [f"{each.value:,.3g}" if each.value < 1000 else f"{each.value:,.0f}" for _, each in found]
        axis.bar_label(bars, labels, padding=3)
        axis.set(xscale="log", title=title, xlim=(0.1, 4 * most))
        axis.grid(axis="x", color="#e9ecef")
    axes[-1].set_xlabel("µs that each adds to a 10 KB page of a signed-in user (logarithmic)")
    figure.tight_layout()
    return figure


def _draw_growth(growth: list[Growth]) -> Any:
    """Draws one small line plot for each quantity."""
    from matplotlib import pyplot

    rows = -(-len(growth) // _COLUMNS)
    figure, axes = pyplot.subplots(rows, _COLUMNS, figsize=(9, 2.7 * rows), squeeze=False)
    for axis, each in zip(axes.flat, growth, strict=False):
        for (name, values), look in zip(each.lines.items(), _line_styles(each), strict=True):
            axis.plot(each.points, values, marker="o", markersize=3, label=name, **look)
        axis.set(xlabel=f"{each.by}, {each.unit}" if each.unit else each.by, ylabel=each.measure, **_axis_scales(each))
        if len(each.points) == max(each.points):
            axis.set_xticks(each.points)
        axis.grid(color="#e9ecef")
        axis.legend(frameon=False)
    for axis in list(axes.flat)[len(growth) :]:
        axis.remove()
    figure.tight_layout()
    return figure


def _line_styles(each: Growth) -> list[dict[str, str]]:
    highlighted = "widgetmw" if "widgetmw" in each.lines else next(iter(each.lines))
    styles = iter(("-", "--", ":"))
    return [
        {"color": _HIGHLIGHT} if name == highlighted else {"color": _GREY, "linestyle": next(styles)}
        for name in each.lines
    ]


def _axis_scales(each: Growth) -> dict[str, Any]:
    values = [value for line in each.lines.values() for value in line]
    scales: dict[str, Any] = {"xscale": "log"} if max(each.points) / min(each.points) >= _LOG_SCALE_RATIO else {}
    if min(values) > 0 and max(values) / min(values) >= _LOG_SCALE_RATIO:
        return {**scales, "yscale": "log"}
    return {**scales, "ylim": (0, 1.1 * max(values))}
