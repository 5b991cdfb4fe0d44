"""The exceptions of this package.

WidgetError
├── SettingsError (also a ValueError)   the configuration is invalid; lists every problem by variable name
├── UserTypeError (also a TypeError)    a field of a User has the wrong type
├── UserValueError (also a ValueError)  a field of a User has an invalid value
└── ResolverError                       the user of a request cannot be found
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PACKAGE: Final = str(Path(__file__).parents[1])
_STANDARD_LIBRARY: Final = str(Path(os.__file__).parent)


class WidgetError(Exception):
    """Base class of all exceptions of this package."""


class SettingsError(WidgetError, ValueError):
    """The configuration is invalid.

    Attributes:
        problems: one sentence each, starting with the variable's name; never a value.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        # once each: several vendors may read the same variable
        self.problems: tuple[str, ...] = tuple(dict.fromkeys(problems))
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"widgetmw cannot be configured:{lines}")


class UserTypeError(WidgetError, TypeError):
    """A field of ``User`` has the wrong type; the message names the field, never its value."""


class UserValueError(WidgetError, ValueError):
    """A field of ``User`` has an invalid value; the message names the field, never its value."""


class ResolverError(WidgetError):
    """The user of a request cannot be found: the page goes out without a token."""


def describe_error(error: BaseException) -> str:
    """Describes an error without a value.

    Returns its type, the innermost line outside of this package if there is one, the line of the app that led there if
    that is a library's, and the error's message if it is ours: another's may hold personal data or a secret.
    """
    text = type(error).__name__
    places = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__)]
    outside = [place for place in places if not place[0].startswith(_PACKAGE)]
    of_app = [place for place in outside if _is_of_app(place[0])]
    if places:
        innermost = (outside or places)[-1]
        text += f" at {_short(*innermost)}"
        if of_app and of_app[-1] != innermost:
            text += f", called from {_short(*of_app[-1])}"
    return f"{text}: {error}" if isinstance(error, WidgetError) else text


def _short(file: str, line: int) -> str:
    return f"{'/'.join(Path(file).parts[-2:])}:{line}"


def _is_of_app(file: str) -> bool:
    """Whether a file is neither ours nor a library's, as far as its path tells."""
    is_library = "site-packages" in file or "dist-packages" in file
    return not is_library and not file.startswith((_PACKAGE, _STANDARD_LIBRARY, "<"))
