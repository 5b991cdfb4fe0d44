"""Flask: configuration, and mistakes that are rejected at startup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask_login
import pytest

from tests.frameworks.flask_app import PAGE, make, member
from tests.frameworks.visitor import user_in
from widgetmw import Settings, SettingsError, User
from widgetmw.core.config_overlay import merge_config
from widgetmw.flask import Widget


@pytest.fixture(autouse=True)
def _environment(dg_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)


def test_app_config_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIDGETMW_DELIVERY", "fetch")
    monkeypatch.setenv("WIDGETMW_PATH", "/env")
    app = make(
        WIDGETMW_DELIVERY="inline", DG_WIDGET_ID="from-config", WIDGETMW_EMBED=["digitalgenius"], DG_TOKEN_TTL=60
    )
    Widget(app, user=lambda: User("ada"))
    page = app.test_client().get("/").text
    assert user_in(page) == "ada"
    assert '"/env/token"' in page
    assert '"from-config"' in page
    assert '"embed":["digitalgenius"]' in page


def test_a_vendor_may_be_configured_in_app_config_only(monkeypatch: pytest.MonkeyPatch, dg_env: dict[str, str]) -> None:
    for name in dg_env:
        monkeypatch.delenv(name)
    app = make(**dg_env, WIDGETMW_DEBUG=True)
    Widget(app, user=lambda: User("ada"))
    assert app.test_client().get("/").headers["X-Widgetmw"] == "injected"


def test_a_config_value_overrides_the_file_variable_and_vice_versa(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s" * 40)
    Widget(make(DG_API_SECRET_FILE=secret))  # overrides DG_API_SECRET
    monkeypatch.delenv("DG_API_SECRET")
    monkeypatch.setenv("DG_API_SECRET_FILE", str(tmp_path / "missing"))
    Widget(make(DG_API_SECRET="s" * 40))
    with pytest.raises(SettingsError, match="both set"):
        Widget(make(DG_API_SECRET="s" * 40, DG_API_SECRET_FILE=secret))


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"WIDGETMW_DELIVRY": "fetch"}, "WIDGETMW_DELIVRY"),
        ({"WIDGETMW_CACHE_SIZE": 0}, "WIDGETMW_CACHE_SIZE"),
        ({"WIDGETMW_EXCLUDE": {"a": 1}}, "WIDGETMW_EXCLUDE"),
        ({"DG_API_SECRET": b"bytes"}, "DG_API_SECRET"),
        ({"DG_API_KEY": None}, "DG_API_KEY is not set"),
    ],
)
def test_invalid_app_config_is_named_at_startup(config: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Widget(make(**config))


def test_all_problems_of_app_config_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        merge_config({}, {"WIDGETMW_PATH": object(), "WIDGETMW_DEBUG": 1j, "SECRET_KEY": object()})
    assert len(error.value.problems) == 2


def test_merge_config_formats_values_like_environment_variables() -> None:
    config = {
        "WIDGETMW_DEBUG": False,
        "WIDGETMW_EXCLUDE": ("/a", "/b"),
        "DG_TOKEN_TTL": 60,
        "OTHER": 1,
        "DG_ENV": None,
    }
    environ = {"DG_ENV": "us", "DG_ENV_FILE": "x", "PATH": "/bin"}
    merged = merge_config(environ, config)
    assert merged == {"WIDGETMW_DEBUG": "false", "WIDGETMW_EXCLUDE": "/a,/b", "DG_TOKEN_TTL": "60", "PATH": "/bin"}
    assert environ["DG_ENV"] == "us"


def test_an_async_resolver_is_rejected_with_the_fix() -> None:
    async def user() -> User:
        return User("ada")

    class Async:
        async def __call__(self) -> User:
            return User("ada")

    for resolver in (user, Async()):
        with pytest.raises(TypeError, match="async_to_sync"):
            Widget(make(), user=resolver)  # type: ignore[arg-type]


def test_a_resolver_with_a_wrong_signature_is_rejected() -> None:
    for user in (User("ada"), lambda environ: User("ada")):
        with pytest.raises(TypeError, match="function without arguments"):
            Widget(user=user)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="for Flask-Login's current_user, omit it"):
        Widget(user=flask_login.current_user)
    Widget(user=dict)  # type: ignore[arg-type]  # has no signature to inspect, so it fails only when called


def test_a_second_installation_is_rejected() -> None:
    app = make()
    Widget(app)
    with pytest.raises(RuntimeError, match="call init_app once"):
        Widget(app)


def test_an_app_that_has_started_is_rejected_and_unchanged() -> None:
    app = make()
    app.test_client().get("/")
    with pytest.raises(AssertionError, match="first request"):
        Widget(app, user=lambda: User("ada"))
    assert app.test_client().get("/").text == PAGE


def test_settings_may_be_passed() -> None:
    app = make(WIDGETMW_DELIVERY="fetch")
    Widget(app, Settings.from_env({}), user=member)
    assert app.test_client().get("/").text == PAGE
