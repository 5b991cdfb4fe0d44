"""The documents that show the stored result. ``python -m benchmarks.document`` writes them; a test compares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from benchmarks import table
from benchmarks.result import FOLDER, Result, load

ROOT: Final = Path(__file__).parent.parent
REPORT: Final = FOLDER / "results.md"
_OVERHEAD: Final = "Microseconds that each adds to a request for a 10 KB page, in process."
_UNITS: Final = {
    "apps": "Microseconds of the app alone, and what each wrapper adds to one of its pages, in process.",
    "pieces": "Microseconds of each operation on its own.",
}


def full_report(result: Result) -> str:
    """Returns a whole result as Markdown."""
    parts = [table.describe_run(result), f"## Targets\n\n{table.targets_table(result)}"]
    for name, section in result.sections.items():
        reproduce = f"Reproduce: `make bench ARGS={name}`."
        parts += [
            f"## {title}\n\n{_UNITS.get(name, _OVERHEAD)} {reproduce}\n\n{table.costs_table(found)}"
            for title, found in section.costs.items()
        ]
        parts += [
            f"## {each.by[0].upper()}{each.by[1:]}\n\n{each.measure}. {reproduce}\n\n{table.growth_table(each)}"
            for each in section.growth
        ]
        parts += [
            f"## {title}\n\nCounted in bytes. {reproduce}\n\n{table.sizes_table(each)}"
            for title, each in section.sizes.items()
        ]
    notes = table.notes_list(result.sections.values())
    if notes:
        parts.append(f"## Not measured\n\n{notes}")
    return "\n".join(parts)


def report(result: Result) -> str:
    """Returns the report that is stored beside the JSON."""
    plots = "![Overhead](overhead.svg)\n\n![Growth](growth.svg)\n"
    return f"# Results of `make bench`\n\n{full_report(result)}\n{plots}"


def summary(result: Result) -> str:
    """Returns the few numbers that most readers want."""
    found = {(each.case, each.measure): each.estimate.value for s in result.sections.values() for each in s.findings}
    time = result.sections["peers"].costs["ASGI"]["widgetmw"].value
    rows = [("time added to a 10 KB page with a cached token, ASGI, in process", f"{table.format_number(time)} µs")]
    sizes = [value for (_, measure), value in found.items() if measure.startswith("bytes added to a page")]
    if sizes:
        few, many = table.format_number(min(sizes)), table.format_number(max(sizes))
        rows.append(("bytes added to a page, token included, for one vendor", f"{few} to {many}"))
    entry = found["A million users, cache of 10,000", "memory of one entry, with its part of the page"]
    rows.append(("memory per user in the token cache, by default of 10,000 users", f"{table.format_number(entry)} KB"))
    share = found["Starlette + Jinja on uvicorn", "requests per second with / without"]
    rows.append(("requests per second of a Starlette app with templates, compared to without", f"{share:.1%}"))
    return table.markdown_table(("what", "measured"), rows)


_PART: Final = re.compile(r"(<!-- (summary|measured) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
_PARTS: Final[Mapping[str, Callable[[Result], str]]] = {"summary": summary, "measured": full_report}
"""What to write between the markers of each name."""
DOCUMENTS: Final = ("docs/performance.md", "README.md")


def render(name: str, result: Result) -> tuple[str, str]:
    """Returns the text of a document now, and as it should be for this result."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return text, _PART.sub(lambda match: f"{match[1]}{_PARTS[match[2]](result)}{match[3]}", text)


def write(result: Result) -> None:
    """Writes the report and the generated parts of the documents."""
    REPORT.write_text(report(result), encoding="utf-8")
    for name in DOCUMENTS:
        (ROOT / name).write_text(render(name, result)[1], encoding="utf-8")


if __name__ == "__main__":
    write(load())
