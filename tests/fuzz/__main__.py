"""``python -m tests.fuzz TARGET [libFuzzer options]``."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["widgetmw"]):
    from tests.fuzz.targets import TARGETS

name = sys.argv.pop(1)
seeds = Path(__file__).parent / "seeds" / name
atheris.Setup([*sys.argv, str(seeds)], TARGETS[name])
atheris.Fuzz()
