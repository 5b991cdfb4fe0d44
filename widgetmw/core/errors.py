"""The exceptions of this package.

WidgetError
├── SettingsError (also a ValueError)   the configuration is invalid; lists every problem by variable name
└── ResolverError                       the user of a request cannot be found
"""

from __future__ import annotations

from collections.abc import Iterable


class WidgetError(Exception):
    """Base class of all exceptions of this package."""


class SettingsError(WidgetError, ValueError):
    """The configuration is invalid.

    Attributes:
        problems: one sentence each, starting with the variable's name; never a value.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"widgetmw cannot be configured:{lines}")


class ResolverError(WidgetError):
    """The user of a request cannot be found: the page goes out without a token."""


def describe_error(error: BaseException) -> str:
    """Returns the type of an error and the line that raised it; its message may hold personal data or a secret."""
    traceback = error.__traceback__
    if traceback is None:
        return type(error).__name__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = traceback.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"{type(error).__name__} at {name}:{traceback.tb_lineno}"
