"""System checks: what is amiss with the place of things, each with its id and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning
from django.urls import NoReverseMatch
from django.utils.module_loading import import_string

from widgetmw.core.errors import SettingsError
from widgetmw.core.settings import Settings
from widgetmw.django.configuration import USER, Installed
from widgetmw.django.request import base

_OURS = "widgetmw.django.WidgetMiddleware"
_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
_GZIP = "django.middleware.gzip.GZipMiddleware"
_CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
_POLICIES = ("django.middleware.csp.ContentSecurityPolicyMiddleware", "csp.middleware.CSPMiddleware")


def check(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Checks settings, URLs and the order of middleware."""
    try:
        current = Installed()
    except SettingsError as error:
        hint = "Mend settings.WIDGETMW, or the environment that it lies over."
        return [Error(problem, hint=hint, id="widgetmw.E001") for problem in error.problems]
    if current.widget is None:
        return []
    return [*_urls(), *_order(current.settings)]


def _urls() -> Iterator[CheckMessage]:
    try:
        base()
    except NoReverseMatch:
        hint = f'Add path("_widgetmw/", include("widgetmw.django.urls")) to {django_settings.ROOT_URLCONF}.urlpatterns.'
        yield Error("The URLs of widgetmw are not included, so no page can get a token.", hint=hint, id="widgetmw.E002")


def _order(settings: Settings) -> Iterator[CheckMessage]:
    ours = _place(_OURS)
    if ours is None:
        hint = f'Add "{_OURS}" to MIDDLEWARE, below AuthenticationMiddleware.'
        yield Warning("WidgetMiddleware is not in MIDDLEWARE, so no page gets a token.", hint=hint, id="widgetmw.W001")
        return
    if settings.proxy is None:
        yield from _authentication(ours)
    gzip = _place(_GZIP)
    if gzip is not None and gzip > ours:
        yield Warning(
            "GZipMiddleware is below WidgetMiddleware, so each page is compressed twice and its padding against "
            "BREACH is lost.",
            hint="Move GZipMiddleware above WidgetMiddleware.",
            id="widgetmw.W004",
        )
    conditional = _place(_CONDITIONAL)
    if conditional is not None and conditional < ours and "no-store" not in settings.cache_control:
        yield Warning(
            "ConditionalGetMiddleware is above WidgetMiddleware and puts an ETag on pages that carry a token.",
            hint="Move ConditionalGetMiddleware below WidgetMiddleware.",
            id="widgetmw.W005",
        )
    yield from _policy(ours)
    if settings.path != Settings.path:
        yield Warning(
            "WIDGETMW_PATH has no effect: the place in urls.py decides.",
            hint="Take it away, and include widgetmw.django.urls where you want it.",
            id="widgetmw.W007",
        )


def _authentication(ours: int) -> Iterator[CheckMessage]:
    place = _place(_AUTHENTICATION)
    if place is None and not getattr(django_settings, "WIDGETMW", {}).get(USER):
        hint = f'Add "{_AUTHENTICATION}" above WidgetMiddleware, or name a function in settings.WIDGETMW["USER"].'
        yield Warning("Nothing sets request.user, so nobody gets a token.", hint=hint, id="widgetmw.W003")
    elif place is not None and place > ours:
        yield Warning(
            "WidgetMiddleware is above AuthenticationMiddleware: pages of the layers in between have no request.user.",
            hint="Move WidgetMiddleware below AuthenticationMiddleware.",
            id="widgetmw.W002",
        )


def _policy(ours: int) -> Iterator[CheckMessage]:
    for path in _POLICIES:
        place = _place(path)
        if place is not None and place < ours:
            name = path.rpartition(".")[2]
            yield Warning(
                f"{name} is above WidgetMiddleware, which then cannot see the policy or its nonce: the browser will "
                "block the script.",
                hint=f"Move {name} below WidgetMiddleware.",
                id="widgetmw.W006",
            )


def _place(path: str) -> int | None:
    """Where in MIDDLEWARE a class, or one derived from it, stands."""
    try:
        wanted = import_string(path)
    except ImportError:
        return None
    for place, name in enumerate(django_settings.MIDDLEWARE):
        try:
            found = import_string(name)
        except ImportError:
            continue  # Django itself says so
        if isinstance(found, type) and issubclass(found, wanted):
            return place
    return None
