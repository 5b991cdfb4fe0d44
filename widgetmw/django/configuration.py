"""The configuration from ``settings.WIDGETMW`` and the environment.

It is read once per process, and again after ``override_settings``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.module_loading import import_string

from widgetmw.core.config_overlay import merge_config, variable_names
from widgetmw.core.engine import Engine
from widgetmw.core.errors import SettingsError
from widgetmw.core.identity.resolvers import accepts_arguments
from widgetmw.core.proxy.resolver import ProxyResolver
from widgetmw.core.settings import Settings, did_you_mean, variables
from widgetmw.django.user import from_request

USER: Final = "USER"
_SETTINGS: Final = "SETTINGS"
_PREFIX: Final = "WIDGETMW_"


class Installed:
    """The configuration of the site.

    Attributes:
        settings: as read. Its path is ignored, since ``urls.py`` decides.
        engine: ``None`` if there is nothing to do.
        proxy_resolver: resolves the user from the authenticating proxy in the settings, instead of ``user``; or
            ``None``.
        user: a function of the request that returns the signed-in user.
        is_async: whether ``user`` must be awaited.
    """

    def __init__(self) -> None:
        options = getattr(django_settings, "WIDGETMW", {})
        if not isinstance(options, Mapping):
            raise SettingsError([f"settings.WIDGETMW must be a dict, not {type(options).__name__}"])
        problems: list[str] = []
        config = _variables(options, problems)
        user = _user(options.get(USER), problems)
        try:
            self.settings: Settings = _settings(options.get(_SETTINGS), config)
        except SettingsError as error:
            problems += error.problems
        if problems:
            del options, config  # error reporters record the local variables of the frame that raises
            raise SettingsError(problems)
        self.engine: Engine | None = Engine(replace(self.settings, path="")) if self.settings.active else None
        self.proxy_resolver: ProxyResolver | None = (
            self.engine.proxy_resolver if self.engine is not None and user is None else None
        )
        self.user: Callable[[HttpRequest], Any] = user or from_request
        self.is_async: bool = iscoroutinefunction(self.user)


_current: Installed | None = None


def installed() -> Installed:
    """Returns the current configuration.

    Raises:
        SettingsError: lists every problem; never shows a value.
    """
    global _current
    if _current is None:
        _current = Installed()
    return _current


def forget(*, setting: str = "WIDGETMW", **_: Any) -> None:
    """Makes the next request read the configuration again. ``override_settings`` sends a signal to this."""
    global _current
    if setting == "WIDGETMW":
        _current = None


setting_changed.connect(forget)


def _variables(options: Mapping[Any, Any], problems: list[str]) -> dict[str, Any]:
    """Returns values by the full name of their variable, whose prefix may be omitted."""
    names, config = variable_names(), {}
    known = [name.removeprefix(_PREFIX) for name in (*names, USER, _SETTINGS)]
    for key, value in options.items():
        found = next((name for name in (key, f"{_PREFIX}{key}") if str(name).removesuffix("_FILE") in names), None)
        if found is not None:
            config[found] = value
        elif key not in (USER, _SETTINGS):
            suggestion = did_you_mean(str(key), known)
            problems.append(f"settings.WIDGETMW[{key!r}] is not a setting of widgetmw{suggestion}")
    return config


def unread_settings() -> list[str]:
    """Returns variables that are settings of their own, as in Flask, where nothing reads them."""
    read = {*os.environ, *_variables(getattr(django_settings, "WIDGETMW", {}), [])}
    names = (name for variable in variables() for name in variable.names)
    return [name for name in names if name not in read and hasattr(django_settings, name)]


def _settings(ready: Any, config: Mapping[str, Any]) -> Settings:
    if ready is None:
        return Settings.from_env(merge_config(os.environ, config))
    if not isinstance(ready, Settings):
        raise SettingsError([f"settings.WIDGETMW['SETTINGS'] must be a Settings, not {type(ready).__name__}"])
    if config:
        raise SettingsError([f"settings.WIDGETMW['SETTINGS'] replaces {', '.join(config)}: remove one of them"])
    return ready


def _user(path: Any, problems: list[str]) -> Callable[[HttpRequest], Any] | None:
    if path is None:
        return None
    try:
        found = import_string(path) if isinstance(path, str) else path
    except ImportError as error:
        missing = f": there is no module {error.name!r}" if isinstance(error, ModuleNotFoundError) else ""
        problems.append(f"settings.WIDGETMW['USER'] names {path!r}, which cannot be imported{missing}")
        return None
    if not (callable(found) and accepts_arguments(found, 1)):
        problems.append("settings.WIDGETMW['USER'] must be the dotted path of a function of the request")
        return None
    return found  # type: ignore[no-any-return]
