"""The machine: which it is, one core of it to measure on, and the memory that a process has."""

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
"""The cores that this process had when it started; empty where the system does not tell."""


def pin() -> None:
    """Keeps this process, and those that it starts, on one core: the last, since the first serves most interrupts."""
    _keep({max(CORES, default=0)})


def pin_away() -> None:
    """Keeps this process, which only loads or drains another, off that core, where there is a second one."""
    _keep((CORES - {max(CORES, default=0)}) or CORES)


def pin_to(count: int) -> None:
    """Lets this process, and those that it starts, run on so many cores: the last ones."""
    _keep(set(sorted(CORES)[-count:]))


def unpin() -> None:
    """Lets this process run on all cores."""
    _keep(CORES)


def _keep(chosen: AbstractSet[int]) -> None:
    if CORES:
        os.sched_setaffinity(0, chosen)


def facts() -> dict[str, str]:
    """Returns what a reader needs to know about the machine; no name of it and no path."""
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
    """Returns the packages that take part, as far as they are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def busy() -> bool:
    """Whether other programs keep more than a quarter of the machine at work."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1) / 4


def resident() -> int:
    """Returns the bytes of memory that this process holds; at their highest where the system tells only that."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def group_seconds(group: int) -> float | None:
    """Returns how long the processes of a group have been at work, or ``None`` where the system does not tell."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(words[2]) == group:
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None
