"""A framework's own configuration, laid over the environment."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from widgetmw.core.errors import SettingsError
from widgetmw.core.provider import load_provider, registered_names
from widgetmw.core.settings import VARIABLES


def merge_config(environ: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, str]:
    """Returns the environment with the values of a configuration in place of its own.

    Args:
        environ: names and texts.
        config: names and values; of these, those count that are variables of this package or of its vendors.
            Booleans, numbers, paths and lists are written as the environment would have them; ``None`` takes a
            variable away. A value for ``X`` also outranks the environment's ``X_FILE``, and the other way round.

    Raises:
        SettingsError: a value is of another type.
    """
    merged, problems = dict(environ), []
    for name, value in config.items():
        if not is_variable(name):
            continue
        plain = name.removesuffix("_FILE")
        for variant in (plain, f"{plain}_FILE"):
            if variant not in config or variant == name:
                merged.pop(variant, None)
        try:
            if value is not None:
                merged[name] = _text(value)
        except TypeError as error:
            problems.append(f"{name} {error}")
    if problems:
        raise SettingsError(problems)
    return merged


def is_variable(name: object) -> bool:
    """Whether a name is one that ``Settings.from_env`` has an opinion on."""
    return isinstance(name, str) and (name.startswith("WIDGETMW_") or name.removesuffix("_FILE") in variable_names())


def variable_names() -> frozenset[str]:
    """Returns the names of all variables, of this package and of its vendors, without their ``_FILE`` forms."""
    vendors = (variable for name in registered_names() for variable in load_provider(name).variables)
    return frozenset(variable.name for variable in (*VARIABLES, *vendors))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, PathLike):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    raise TypeError(f"must be text, a number, a boolean, a path or a list of texts, not {type(value).__name__}")
