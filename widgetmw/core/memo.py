"""A bounded dict that computes missing values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Memo(dict[Any, Any]):
    """Results of a function by argument. Cleared when full.

    A look-up that hits costs as much as one in a plain dict, ``functools.lru_cache`` is slower.
    """

    def __init__(self, function: Callable[[Any], Any], limit: int = 1000) -> None:
        self._function = function
        self._limit = limit

    def __missing__(self, key: Any) -> Any:
        value = self._function(key)
        if len(self) >= self._limit:
            self.clear()
        self[key] = value
        return value
