"""Merges a framework's own configuration into the environment."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from widgetmw.core.errors import SettingsError
from widgetmw.core.settings import variables


def merge_config(environ: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, str]:
    """Returns the environment, with the values of a configuration in place of its own.

    Args:
        environ: texts by name.
        config: values by name, of which only the variables of this package and of its vendors count. Booleans,
            numbers, paths and lists become the text that the environment would have; ``None`` removes a variable.
            A value for ``X`` also overrides ``X_FILE`` in the environment, and the other way round.

    Raises:
        SettingsError: a value has another type, or all settings are in one dict, as only Django has them.
    """
    merged, problems, names = dict(environ), [], variable_names()
    if isinstance(config.get("WIDGETMW"), Mapping):
        problems.append("WIDGETMW is not read here; set WIDGETMW_DELIVERY and the like one by one")
    for name, value in config.items():
        if not isinstance(name, str) or not (name.startswith("WIDGETMW_") or name.removesuffix("_FILE") in names):
            continue  # neither read by Settings.from_env, nor reported as unknown
        plain = name.removesuffix("_FILE")
        for variant in (plain, f"{plain}_FILE"):
            if variant == name or variant not in config:
                merged.pop(variant, None)
        try:
            if value is not None:
                merged[name] = _text(value)
        except TypeError as error:
            problems.append(f"{name} {error}")
    if problems:
        del environ, config, merged, value  # error reporters record the local variables of the frame that raises
        raise SettingsError(problems)
    return merged


def variable_names() -> frozenset[str]:
    """Returns the names of all variables, of this package and of its vendors, without their ``_FILE`` forms."""
    return frozenset(variable.name for variable in variables())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float | PathLike):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    raise TypeError(f"must be text, a number, a boolean, a path or a list of texts, not {type(value).__name__}")
