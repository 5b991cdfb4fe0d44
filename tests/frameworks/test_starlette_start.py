"""Starlette: what is wrong is said at start, with the fix."""

from __future__ import annotations

import logging

import pytest
from starlette.requests import HTTPConnection

from tests.frameworks.starlette_app import PAGE, make, member, page
from tests.frameworks.visitor import ENDPOINT, Visitor, whose
from widgetmw import Settings, User
from widgetmw.starlette import install


def test_install_takes_a_starlette_app_only(settings: Settings) -> None:
    with pytest.raises(TypeError, match="Starlette or FastAPI app, not function"):
        install(page, settings=settings)  # type: ignore[arg-type]


def test_a_resolver_that_is_no_function_is_refused(settings: Settings) -> None:
    for user in (User("ada"), lambda: User("ada"), lambda scope, receive: User("ada")):
        with pytest.raises(TypeError, match="function of the HTTPConnection"):
            install(make(), settings=settings, user=user)  # type: ignore[arg-type]


def test_a_second_install_is_refused(settings: Settings) -> None:
    app = make()
    install(app, settings=settings)
    with pytest.raises(RuntimeError, match="call install once"):
        install(app, settings=settings)


def test_an_app_that_has_started_is_refused(settings: Settings) -> None:
    app = make()
    Visitor(app).get()
    with pytest.raises(RuntimeError, match="before its first request"):
        install(app, settings=settings)


def test_bad_settings_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DG_API_KEY", "x")
    with pytest.raises(ValueError, match="DG_API_SECRET"):
        install(make())


def test_sessions_that_are_missing_are_named_with_the_fix(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    app = make()
    install(app, settings=settings, user=member)
    assert Visitor(app).get().text == PAGE
    assert Visitor(app).token().status_code == 503
    assert "SessionMiddleware must be installed" in caplog.text
    assert "app.add_middleware" in caplog.text


def test_an_error_of_the_resolvers_own_is_not_taken_for_that(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def user(request: HTTPConnection) -> User:
        raise AssertionError("secret detail")

    app = make()
    install(app, settings=settings, user=user)
    assert Visitor(app).get().text == PAGE
    assert "AssertionError at test_starlette" in caplog.text
    assert "secret detail" not in caplog.text


def test_an_app_where_nothing_could_know_the_user_is_warned_of_at_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = make()
    install(app, settings=settings)
    with caplog.at_level(logging.WARNING):
        app.build_middleware_stack()
    assert "give install a user=" in caplog.text


@pytest.mark.parametrize("environ", [{}, {"WIDGETMW_ENABLED": "no"}])
def test_without_a_vendor_or_switched_off_the_app_is_as_it_was(environ: dict[str, str]) -> None:
    app = make()
    install(app, settings=Settings.from_env(environ), user=member)
    assert Visitor(app).get().text == PAGE
    assert Visitor(app).token().status_code == 404


def test_with_fetch_delivery_nobody_is_asked_for_a_page(dg_env: dict[str, str]) -> None:
    def user(request: HTTPConnection) -> User:
        assert request.url.path == ENDPOINT
        return User("ada")

    app = make()
    install(app, settings=Settings.from_env({**dg_env, "WIDGETMW_DELIVERY": "fetch"}), user=user)
    reply = Visitor(app).get()
    assert '"ask":true' in reply.text
    assert whose(reply.text) is None
    assert whose(Visitor(app).token().text) == "ada"
