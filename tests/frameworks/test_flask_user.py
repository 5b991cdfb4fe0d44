"""Flask: the signed-in user, resolved inside the request context."""

from __future__ import annotations

import logging
from typing import Any

import flask_login
import pytest
from flask import Flask, abort, flash, g, has_request_context, request, session, stream_with_context, url_for
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from tests.frameworks.flask_app import PAGE, make, member, serve, signed_in, token
from tests.frameworks.visitor import ENDPOINT, HEAD, user_in
from widgetmw import Settings, User, identify
from widgetmw.flask import Widget


def test_a_session_sign_in_and_out(settings: Settings) -> None:
    app = make()
    Widget(app, settings, user=member)
    client = app.test_client()
    assert client.get("/").text == PAGE
    assert token(client).status_code == 401
    client.get("/in/ada")
    assert user_in(client.get("/").text) == user_in(token(client).text) == "ada"
    assert client.get("/out").text == PAGE
    assert token(client).status_code == 401


def test_the_resolver_runs_inside_the_request_context(settings: Settings) -> None:
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
    assert user_in(client.get("/").text) == user_in(token(client).text) == "ada"
    assert seen == [("/", "/", "page", "before"), (ENDPOINT, "/", "widgetmw.token", "before")]


def test_the_resolver_runs_before_the_teardown_of_the_app_context(settings: Settings) -> None:
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
        order.append("resolved")
        return User("ada")

    client = signed_in(app, settings, user)
    for path, inside in (("/", ["after_request", "resolved"]), (ENDPOINT, ["resolved", "after_request"])):
        order.clear()
        assert user_in(client.get(path).text) == "ada"
        assert order == [*inside, "closed"]


def test_the_user_is_resolved_once_and_only_for_pages(settings: Settings) -> None:
    resolved_paths = []

    def user() -> User:
        resolved_paths.append(request.path)
        return User("ada")

    app = make()
    serve(app, data=lambda: {"html": PAGE}, fragment=lambda: "<p>part</p>")
    serve(app, stream=lambda: stream_with_context(iter([PAGE])))
    client = signed_in(app, settings, user)
    for path in ("/", "/data", "/fragment", "/stream", "/nowhere", "/_widgetmw/runtime.js", ENDPOINT):
        client.get(path)
    assert resolved_paths == ["/", "/stream", "/nowhere", ENDPOINT]


@pytest.mark.parametrize("status", [401, 403])
def test_abort_with_401_or_403_means_anonymous(settings: Settings, status: int) -> None:
    client = signed_in(make(), settings, lambda: abort(status))
    assert client.get("/").headers["X-Widgetmw"] == "skipped; reason=anonymous"
    assert token(client).status_code == 401


