"""What ``import widgetmw`` costs, without its dependencies, in fresh interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from tempfile import TemporaryDirectory

from benchmarks.effort import Effort
from benchmarks.finding import Finding, Section
from benchmarks.rounds import Estimate, exact, spread

CASE = "import widgetmw, without its dependencies"
FRAMEWORKS = ("aiohttp", "django", "falcon", "fastapi", "flask", "litestar", "quart", "starlette")
TRIES = 21
_NAMES = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(json.dumps([name for name in sys.modules if name not in before]))
"""
# Imports exactly the dependencies that the package imports, then the package. CPU time is enough: the files are in the
# system's cache, so an import waits for nothing.
_TIMED = """
import importlib, sys, time
for name in sys.argv[2:]:
    importlib.import_module(name)
start = time.process_time()
importlib.import_module(sys.argv[1])
print((time.process_time() - start) * 1000)
"""


def measure(effort: Effort) -> Section:
    """Measures the import of the package and of its ASGI middleware."""
    dependencies = [name for name in imported("widgetmw.asgi") if is_dependency(name)]
    tries = effort.scaled(TRIES, 3)
    frameworks = sum(name in FRAMEWORKS for name in imported("widgetmw.asgi"))
    return Section(
        [
            Finding(CASE, "time", import_time("widgetmw", dependencies, tries), "ms", limit=10),
            Finding(
                CASE,
                "time of widgetmw.asgi, with all of the core",
                import_time("widgetmw.asgi", dependencies, tries),
                "ms",
            ),
            Finding(CASE, "frameworks imported", exact(frameworks), "", limit=0),
        ]
    )


def imported(module: str) -> list[str]:
    """Returns the modules that an import loads."""
    names: list[str] = json.loads(_run(_NAMES, module))
    return names


def is_dependency(name: str) -> bool:
    """Whether a module belongs to a dependency and can be imported by itself; private parts of some cannot."""
    top = name.partition(".")[0]
    foreign = top not in sys.stdlib_module_names and top != "widgetmw"
    return foreign and not any(part.startswith("_") for part in name.split("."))


def import_time(module: str, before: list[str], tries: int) -> Estimate:
    """Returns milliseconds; the first try only warms the system's file cache."""
    with TemporaryDirectory() as folder:
        # the first try compiles the bytecode, which an installed package has already
        compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        compiled["PYTHONPYCACHEPREFIX"] = folder
        times = [float(_run(_TIMED, module, *before, environ=compiled)) for _ in range(tries + 1)]
    return spread(times[1:])


def _run(script: str, *words: str, environ: Mapping[str, str] | None = None) -> str:
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
