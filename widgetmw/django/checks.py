"""System checks: each mistake has an id and a hint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning
from django.urls import NoReverseMatch, get_script_prefix, resolve
from django.utils.module_loading import import_string

from widgetmw.core.errors import SettingsError
from widgetmw.core.settings import Settings
from widgetmw.django.configuration import USER, installed, unread_settings
from widgetmw.django.request import endpoint_prefix
from widgetmw.django.urls import app_name

_INCLUDE = 'path("_widgetmw/", include("widgetmw.django.urls"))'
_OURS = "widgetmw.django.WidgetMiddleware"
_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
_CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
_CSP_HIDDEN = ", which then cannot see the CSP or its nonce: the browser will block the script."
_COMPRESSED_TWICE = ": each page is compressed twice, and the padding against BREACH is lost."
_MISPLACED = (  # a middleware, where it must not be, what happens there, and the id of the check
    ("django.middleware.gzip.GZipMiddleware", "below", _COMPRESSED_TWICE, "widgetmw.W004"),
    (_CONDITIONAL, "above", " and puts an ETag on pages that carry a token.", "widgetmw.W005"),
    ("django.middleware.csp.ContentSecurityPolicyMiddleware", "above", _CSP_HIDDEN, "widgetmw.W006"),
    ("csp.middleware.CSPMiddleware", "above", _CSP_HIDDEN, "widgetmw.W006"),
)


def check(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Checks the settings, the URLs and the order of the middleware."""
    try:
        current = installed()
    except SettingsError as error:
        hint = "Fix settings.WIDGETMW or the environment variables it overrides."
        return [Error(problem, hint=hint, id="widgetmw.E001") for problem in error.problems]
    messages: list[CheckMessage] = [*_unread()]
    if current.engine is None:
        return messages
    return [*messages, *_urls(), *_order(current.settings)]


def _urls() -> Iterator[CheckMessage]:
    ours, urlpatterns = _INCLUDE, f"{django_settings.ROOT_URLCONF}.urlpatterns"
    try:
        path = f"{endpoint_prefix()}/token"
    except NoReverseMatch:
        problem = "The URLs of widgetmw are not included, so no page gets a token."
        yield Error(problem, hint=f"Add {ours} to {urlpatterns}.", id="widgetmw.E002")
        return
    match = resolve(f"/{path.removeprefix(get_script_prefix())}")
    if app_name not in match.app_names:
        problem = f"{match.route!r} in {urlpatterns} matches the URLs of widgetmw first, so no token is ever renewed."
        yield Error(problem, hint=f"Put {ours} above it.", id="widgetmw.E003")


def _unread() -> Iterator[CheckMessage]:
    for name in unread_settings():
        hint = f'Move it into settings.WIDGETMW: {{"{name}": …}}.'
        yield Warning(f"settings.{name} has no effect: nothing reads it.", hint=hint, id="widgetmw.W008")


def _order(settings: Settings) -> Iterator[CheckMessage]:
    ours = _index(_OURS)
    if ours is None:
        hint = f'Add "{_OURS}" to MIDDLEWARE, below AuthenticationMiddleware.'
        yield Warning("WidgetMiddleware is not in MIDDLEWARE, so no page gets a token.", hint=hint, id="widgetmw.W001")
        return
    if settings.proxy is None:
        yield from _authentication(ours)
    for path, wrong, consequence, id in _MISPLACED:
        index = _index(path)
        is_harmless = path == _CONDITIONAL and "no-store" in settings.cache_control
        if index is not None and (index < ours) == (wrong == "above") and not is_harmless:
            name, right = path.rpartition(".")[2], "below" if wrong == "above" else "above"
            hint = f"Move {name} {right} WidgetMiddleware."
            yield Warning(f"{name} is {wrong} WidgetMiddleware{consequence}", hint=hint, id=id)
    yield from _login_walls(ours)
    if settings.path != Settings.path:
        hint = "Remove it, and include widgetmw.django.urls where you want the endpoints."
        yield Warning("WIDGETMW_PATH has no effect: urls.py decides the path.", hint=hint, id="widgetmw.W007")


def _login_walls(ours: int) -> Iterator[CheckMessage]:
    """Finds walls by their usual name; one that acts on views lets ours through, wherever it stands."""
    for path in django_settings.MIDDLEWARE[:ours]:
        name = path.rpartition(".")[2]
        if name.endswith("LoginRequiredMiddleware") and not hasattr(_loaded(path), "process_view"):
            problem = f"{name} is above WidgetMiddleware, and redirects our scripts: no page notices a sign-out."
            yield Warning(problem, hint=f"Move {name} below WidgetMiddleware.", id="widgetmw.W009")


def _authentication(ours: int) -> Iterator[CheckMessage]:
    index = _index(_AUTHENTICATION)
    if index is None and not getattr(django_settings, "WIDGETMW", {}).get(USER):
        hint = f'Add "{_AUTHENTICATION}" above WidgetMiddleware, or name a function in settings.WIDGETMW["USER"].'
        yield Warning("Nothing sets request.user, so no user gets a token.", hint=hint, id="widgetmw.W003")
    elif index is not None and index > ours:
        problem = "WidgetMiddleware is above AuthenticationMiddleware: pages made between them have no user."
        yield Warning(problem, hint="Move WidgetMiddleware below AuthenticationMiddleware.", id="widgetmw.W002")


def _index(path: str) -> int | None:
    """Returns the index in MIDDLEWARE of a class, or of a subclass."""
    wanted = _loaded(path)
    for index, name in enumerate(django_settings.MIDDLEWARE):
        found = _loaded(name)
        if wanted is not None and isinstance(found, type) and issubclass(found, wanted):
            return index
    return None


def _loaded(path: str) -> Any:
    """Returns a middleware, or ``None`` if it cannot be imported, which Django itself reports."""
    try:
        return import_string(path)
    except ImportError:
        return None
