"""The exporters that ``WIDGETMW_METRICS`` names. Their modules are imported only if it does."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from widgetmw.core.env.variable import subset_of

NAMES: Final = ("prometheus", "opentelemetry")


def parse_exporters(text: str) -> tuple[str, ...]:
    """Parses a comma-separated list of exporters.

    Raises:
        ValueError: one of them is unknown, its library is not installed, or it cannot start in this process.
    """
    try:
        names = subset_of(NAMES)(text)
    except ValueError as error:
        raise ValueError(f"{error}; each is an extra, as in widgetmw[{NAMES[0]}]") from None
    for name in names:
        try:
            exporter = _load(name)
        except ImportError:
            message = f"names {name}, whose library is not installed: pip install 'widgetmw[{name}]'"
            raise ValueError(message) from None
        exporter.check()
    return names


def start_exporter(name: str) -> None:
    """Exports the metrics of this process from now on; does nothing if it does so already."""
    _load(name).start()


def _load(name: str) -> Any:
    return import_module(f"widgetmw.metrics.{name}")
