"""Runs one section, alone in its process: ``python -m benchmarks.section asgi full`` prints what it found as JSON.

A process of its own, since what one section imports and leaves behind would change the next one's memory and garbage
collections.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

from benchmarks import machine
from benchmarks.effort import EFFORTS, Effort
from benchmarks.finding import Section, from_json, to_json

_LONGEST = 400.0


class SectionError(Exception):
    """A section was not measured to its end; the message says which, and why."""


def run(name: str, effort: Effort) -> Section:
    """Runs a section in a process of its own.

    Raises:
        SectionError: it failed, or took too long.
    """
    words = [sys.executable, "-m", "benchmarks.section", name, effort.name]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=_LONGEST)
    except subprocess.TimeoutExpired:
        raise SectionError(f"{name} was not done within {_LONGEST:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise SectionError(f"{name} failed with exit code {error.returncode}") from None
    return from_json(json.loads(done.stdout.splitlines()[-1]))


def main(name: str, effort: str) -> None:
    """Runs a section in this process."""
    machine.pin()
    section = import_module(f"benchmarks.sections.{name}").measure(EFFORTS[effort])
    print(json.dumps(to_json(section)))


if __name__ == "__main__":
    main(*sys.argv[1:])
