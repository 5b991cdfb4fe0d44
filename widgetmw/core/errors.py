"""The exceptions of this package.

WidgetError
├── SettingsError (also a ValueError)   the configuration is invalid; lists every problem by variable name
└── ResolverError                       the user of a request cannot be found
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType


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
    """Describes an error without its message, which may hold personal data or a secret.

    Returns:
        the error's type, and the file and line that raised it.
    """
    return f"{type(error).__name__}{_location(error.__traceback__)}"


def _location(traceback: TracebackType | None) -> str:
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = traceback.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f" at {name}:{traceback.tb_lineno}"
