"""Django: settings that override the environment, and the system checks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.middleware.gzip import GZipMiddleware
from django.test.utils import override_script_prefix, override_settings
from django.urls import re_path

from tests.contract.django_site import Urls
from tests.frameworks import django_app
from tests.frameworks.conftest import Configure
from tests.frameworks.django_app import AUTH, CONDITIONAL, DJANGO_CSP, GZIP, OURS, PAGE, SESSIONS, STACK, Wsgi
from tests.frameworks.visitor import user_in
from widgetmw import SettingsError, User
from widgetmw.django import WidgetMiddleware, configuration
from widgetmw.django.checks import check

Visit = Callable[..., Any]


def ids() -> list[str]:
    return [message.id for message in check()]


# system checks


def test_a_correct_setup_has_no_messages(configured: Configure) -> None:
    assert check() == []
    call_command("check")


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([SESSIONS, AUTH], "widgetmw.W001"),
        ([OURS, SESSIONS, AUTH], "widgetmw.W002"),
        ([SESSIONS, OURS], "widgetmw.W003"),
        ([*STACK, GZIP], "widgetmw.W004"),
        ([DJANGO_CSP, *STACK], "widgetmw.W006"),
        (["tests.frameworks.test_django_settings.CustomGZip", *STACK], None),
        ([*STACK, "tests.frameworks.test_django_settings.CustomGZip"], "widgetmw.W004"),
        ([GZIP, CONDITIONAL, *STACK], None),
        ([GZIP, *STACK, CONDITIONAL, DJANGO_CSP], None),
        (["tests.frameworks.django_app.login_wall", "no.such.Middleware", *STACK], None),
    ],
)
def test_a_wrong_middleware_order_is_a_warning(configured: Configure, stack: list[str], expected: str | None) -> None:
    configured(MIDDLEWARE=stack)
    found = check()
    assert [message.id for message in found] == ([expected] if expected else [])
    for message in found:
        assert message.level == checks.WARNING
        assert "Middleware" in message.hint


class ShopLoginRequiredMiddleware:
    """A login wall that acts before the view is known, as that of django-auth-adfs does."""


class ViewLoginRequiredMiddleware:
    """A login wall that acts on views, as Django's own and django-stronghold do."""

    def process_view(self) -> None: ...


def test_a_login_wall_that_would_redirect_our_scripts_is_a_warning(configured: Configure) -> None:
    wall, of_views = f"{__name__}.ShopLoginRequiredMiddleware", f"{__name__}.ViewLoginRequiredMiddleware"
    configured(MIDDLEWARE=[*STACK[:-1], wall, OURS])
    (message,) = check()
    assert (message.id, "ShopLoginRequiredMiddleware below" in message.hint) == ("widgetmw.W009", True)
    for stack in ([*STACK, wall], [*STACK[:-1], of_views, OURS]):
        configured(MIDDLEWARE=stack)
        assert ids() == []


class CustomGZip(GZipMiddleware):  # type: ignore[misc]
    """A custom middleware that compresses."""


def test_conditional_get_above_is_a_warning_when_pages_may_be_stored(configured: Configure) -> None:
    configured({"CACHE_CONTROL": "private, no-cache"}, MIDDLEWARE=[CONDITIONAL, *STACK])
    assert ids() == ["widgetmw.W005"]
    configured({"CACHE_CONTROL": "private, no-cache"}, MIDDLEWARE=[*STACK, CONDITIONAL])
    assert ids() == []


def test_a_custom_user_function_needs_no_authentication_middleware(configured: Configure) -> None:
    configured({"USER": "tests.frameworks.test_django_pages.by_path"}, MIDDLEWARE=[OURS])
    assert ids() == []


def test_missing_urls_are_an_error(configured: Configure) -> None:
    configured(ROOT_URLCONF=Urls(*django_app.urlpatterns[:-1]))
    assert ids() == ["widgetmw.E002"]
    with pytest.raises(SystemCheckError, match=r'include\("widgetmw.django.urls"\)'):
        call_command("check")


def test_urls_that_a_catch_all_hides_are_an_error(configured: Configure) -> None:
    *others, ours = django_app.urlpatterns
    catch_all = re_path(r"^(?!shop/)", django_app.page)
    configured(ROOT_URLCONF=Urls(*others, catch_all, ours))
    assert [message.id for message in check()] == ["widgetmw.E003"]
    assert "'^(?!shop/)'" in check()[0].msg
    configured(ROOT_URLCONF=Urls(*others, ours, catch_all))
    assert ids() == []
    with override_script_prefix("/shop/"):
        assert ids() == []


def test_a_path_that_has_no_effect_is_a_warning(configured: Configure) -> None:
    configured({"PATH": "/chat"})
    assert ids() == ["widgetmw.W007"]


@pytest.mark.parametrize("name", ["WIDGETMW_DELIVERY", "DG_ENV", "DG_API_SECRET_FILE"])
def test_a_variable_that_is_a_setting_of_its_own_is_a_warning(configured: Configure, name: str) -> None:
    configured(**{name: "secret text"})
    (message,) = check()
    assert (message.id, f"settings.{name} has no effect" in message.msg) == ("widgetmw.W008", True)
    assert "settings.WIDGETMW" in message.hint
    assert "secret text" not in str(message)


