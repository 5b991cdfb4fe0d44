"""WSGI: pages of an app that is mounted below a path, and that has sessions or an authentication of its own."""

from __future__ import annotations

from typing import Any

from bottle import Bottle
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from tests.frameworks.visitor import ENDPOINT, HEAD, user_in
from widgetmw import Settings, User
from widgetmw.wsgi import WidgetMiddleware


def app(environ: Any, start_response: Any) -> list[bytes]:
    if name := environ.get("QUERY_STRING"):
        environ["beaker.session"]["id"] = name
        environ["beaker.session"].save()
    start_response("200 OK", [("Content-Type", "text/html")])
    return [HEAD.encode()]


def users(client: Client) -> tuple[str | None, ...]:
    """The users of the page, of the page of the mounted app, and of the token endpoint."""
    return tuple(user_in(client.get(path).text) for path in ("/", "/admin/", ENDPOINT))


def with_sessions(wrapped: Any, name: str) -> Any:
    from beaker.middleware import SessionMiddleware

    return SessionMiddleware(wrapped, {"session.type": "memory", "session.key": name})


def user_of_session(environ: Any) -> User | None:
    session = environ["beaker.session"]
    return User(session["id"]) if "id" in session else None


def test_the_session_of_a_mounted_app_names_no_user(settings: Settings) -> None:
    mounts = DispatcherMiddleware(app, {"/admin": with_sessions(app, "admin")})
    client = Client(with_sessions(WidgetMiddleware(mounts, settings, user=user_of_session), "shop"))
    client.get("/admin/?boss")
    assert users(client) == (None, None, None)
    client.get("/?ada")
    assert users(client) == ("ada", "ada", "ada")


def test_the_remote_user_of_a_mounted_app_is_not_that_of_the_site(settings: Settings) -> None:
    def admin(environ: Any, start_response: Any) -> list[bytes]:
        environ["REMOTE_USER"] = "boss"
        return app(environ, start_response)

    site = WidgetMiddleware(DispatcherMiddleware(app, {"/admin": admin}), settings)
    client = Client(lambda environ, start_response: site({**environ, "REMOTE_USER": "ada"}, start_response))
    assert users(client) == ("ada", "ada", "ada")


def test_the_session_of_a_mounted_app_names_no_user_where_the_mount_restores_the_path(settings: Settings) -> None:
    site = Bottle()
    site.mount("/admin/", with_sessions(app, "admin"))
    whole = with_sessions(WidgetMiddleware(site, settings, user=user_of_session), "shop")
    client = Client(lambda environ, start_response: whole({**environ, "SCRIPT_NAME": "/shop"}, start_response))
    client.get("/admin/?boss")
    assert user_in(client.get("/admin/").text) is None
