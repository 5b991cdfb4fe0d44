"""Flask: who is signed in, found out inside of the request context."""

from __future__ import annotations

import logging
from typing import Any

import flask_login
import pytest
from flask import Flask, abort, g, has_request_context, request, session, stream_with_context, url_for
from werkzeug.exceptions import NotFound

from tests.frameworks.flask_app import PAGE, make, member, serve, signed_in, token
from tests.frameworks.visitor import ENDPOINT, HEAD, whose
from widgetmw import Settings, User, identify
from widgetmw.flask import Widget


def test_a_session_sign_in_and_out(settings: Settings) -> None:
    app = make()
    Widget(app, settings, user=member)
    client = app.test_client()
    assert client.get("/").text == PAGE
    assert token(client).status_code == 401
    client.get("/in/ada")
    assert whose(client.get("/").text) == whose(token(client).text) == "ada"
    assert client.get("/out").text == PAGE
    assert token(client).status_code == 401


def test_the_resolver_runs_inside_of_the_request_context(settings: Settings) -> None:
    seen = []

    def user() -> User:
        assert has_request_context()
        seen.append((request.path, url_for("page"), request.endpoint, g.loaded))
        return User("ada")

    app = make()

    @app.before_request
    def load() -> None:
        g.loaded = "before"

    Widget(app, settings, user=user)
    client = app.test_client()
    assert whose(client.get("/").text) == whose(token(client).text) == "ada"
    assert seen == [("/", "/", "page", "before"), (ENDPOINT, "/", "widgetmw.token", "before")]


def test_what_the_app_opened_is_still_open_when_the_user_is_asked_for(settings: Settings) -> None:
    order = []
    app = make()

    @app.teardown_appcontext
    def close(error: Any) -> None:
        order.append("closed")

    @app.after_request
    def after(response: Any) -> Any:
        order.append("after_request")
        return response

    def user() -> User:
        order.append("asked")
        return User("ada")

    client = signed_in(app, settings, user)
    for path, inside in (("/", ["after_request", "asked"]), (ENDPOINT, ["asked", "after_request"])):
        order.clear()
        assert whose(client.get(path).text) == "ada"
        assert order == [*inside, "closed"]


def test_the_user_is_asked_for_once_and_only_for_pages(settings: Settings) -> None:
    asked = []

    def user() -> User:
        asked.append(request.path)
        return User("ada")

    app = make()
    serve(app, data=lambda: {"html": PAGE}, fragment=lambda: "<p>part</p>")
    serve(app, stream=lambda: stream_with_context(iter([PAGE])))
    client = signed_in(app, settings, user)
    for path in ("/", "/data", "/fragment", "/stream", "/nowhere", "/_widgetmw/runtime.js", ENDPOINT):
        client.get(path)
    assert asked == ["/", "/stream", "/nowhere", ENDPOINT]


@pytest.mark.parametrize("status", [401, 403])
def test_abort_means_nobody(settings: Settings, status: int) -> None:
    client = signed_in(make(), settings, lambda: abort(status))
    assert client.get("/").headers["X-Widgetmw"] == "skipped; reason=anonymous"
    assert token(client).status_code == 401


