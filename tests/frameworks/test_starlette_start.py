"""Starlette: mistakes are rejected at startup, with the fix."""

from __future__ import annotations

import logging

import pytest
from starlette.requests import HTTPConnection

from tests.frameworks.starlette_app import PAGE, make, member, page
from tests.frameworks.visitor import ENDPOINT, Visitor, user_in
from widgetmw import Settings, User
from widgetmw.starlette import install


def test_install_accepts_only_a_starlette_app(settings: Settings) -> None:
    with pytest.raises(TypeError, match="Starlette or FastAPI app, not function"):
        install(page, settings=settings)  # type: ignore[arg-type]


def test_a_resolver_with_a_wrong_signature_is_rejected(settings: Settings) -> None:
    for user in (User("ada"), lambda: User("ada"), lambda scope, receive: User("ada")):
        with pytest.raises(TypeError, match="function of the HTTPConnection"):
            install(make(), settings=settings, user=user)  # type: ignore[arg-type]


def test_a_second_install_is_rejected(settings: Settings) -> None:
    app = make()
    install(app, settings=settings)
    with pytest.raises(RuntimeError, match="call install once"):
        install(app, settings=settings)


def test_an_app_that_has_started_is_rejected(settings: Settings) -> None:
    app = make()
    Visitor(app).get()
    with pytest.raises(RuntimeError, match="before its first request"):
        install(app, settings=settings)


def test_invalid_settings_are_rejected_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DG_API_KEY", "x")
    with pytest.raises(ValueError, match="DG_API_SECRET"):
        install(make())


def test_missing_sessions_are_logged_with_the_fix(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    app = make()
    install(app, settings=settings, user=member)
    assert Visitor(app).get().text == PAGE
    assert Visitor(app).token().status_code == 503
    assert "SessionMiddleware must be installed" in caplog.text
    assert "app.add_middleware" in caplog.text


def test_an_unrelated_assertion_error_is_not_mistaken_for_missing_sessions(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def user(request: HTTPConnection) -> User:
        raise AssertionError("secret detail")

    app = make()
    install(app, settings=settings, user=user)
    assert Visitor(app).get().text == PAGE
    assert "AssertionError at frameworks/test_starlette" in caplog.text
    assert "secret detail" not in caplog.text


def test_an_app_without_any_user_source_is_warned_about_at_startup(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = make()
    install(app, settings=settings)
    with caplog.at_level(logging.WARNING):
        app.build_middleware_stack()
    assert "pass user= to install" in caplog.text


@pytest.mark.parametrize("environ", [{}, {"WIDGETMW_ENABLED": "no"}])
def test_without_a_vendor_or_when_disabled_the_app_is_unchanged(environ: dict[str, str]) -> None:
    app = make()
    install(app, settings=Settings.from_env(environ), user=member)
    assert Visitor(app).get().text == PAGE
    assert Visitor(app).token().status_code == 404


def test_fetch_delivery_does_not_resolve_the_user_for_a_page(dg_env: dict[str, str]) -> None:
    def user(request: HTTPConnection) -> User:
        assert request.url.path == ENDPOINT
        return User("ada")

    app = make()
    install(app, settings=Settings.from_env({**dg_env, "WIDGETMW_DELIVERY": "fetch"}), user=user)
    reply = Visitor(app).get()
    assert '"ask":true' in reply.text
    assert user_in(reply.text) is None
    assert user_in(Visitor(app).token().text) == "ada"
