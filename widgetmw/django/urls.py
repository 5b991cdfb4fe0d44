"""``path("_widgetmw/", include("widgetmw.django.urls"))``."""

from __future__ import annotations

from typing import Any

from django.urls import path

from widgetmw.django.views import endpoint

app_name = "widgetmw"
urlpatterns: list[Any] = [
    path("token", endpoint, {"path": "token"}, name="token"),
    path("<path:path>", endpoint),
    path("", endpoint),
]
