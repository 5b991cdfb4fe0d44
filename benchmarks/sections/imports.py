"""What ``import widgetmw`` takes beyond its dependencies, in fresh interpreters."""

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

CASE = "import widgetmw, beyond its dependencies"
FRAMEWORKS = ("aiohttp", "django", "falcon", "fastapi", "flask", "litestar", "quart", "starlette")
TRIES = 21
_NAMES = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(json.dumps([name for name in sys.modules if name not in before]))
"""
# Dependencies first, by the names of the very modules that are imported; then the package. The time is the process's
# own: an import reads files that are in the system's cache, and waits for nothing.
_TIMED = """
import importlib, sys, time
for name in sys.argv[2:]:
    importlib.import_module(name)
start = time.process_time()
importlib.import_module(sys.argv[1])
print((time.process_time() - start) * 1000)
"""


def measure(effort: Effort) -> Section:
    """Measures the import of the package itself, and of its ASGI driver."""
    dependencies = [name for name in imported("widgetmw.asgi") if is_dependency(name)]
    tries = effort.of(TRIES, 3)
    frameworks = sum(name in FRAMEWORKS for name in imported("widgetmw.asgi"))
    return Section(
        [
            Finding(CASE, "time", took("widgetmw", dependencies, tries), "ms", limit=10),
            Finding(CASE, "time of widgetmw.asgi, all of the core", took("widgetmw.asgi", dependencies, tries), "ms"),
            Finding(CASE, "frameworks imported", exact(frameworks), "", limit=0),
        ]
    )


def imported(module: str) -> list[str]:
    """Returns the modules that an import brings in."""
    names: list[str] = json.loads(_run(_NAMES, module))
    return names


def is_dependency(name: str) -> bool:
    """Whether a module is another package's, and can be imported by itself: some parts of compiled ones cannot."""
    top = name.partition(".")[0]
    foreign = top not in sys.stdlib_module_names and top != "widgetmw"
    return foreign and not any(part.startswith("_") for part in name.split("."))


def took(module: str, before: list[str], tries: int) -> Estimate:
    """Returns milliseconds; the first try only warms the system's cache of files."""
    with TemporaryDirectory() as folder:
        # as installed packages have it: the code is compiled already, by the first try
        compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        compiled["PYTHONPYCACHEPREFIX"] = folder
        times = [float(_run(_TIMED, module, *before, environ=compiled)) for _ in range(tries + 1)]
    return spread(times[1:])


def _run(script: str, *words: str, environ: Mapping[str, str] | None = None) -> str:
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout
