"""Finds the vendors: classes that distributions register in the entry point group ``widgetmw.providers``.

If a class cannot be used, only its vendor is missing: everything else works as if it were not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, cast

from widgetmw.core.env.variable import Variable
from widgetmw.core.errors import WidgetError, describe_error
from widgetmw.core.provider import Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "widgetmw.providers"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class ProviderError(WidgetError):
    """A registered class cannot be used."""

    def __init__(self, message: str, variables: tuple[Variable[Any], ...] = ()) -> None:
        self.variables = variables  # of the class, as far as they are known
        super().__init__(message)


def registered_names() -> tuple[str, ...]:
    """Returns the names of all registered vendors: the built-in ones first, the others in alphabetical order."""
    return tuple(entry_points_by_name())


@cache
def load_provider(name: str) -> type[Provider]:
    """Returns the class of a registered vendor, importing it if necessary.

    Raises:
        KeyError: no vendor has this name.
        ProviderError: the class cannot be used; the message names the entry point.
    """
    entry = entry_points_by_name()[name][0]
    found = _imported(entry)
    if isinstance(found, BaseException):
        raise _rejection(entry, f"cannot be imported ({describe_error(found)})")
    if problem := _problem(found, name):
        raise _rejection(entry, f"cannot be used: {problem}", _variables(found))
    return cast("type[Provider]", found)


def rejected_entry_points() -> Iterator[ProviderError]:
    """Yields an error for each entry point that takes the name of another vendor; the other vendor keeps it."""
    for entries in entry_points_by_name().values():
        for entry in entries[1:]:
            yield _rejection(entry, "cannot be used: another vendor has this name", _variables(_imported(entry)))


@cache
def entry_points_by_name() -> dict[str, list[EntryPoint]]:
    """Returns the entry points of the group; the first one of a name is the vendor's."""
    from importlib.metadata import entry_points  # takes 40 ms to import, and is needed only for reading settings

    order: tuple[str, ...] = import_module(GROUP).ORDER  # the built-in vendors stand in a package of the same name

    def key(entry: EntryPoint) -> tuple[int, str, str]:
        built_in = entry.value.startswith(f"{GROUP}.") and entry.name in order
        return order.index(entry.name) if built_in else len(order), entry.name, entry.value

    names: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=GROUP), key=key):
        names.setdefault(entry.name, []).append(entry)
    return names


def _imported(entry: EntryPoint) -> Any:
    """Returns what an entry point names, or the error that importing it raised."""
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # third-party code may raise anything
        return error


def _problem(found: Any, name: str) -> str:
    """Returns why a class cannot be used; empty if it can."""
    if not (isinstance(found, type) and issubclass(found, Provider)):
        return "it is not a subclass of widgetmw.provider.Provider"
    if missing := sorted({*found.__abstractmethods__, *_undefined_class_variables(found)} - {"name", "variables"}):
        return f"it does not define {', '.join(missing)}"
    if getattr(found, "name", None) != name:
        return "its `name` differs from the name of the entry point"
    if not _NAME.fullmatch(name):
        return "its name must begin with a lower-case letter and contain only lower-case letters, digits, - and _"
    if not _variables(found) and getattr(found, "variables", None) != ():
        return "its `variables` must be a tuple of `Variable`"
    try:
        found.script_source()
    except (FileNotFoundError, ValueError) as error:
        return str(error)
    except Exception as error:
        return f"its script cannot be read ({describe_error(error)})"
    return ""


def _undefined_class_variables(provider: type[Provider]) -> Iterator[str]:
    """Yields the class variables that a base class declares and no class sets, such as a key's variable."""
    for base in provider.__mro__:
        for name, annotation in get_annotations(base).items():
            if str(annotation).startswith("ClassVar") and not hasattr(provider, name):
                yield name


def _variables(found: Any) -> tuple[Variable[Any], ...]:
    variables = getattr(found, "variables", None)
    if isinstance(variables, tuple) and all(isinstance(variable, Variable) for variable in variables):
        return variables
    return ()


def _rejection(entry: EntryPoint, problem: str, variables: tuple[Variable[Any], ...] = ()) -> ProviderError:
    is_named = entry.dist is not None and "Name" in entry.dist.metadata  # Python 3.12 warns of asking for the name
    owner = f" of the distribution {entry.dist.name}" if entry.dist is not None and is_named else ""
    return ProviderError(f"the entry point {entry.name} = {entry.value}{owner} {problem}", variables)
