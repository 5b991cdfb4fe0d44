"""The error tree.

WidgetError
├── SettingsError (also a ValueError)   the environment is wrong; lists every problem by variable name
├── ResolverError                       who is signed in could not be found out
└── TokenUnavailable                    a vendor's token could not be minted
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType


class WidgetError(Exception):
    """The base of all errors of this package."""


class SettingsError(WidgetError, ValueError):
    """The environment does not make a configuration.

    Attributes:
        problems: one sentence each, starting with the variable's name; never a value.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"widgetmw cannot be configured:{lines}")


class ResolverError(WidgetError):
    """Who is signed in could not be found out: nobody gets a token for this request."""


class TokenUnavailable(WidgetError):
    """A vendor's token could not be minted.

    Attributes:
        provider: the vendor's name.
    """

    def __init__(self, provider: str) -> None:
        self.provider = provider
        super().__init__(f"no token for {provider}")


def cause(error: BaseException) -> str:
    """Says what went wrong without the error's own text, which may hold personal data or a secret.

    Returns:
        the error's type, and file and line of the place that raised it.
    """
    return f"{type(error).__name__}{_place(error.__traceback__)}"


def _place(trace: TracebackType | None) -> str:
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f" at {name}:{trace.tb_lineno}"