def test_a_setting_whose_variable_is_set_elsewhere_is_the_site_s_own(
    configured: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DG_ENV", "us")
    configured({"DELIVERY": "inline"}, DG_ENV="us", WIDGETMW_DELIVERY="inline")
    assert ids() == []


def test_vendor_variables_that_are_settings_of_their_own_are_named_where_no_vendor_is_active(
    configured: Configure, dg_env: dict[str, str]
) -> None:
    with override_settings(WIDGETMW={}, **dg_env):
        assert ids() == ["widgetmw.W008"] * len(dg_env)


def test_an_app_that_is_not_installed_is_logged(configured: Configure, caplog: pytest.LogCaptureFixture) -> None:
    WidgetMiddleware(lambda request: None)
    assert caplog.messages == []
    with override_settings(INSTALLED_APPS=[]):
        WidgetMiddleware(lambda request: None)
    (message,) = caplog.messages
    assert message.startswith("widgetmw: widgetmw.django is not in INSTALLED_APPS")


def test_a_missing_module_of_the_user_function_is_named(configured: Configure) -> None:
    configured({"USER": "no_such_shop.chat.user"})
    (message,) = check()
    assert message.msg.endswith("cannot be imported: there is no module 'no_such_shop'")


def test_checks_and_site_warn_once_of_no_vendor(configured: Configure, caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(WIDGETMW={}):
        check()
        WidgetMiddleware(lambda request: None)
    assert caplog.text.count("no vendor is configured") == 1


def test_every_problem_of_the_settings_is_a_separate_error(configured: Configure) -> None:
    configured({"DELIVRY": "fetch", "USER": "no.such.function", "CACHE_SIZE": 0})
    found = check()
    assert [message.id for message in found] == ["widgetmw.E001"] * 3
    text = "\n".join(message.msg for message in found)
    assert "did you mean 'DELIVERY'?" in text
    assert "'no.such.function', which cannot be imported" in text
    assert "WIDGETMW_CACHE_SIZE" in text
    with pytest.raises(SettingsError, match="DELIVERY"):
        WidgetMiddleware(lambda request: None)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ([], "must be a dict, not list"),
        ({"USER": 7}, "dotted path of a function"),
        ({"USER": lambda: None}, "dotted path of a function"),
        ({"SECRET": "x"}, "'SECRET'"),
        ({7: "x"}, "7"),
        ({"user": "x"}, "did you mean 'USER'?"),
        ({"WIDGETMW_DELIVRY": "x"}, "did you mean 'DELIVERY'?"),
        ({"DG_API_KEY": "x"}, "DG_API_SECRET is not set"),
    ],
)
def test_invalid_settings_are_named(configured: Configure, options: Any, named: str) -> None:
    with override_settings(WIDGETMW=options):
        assert any(named in message.msg for message in check())


def test_when_disabled_nothing_else_is_checked(configured: Configure) -> None:
    configured({"ENABLED": False}, MIDDLEWARE=[], ROOT_URLCONF=Urls())
    assert ids() == []


# settings


def test_settings_override_the_environment_with_and_without_the_prefix(
    visit: Visit, configured: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIDGETMW_DELIVERY", "fetch")
    monkeypatch.setenv("DG_WIDGET_ID", "from-environment")
    configured()
    assert '"ask":true' in visit("ada").get().text
    configured({"DELIVERY": "inline", "DG_WIDGET_ID": "from-settings"})
    assert '"from-settings"' in visit("ada").get().text
    configured({"WIDGETMW_DELIVERY": "inline"})
    assert user_in(visit("ada").get().text) == "1"


def test_without_settings_the_environment_is_read(
    visit: Visit, configured: Configure, monkeypatch: pytest.MonkeyPatch, dg_env: dict[str, str]
) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)
    with override_settings():
        del settings.WIDGETMW
        configuration.forget()
        assert user_in(visit("ada").get().text) == "1"


def test_override_settings_takes_effect_in_a_running_site(configured: Configure, dg_env: dict[str, str]) -> None:
    visitor = Wsgi()
    visitor.get("/in/ada")
    assert user_in(visitor.get().text) == "1"
    with override_settings(WIDGETMW={**dg_env, "USER": lambda request: User("overridden")}):
        assert user_in(visitor.get().text) == user_in(visitor.token().text) == "overridden"
    with override_settings(WIDGETMW={**dg_env, "ENABLED": False}):
        assert visitor.get().text == PAGE
        assert visitor.token().status_code == 404
    assert user_in(visitor.get().text) == "1"


def test_other_settings_keep_the_token_cache(configured: Configure) -> None:
    before = configuration.installed()
    with override_settings(LANGUAGE_CODE="fi"):
        assert configuration.installed() is before


def test_no_vendor_means_unmodified_pages_and_one_warning(
    visit: Visit, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(WIDGETMW={}), caplog.at_level(logging.WARNING, "widgetmw"):
        visitor = visit()
        assert visitor.get().text == PAGE
        assert visitor.get().text == PAGE
    assert caplog.text.count("no vendor is configured") == 1
