"""The machine: its description, the core to measure on, and the memory and CPU time of processes."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Set as AbstractSet
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

_PACKAGES = (
    "widgetmw",
    "asgiref",
    "cachetools",
    "cryptography",
    "PyJWT",
    "Werkzeug",
    "starlette",
    "uvicorn",
    "httptools",
    "Flask",
    "gunicorn",
    "Jinja2",
    "Django",
    "newrelic",
    "django-browser-reload",
    "beautifulsoup4",
    "lxml",
    "pyperf",
)
_PAGE = resource.getpagesize()

CORES: Final = frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset[int]()
"""The cores this process could use when it started; empty if the system does not say."""


def pin() -> None:
    """Pins this process and its children to the last core; the first one serves most interrupts."""
    _set_affinity({max(CORES, default=0)})


def pin_to_other_cores() -> None:
    """Keeps a process that only loads or drains another one off that core, if there is a second core."""
    _set_affinity((CORES - {max(CORES, default=0)}) or CORES)


def pin_to_last(count: int) -> None:
    """Pins this process and its children to the last ``count`` cores."""
    _set_affinity(set(sorted(CORES)[-count:]))


def unpin() -> None:
    """Lets this process run on all cores again."""
    _set_affinity(CORES)


def _set_affinity(chosen: AbstractSet[int]) -> None:
    if CORES:
        os.sched_setaffinity(0, chosen)


def describe() -> dict[str, str]:
    """Describes the machine to a reader, without its name or any path."""
    implementation = f"{platform.python_implementation()} {platform.python_version()}"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        implementation += " without GIL"
    return {
        "processor": _processor(),
        "cores": str(len(CORES) or os.cpu_count() or 1),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": implementation,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


def versions() -> dict[str, str]:
    """Returns the versions of the measured packages that are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def is_busy() -> bool:
    """Whether other programs use more than a quarter of the machine."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1) / 4


def resident_bytes() -> int:
    """Returns the resident memory of this process; its peak where the system reports only that."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def group_cpu_seconds(group: int) -> float | None:
    """Returns the CPU seconds of a process group, or ``None`` if the system does not report them."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:  # the process has just exited
            continue
        if int(words[2]) == group:
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None