@pytest.mark.parametrize("failure", [ValueError("secret detail"), NotFound("secret detail"), "ada", 7])
def test_any_other_failure_leaves_the_page_and_is_said_once(
    settings: Settings, failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def user() -> Any:
        if isinstance(failure, Exception):
            raise failure
        return failure

    client = signed_in(make(), settings, user)
    reply = client.get("/")
    assert (reply.text, reply.headers["X-Widgetmw"]) == (PAGE, "skipped; reason=resolver_failed")
    assert len(caplog.records) == 1
    assert type(failure).__name__ in caplog.text
    assert "secret detail" not in caplog.text
    assert token(client).status_code == 503


def test_what_identify_says_in_a_view_outranks_the_resolver(settings: Settings) -> None:
    app = make()

    @app.get("/said/<person>")
    def said(person: str) -> str:
        identify(request.environ, None if person == "anonymous" else User(person))
        return PAGE

    client = signed_in(app, settings)
    assert whose(client.get("/said/eve").text) == "eve"
    assert client.get("/said/anonymous").text == PAGE


def test_without_user_and_login_manager_remote_user_is_read(settings: Settings) -> None:
    app = make()
    Widget(app, settings)
    client = app.test_client()
    assert client.get("/").text == PAGE
    remote = {"REMOTE_USER": "zoë".encode().decode("latin-1")}
    assert whose(client.get("/", environ_overrides=remote).text) == "zoë"
    assert whose(client.get(ENDPOINT, environ_overrides=remote).text) == "zoë"


# Flask-Login


class Member(flask_login.UserMixin):
    def __init__(self, id: Any) -> None:
        self.id = id


def with_login(settings: Settings, kind: Any = Member, first: str = "login") -> Any:
    app = make()
    if first == "widget":
        Widget(app, settings)
    manager = flask_login.LoginManager(app)
    loaded: list[str] = []

    @manager.user_loader
    def load(id: str) -> Any:
        loaded.append(id)
        return kind(id)

    @app.get("/login/<id>")
    def login(id: str) -> str:
        flask_login.login_user(kind(id), remember="remember" in request.args)
        return "{}"

    @app.get("/logout")
    def logout() -> str:
        flask_login.logout_user()
        return PAGE

    if first == "login":
        Widget(app, settings)
    client = app.test_client()
    client.loaded = loaded  # type: ignore[attr-defined]
    return client


@pytest.mark.parametrize("first", ["login", "widget"])
def test_current_user_of_flask_login_is_found_without_being_told(settings: Settings, first: str) -> None:
    client = with_login(settings, first=first)
    assert client.get("/").text == PAGE
    assert token(client).status_code == 401
    client.get("/login/42")
    assert whose(client.get("/").text) == whose(token(client).text) == "42"
    assert client.get("/logout").text == PAGE
    assert token(client).status_code == 401


def test_flask_login_loads_the_user_once_a_request(settings: Settings) -> None:
    client = with_login(settings)
    client.get("/login/42")
    client.loaded.clear()
    client.get("/")
    token(client)
    assert client.loaded == ["42", "42"]


def test_a_remembered_user_is_signed_in_and_the_endpoint_sets_no_cookie(settings: Settings) -> None:
    client = with_login(settings)
    client.application.config["REMEMBER_COOKIE_REFRESH_EACH_REQUEST"] = True
    client.get("/login/42?remember")
    client.delete_cookie("session")
    reply = token(client)
    assert whose(reply.text) == "42"
    assert "Set-Cookie" not in reply.headers
    assert whose(client.get("/").text) == "42"


@pytest.mark.parametrize("id", [None, "", 1.5, True, object()])
def test_an_id_of_an_unexpected_shape_is_a_failure_and_never_an_identity(
    settings: Settings, id: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Member):
        def get_id(self) -> Any:
            return id

    app = make()
    manager = flask_login.LoginManager(app)
    manager.request_loader(lambda request: Odd("x"))
    Widget(app, settings)
    client = app.test_client()
    assert client.get("/").text == PAGE
    assert token(client).status_code == 503
    assert "get_id() of" in caplog.text


# several


def test_one_extension_for_several_apps_made_by_a_factory(dg_env: dict[str, str], monkeypatch: Any) -> None:
    for name, value in dg_env.items():
        monkeypatch.setenv(name, value)
    widget = Widget(user=member)

    def create_app(path: str) -> Flask:
        app = make(WIDGETMW_PATH=path)
        widget.init_app(app)
        return app

    for path in ("/one", "/two"):
        client = create_app(path).test_client()
        client.get(f"/in/{path[1:]}")
        reply = client.get("/")
        assert f'"{path}/token"' in reply.text
        assert whose(reply.text) == whose(client.get(f"{path}/token").text) == path[1:]
        assert client.get(ENDPOINT).status_code == 404


def test_a_page_of_a_wsgi_layer_inside_is_left_alone_since_nobody_knows_its_user(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    app = make()
    inner = app.wsgi_app

    def down(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/down":
            start_response("503 Down", [("Content-Type", "text/html")])
            return [HEAD.encode()]
        return inner(environ, start_response)

    app.wsgi_app = down  # type: ignore[method-assign]
    client = signed_in(app, settings)
    client.set_cookie("widgetmw", "1")
    with caplog.at_level(logging.WARNING):
        reply = client.get("/down")
    assert reply.text == HEAD
    assert "around the Flask app" in caplog.text
    assert whose(client.get("/").text) == "ada"


def test_an_async_view_and_before_request(settings: Settings) -> None:
    app = make()

    @app.get("/async")
    async def view() -> str:
        return PAGE

    @app.before_request
    async def load() -> None:
        g.person = session.get("person")

    client = signed_in(app, settings, lambda: User(g.person))
    assert whose(client.get("/async").text) == whose(token(client).text) == "ada"
