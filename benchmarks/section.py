"""Runs one section in its own process: ``python -m benchmarks.section asgi full`` prints its result as JSON.

With a shared process, what one section imports and leaves behind would affect the memory and garbage collection of the
next one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

from benchmarks import machine
from benchmarks.effort import EFFORTS, Effort
from benchmarks.finding import Section, from_json, to_json

_TIMEOUT = 400.0


class SectionError(Exception):
    """A section failed; the message says which one, and why."""


def run(name: str, effort: Effort) -> Section:
    """Runs a section in its own process.

    Raises:
        SectionError: The section failed or took too long.
    """
    words = [sys.executable, "-m", "benchmarks.section", name, effort.name]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise SectionError(f"{name} did not finish within {_TIMEOUT:.0f} s") from None
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
