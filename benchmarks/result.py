"""A stored result: the figures, and the machine, package versions and date they were measured with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import machine
from benchmarks.finding import Section, from_json, to_json
from benchmarks.sections import ORDER

FOLDER: Final = Path(__file__).parent / "results"
STORED: Final = FOLDER / "results.json"


@dataclass(frozen=True)
class Result:
    """The result of one run.

    Attributes:
        date: Date of the run, in UTC.
        machine: Processor, cores, system, Python.
        versions: Versions of the measured packages.
        sections: The result of each section, by name.
    """

    date: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    sections: Mapping[str, Section]


def create(sections: Mapping[str, Section]) -> Result:
    """Returns a result with this machine's description and today's date."""
    return Result(f"{datetime.now(UTC):%Y-%m-%d}", machine.describe(), machine.versions(), sections)


def update(sections: Mapping[str, Section]) -> Result:
    """Returns the stored result with these sections, which count and so depend on neither date nor machine.

    Raises:
        OSError: There is no stored result.
    """
    stored = load()
    found = {**stored.sections, **sections}
    return replace(stored, sections={name: found[name] for name in ORDER if name in found})


def dumps(result: Result) -> str:
    """Returns a result as JSON."""
    sections = {name: to_json(section) for name, section in result.sections.items()}
    data = {"date": result.date, "machine": result.machine, "versions": result.versions, "sections": sections}
    return json.dumps(data, indent=1) + "\n"


def load(path: Path = STORED) -> Result:
    """Reads a stored result.

    Raises:
        OSError: There is no stored result.
    """
    data = json.loads(path.read_text(encoding="utf-8"))
    return Result(**{**data, "sections": {name: from_json(each) for name, each in data["sections"].items()}})
