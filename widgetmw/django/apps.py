"""The Django app: registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from widgetmw.django.checks import check


class WidgetmwConfig(AppConfig):  # type: ignore[misc]
    """``INSTALLED_APPS += ["widgetmw.django"]``."""

    name = "widgetmw.django"
    label = "widgetmw"
    verbose_name = "widgetmw"

    def ready(self) -> None:
        """Registers the checks once all apps are loaded."""
        register(check, "widgetmw")