@pytest.mark.parametrize("failure", [ValueError("secret detail"), NotFound("secret detail"), "ada", 7])
def test_any_other_failure_skips_the_page_and_is_logged_once(
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


def test_identify_in_a_view_overrides_the_resolver(settings: Settings) -> None:
    app = make()

    @app.get("/identify/<user_id>")
    def identify_user(user_id: str) -> str:
        identify(request.environ, None if user_id == "anonymous" else User(user_id))
        return PAGE

    client = signed_in(app, settings)
    assert user_in(client.get("/identify/eve").text) == "eve"
    assert client.get("/identify/anonymous").text == PAGE


def test_without_user_and_login_manager_remote_user_is_used(settings: Settings) -> None:
    app = make()
    Widget(app, settings)
    client = app.test_client()
    assert client.get("/").text == PAGE
    remote = {"REMOTE_USER": "zoë".encode().decode("latin-1")}
    assert user_in(client.get("/", environ_overrides=remote).text) == "zoë"
    assert user_in(client.get(ENDPOINT, environ_overrides=remote).text) == "zoë"


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
def test_flask_login_is_detected(settings: Settings, first: str) -> None:
    client = with_login(settings, first=first)
    assert client.get("/").text == PAGE
    assert token(client).status_code == 401
    client.get("/login/42")
    assert user_in(client.get("/").text) == user_in(token(client).text) == "42"
    assert client.get("/logout").text == PAGE
    assert token(client).status_code == 401


def with_login_of_its_own(name: str) -> Flask:
    app = make(SESSION_COOKIE_NAME=name)
    flask_login.LoginManager(app).user_loader(Member)

    @app.get("/login/<user_id>")
    def login(user_id: str) -> str:
        flask_login.login_user(Member(user_id))
        return PAGE

    return app


def test_another_app_inside_of_the_widget_does_not_give_its_users_tokens(settings: Settings) -> None:
    shop, staff = with_login_of_its_own("shop"), with_login_of_its_own("staff")
    shop.wsgi_app = DispatcherMiddleware(shop.wsgi_app, {"/staff": staff.wsgi_app})  # type: ignore[method-assign]
    Widget(shop, settings)
    client = shop.test_client()
    assert client.get("/staff/login/5").text == client.get("/staff/").text == PAGE
    assert user_in(client.get("/login/42").text) == "42"
    assert client.get("/staff/").text == PAGE


def test_two_apps_beside_each_other_each_give_their_own_users_tokens(settings: Settings) -> None:
    apps = {name: with_login_of_its_own(name) for name in ("shop", "staff")}
    for app in apps.values():
        Widget(app, settings)
    client = Client(DispatcherMiddleware(apps["shop"], {"/staff": apps["staff"]}))
    assert user_in(client.get("/staff/login/5").text) == user_in(client.get(f"/staff{ENDPOINT}").text) == "5"
    assert client.get("/").text == PAGE
    assert user_in(client.get("/login/42").text) == user_in(client.get(ENDPOINT).text) == "42"
    assert user_in(client.get("/staff/").text) == "5"


@pytest.mark.parametrize("has_function", [False, True])
def test_a_page_whose_view_has_emptied_the_session_has_no_token(settings: Settings, has_function: bool) -> None:
    def user() -> User | None:
        current = flask_login.current_user
        return User(current.get_id()) if current.is_authenticated else None

    app = make()
    flask_login.LoginManager(app).user_loader(Member)
    Widget(app, settings, user=user if has_function else None)

    @app.get("/login")
    def login() -> str:
        flask_login.login_user(Member("42"))
        return PAGE

    @app.get("/logout")
    @flask_login.login_required
    def logout() -> str:
        session.clear()
        flash("Bye")  # the session's cookie stays
        return PAGE

    client = app.test_client()
    assert user_in(client.get("/login").text) == "42"
    assert client.get("/logout").text == PAGE
    assert token(client).status_code == 401


def test_a_user_whom_flask_login_reads_from_the_request_need_not_be_in_the_session(settings: Settings) -> None:
    app = make()
    flask_login.LoginManager(app).request_loader(lambda request: Member("42"))
    Widget(app, settings)

    @app.get("/cart")
    @flask_login.login_required
    def cart() -> str:
        session["cart"] = 1
        return PAGE

    assert user_in(app.test_client().get("/cart").text) == "42"


def test_flask_login_loads_the_user_once_per_request(settings: Settings) -> None:
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
    assert user_in(reply.text) == "42"
    assert "Set-Cookie" not in reply.headers
    assert user_in(client.get("/").text) == "42"


@pytest.mark.parametrize("id", [None, "", 1.5, True, object()])
def test_an_invalid_id_is_a_failure(settings: Settings, id: Any, caplog: pytest.LogCaptureFixture) -> None:
    class InvalidId(Member):
        def get_id(self) -> Any:
            return id

    app = make()
    manager = flask_login.LoginManager(app)
    manager.request_loader(lambda request: InvalidId("x"))
    Widget(app, settings)
    client = app.test_client()
    assert client.get("/").text == PAGE
    assert token(client).status_code == 503
    assert "get_id() of" in caplog.text


# several apps, async views, WSGI layers


def test_one_extension_serves_several_apps_from_a_factory(dg_env: dict[str, str], monkeypatch: Any) -> None:
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
        assert user_in(reply.text) == user_in(client.get(f"{path}/token").text) == path[1:]
        assert client.get(ENDPOINT).status_code == 404


def test_a_page_from_an_inner_wsgi_layer_is_skipped_because_its_user_is_unknown(
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
    assert user_in(client.get("/").text) == "ada"


def test_async_views_and_hooks_work(settings: Settings) -> None:
    app = make()

    @app.get("/async")
    async def view() -> str:
        return PAGE

    @app.before_request
    async def load() -> None:
        g.user_id = session.get("user_id")

    client = signed_in(app, settings, lambda: User(g.user_id))
    assert user_in(client.get("/async").text) == user_in(token(client).text) == "ada"
