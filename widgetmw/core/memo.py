"""A bounded dict that computes what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Memo(dict[Any, Any]):
    """What a function has returned, by argument. It is emptied when it is full."""

    def __init__(self, function: Callable[[Any], Any], limit: int = 1000) -> None:
        super().__init__()
        self._function = function
        self._limit = limit

    def __missing__(self, key: Any) -> Any:
        value = self._function(key)
        if len(self) >= self._limit:
            self.clear()
        self[key] = value
        return value
