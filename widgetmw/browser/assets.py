"""The browser side as text: JavaScript files in, ``boot`` for pages and ``runtime`` for everybody out.

The files are read as they stand, without a build step. This package holds the part that no vendor owns;
``widgetmw/providers/<name>.js`` holds a vendor's, in two halves: what has to run in the page before any script of
the page, and what the runtime does with tokens. What is served is the same
code without comments and with short names: see :mod:`widgetmw.browser.squeeze`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Final

from widgetmw.browser.squeeze import squeeze

#: The files of the runtime in their order; they share one scope. The vendors' late halves go before the last one.
CORE: Final = ("entry", "time", "identity", "tabs", "endpoint", "vendors", "schedule", "session", "start")
#: Comes along where a vendor's late half calls it.
LOAD: Final = "load"

_EARLY_GOES_HERE: Final = "// ---- early halves ----\n"
_LATE_FROM_HERE: Final = "// ---- runtime ----\n"


def boot(vendors: Sequence[str]) -> bytes:
    """Returns the expression that stands in a page; the server appends ``(DATA)``.

    Args:
        vendors: names of the active vendors, in order.
    """
    return _boot(tuple(vendors)).encode("ascii")


def runtime(vendors: Sequence[str], snippets: str = "") -> bytes:
    """Returns the whole runtime, ``boot`` included.

    Args:
        vendors: names of the active vendors, in order.
        snippets: JavaScript that runs ahead of it, outside its scope; see :func:`snippets`.
    """
    return _runtime(tuple(vendors), snippets).encode("ascii")


def snippets(functions: Mapping[str, Mapping[str, str]]) -> str:
    """Writes functions of the operator's as the statement that :func:`runtime` takes; empty without any.

    Args:
        functions: JavaScript function expressions by vendor and name.
    """
    vendors = {vendor: _object(named) for vendor, named in functions.items() if named}
    return f"widgetmw_snippets = {_object(vendors)};\n" if vendors else ""


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


@lru_cache(maxsize=16)
def _boot(vendors: tuple[str, ...]) -> str:
    return squeeze(_boot_source(vendors))


@lru_cache(maxsize=16)
def _runtime(vendors: tuple[str, ...], snippets: str) -> str:
    *core, start = (_read("browser", name) for name in CORE)
    late = "".join(_halves(vendor)[1] for vendor in vendors)
    load = _read("browser", LOAD) if f"{LOAD}(" in late else ""
    body = "".join((*core, load, late, start))
    return snippets + squeeze(f"(function () {{\nconst boot =\n{_boot_source(vendors)};\n{body}}})();\n")


def _boot_source(vendors: Sequence[str]) -> str:
    early = "".join(_halves(vendor)[0] for vendor in vendors)
    return _read("browser", "boot").replace(_EARLY_GOES_HERE, early)


def _halves(vendor: str) -> tuple[str, str]:
    early, _, late = _read("providers", vendor).partition(_LATE_FROM_HERE)
    return early, late


def _read(folder: str, name: str) -> str:
    path = files("widgetmw") / folder / f"{name}.js"
    return (path if path.is_file() else files("widgetmw") / folder / name / f"{name}.js").read_text("ascii")
