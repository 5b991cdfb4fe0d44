"""The Django app: registers the system checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.checks import register

from widgetmw.django.checks import check

if TYPE_CHECKING:  # Django has no types, and a base class of an unknown type would make this one unknown
    AppConfig = object
else:
    from django.apps import AppConfig


class WidgetmwConfig(AppConfig):
    """``INSTALLED_APPS += ["widgetmw.django"]``."""

    name = "widgetmw.django"
    label = "widgetmw"
    verbose_name = "widgetmw"

    def ready(self) -> None:
        """Registers the checks once all apps are loaded."""
        register(check, "widgetmw")
