"""A result as it is kept: what was found, on which machine, with which versions, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.finding import Section, from_json, to_json

FOLDER: Final = Path(__file__).parent / "results"
STORED: Final = FOLDER / "results.json"


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        date: of the run, UTC, without the time.
        machine: processor, cores, system, Python.
        versions: of the packages that took part.
        sections: what each found, by name.
    """

    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    sections: Mapping[str, Section]


def made(sections: Mapping[str, Section]) -> Result:
    """Returns a result of this machine, here and now."""
    return Result(f"{datetime.now(UTC):%Y-%m-%d}", machine.facts(), machine.versions(), sections)


def dumped(result: Result) -> str:
    """Writes it."""
    sections = {name: to_json(section) for name, section in result.sections.items()}
    data = {"date": result.date, "machine": result.machine, "versions": result.versions, "sections": sections}
    return json.dumps(data, indent=1) + "\n"


def loaded(path: Path = STORED) -> Result:
    """Reads a stored result.

    Raises:
        OSError: there is none.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    return Result(**{**data, "sections": {name: from_json(each) for name, each in data["sections"].items()}})
