"""Classes that are known by name and imported when they are asked for: vendors, and proxies in front."""

from __future__ import annotations

from importlib import import_module
from typing import Generic, TypeVar

Kind = TypeVar("Kind")


class Registry(Generic[Kind]):
    """The classes of one kind, in the order in which they were registered."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}

    def register(self, name: str, path: str) -> None:
        """Makes a class known without importing it.

        Args:
            name: how settings call it.
            path: ``"package.module:Class"``.
        """
        self._paths[name] = path

    def known(self) -> tuple[str, ...]:
        """Returns the registered names, in their order."""
        return tuple(self._paths)

    def get(self, name: str) -> type[Kind]:
        """Imports a registered class; ``KeyError`` for any other name."""
        module, _, attribute = self._paths[name].partition(":")
        found: type[Kind] = getattr(import_module(module), attribute)
        return found
