"""The documents that show a stored result: ``python -m benchmarks.document`` writes them, a test compares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks import table
from benchmarks.result import FOLDER, Result, loaded

ROOT: Final = Path(__file__).parent.parent
REPORT: Final = FOLDER / "results.md"
_ADDED: Final = "Microseconds that each adds to a request for a 10 KB page, in process."
_UNITS: Final = {
    "apps": "Microseconds of the app alone, and what each wrapper adds to a page of it, in process.",
    "pieces": "Microseconds of each by itself.",
}
_START, _END = "<!-- measured -->\n", "<!-- /measured -->"


def whole(result: Result) -> str:
    """Writes all of a result."""
    parts = [table.about(result), f"## Targets\n\n{table.targets(result)}"]
    for name, section in result.sections.items():
        again = f"Again: `make bench ARGS={name}`."
        parts += [
            f"## {title}\n\n{_UNITS.get(name, _ADDED)} {again}\n\n{table.costs(found)}"
            for title, found in section.costs.items()
        ]
        parts += [
            f"## {each.by[0].upper()}{each.by[1:]}\n\n{each.measure}. {again}\n\n{table.growth(each)}"
            for each in section.growth
        ]
    told = table.notes(result.sections.values())
    if told:
        parts.append(f"## Not measured\n\n{told}")
    return "\n".join(parts)


def report(result: Result) -> str:
    """Writes the report that is kept beside the JSON."""
    plots = "![Overhead](overhead.svg)\n\n![Growth](growth.svg)\n"
    return f"# What `make bench` measured\n\n{whole(result)}\n{plots}"


def for_readme(result: Result) -> str:
    """Writes what the README shows."""
    return f"{table.targets(result, brief=True)}\n{table.about(result)}"


DOCUMENTS: Final[Mapping[str, Callable[[Result], str]]] = {"docs/performance.md": whole, "README.md": for_readme}
"""Documents with a part between marks, by path; one that has no marks is left alone."""


def rendered(name: str, result: Result) -> tuple[str, str]:
    """Returns a document as it is, and as the result would have it."""
    text = (ROOT / name).read_text(encoding="utf-8")
    pattern = re.compile(re.escape(_START) + ".*?" + re.escape(_END), re.DOTALL)
    return text, pattern.sub(lambda _: f"{_START}{DOCUMENTS[name](result)}{_END}", text)


def write(result: Result) -> None:
    """Writes the report, and the documents' parts."""
    REPORT.write_text(report(result), encoding="utf-8")
    for name in DOCUMENTS:
        (ROOT / name).write_text(rendered(name, result)[1], encoding="utf-8")


if __name__ == "__main__":
    write(loaded())
