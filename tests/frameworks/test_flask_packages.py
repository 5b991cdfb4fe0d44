"""Flask: packages that need a line of docs/packages.md."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import pytest
from flask import Flask, Response, jsonify
from flask_httpauth import HTTPBasicAuth, HTTPTokenAuth, MultiAuth
from flask_limiter import Limiter
from werkzeug.test import Client

from tests.frameworks.flask_app import PAGE, make, signed_in, token
from tests.frameworks.visitor import ENDPOINT, assert_endpoint_headers, packages_snippet, user_in
from widgetmw import Settings, User
from widgetmw.flask import Widget


def shop_with_jwt(settings: Settings, lifetime: int) -> Flask:
    pytest.importorskip("jwt.types", reason="Flask-JWT-Extended needs PyJWT 2.7")
    from flask_jwt_extended import JWTManager, create_access_token, set_access_cookies, unset_jwt_cookies

    app = Flask("shop")
    app.config.update(JWT_SECRET_KEY="x" * 32, JWT_TOKEN_LOCATION=["cookies"], JWT_ACCESS_TOKEN_EXPIRES=lifetime)
    JWTManager(app)

    @app.get("/")
    def page() -> str:
        return PAGE

    @app.get("/in/<user_id>")
    def sign_in(user_id: str) -> Response:
        response = jsonify()
        set_access_cookies(response, create_access_token(user_id))
        return response

    @app.get("/out")
    def sign_out() -> Response:
        response = Response(PAGE)
        unset_jwt_cookies(response)
        return response

    namespace: dict[str, Any] = {"User": User}
    exec(packages_snippet("Flask-JWT-Extended"), namespace)
    Widget(app, settings, user=namespace["current_user"])
    return app


def test_flask_jwt_extended_from_sign_in_to_sign_out(settings: Settings) -> None:
    client = shop_with_jwt(settings, lifetime=3600).test_client()
    assert token(client).status_code == 401
    client.get("/in/ada")
    assert user_in(client.get("/").text) == user_in(token(client).text) == "ada"
    client.get("/in/eve")
    assert user_in(client.get("/").text) == user_in(token(client).text) == "eve"
    assert user_in(client.get("/out").text) is None
    assert token(client).status_code == 401


@pytest.mark.parametrize("is_readable", [True, False], ids=["expired", "not a token"])
def test_flask_jwt_extended_without_a_valid_token_means_anonymous(
    settings: Settings, caplog: pytest.LogCaptureFixture, is_readable: bool
) -> None:
    client = shop_with_jwt(settings, lifetime=-1).test_client()
    client.get("/in/ada")
    if not is_readable:
        client.set_cookie("access_token_cookie", "x")
    reply = client.get("/")
    assert reply.headers["X-Widgetmw"] == "skipped; reason=anonymous"
    assert token(client).status_code == 401
    assert_endpoint_headers(token(client))
    assert "widgetmw" not in {record.name for record in caplog.records if record.levelno >= logging.WARNING}


@pytest.mark.parametrize("is_exempt", [True, False])
def test_flask_limiter_does_not_limit_an_exempt_endpoint(
    settings: Settings, caplog: pytest.LogCaptureFixture, is_exempt: bool
) -> None:
    app = make()
    limiter = Limiter(lambda: "visitor", default_limits=["1 per day"], storage_uri="memory://")
    limiter.init_app(app)
    client = signed_in(app, settings)
    if is_exempt:
        limiter.exempt(app.blueprints["widgetmw"])
    assert user_in(token(client).text) == "ada"
    reply = token(client)
    assert reply.status_code == (200 if is_exempt else 503)
    assert_endpoint_headers(reply)
    assert ("answered 429" in caplog.text) is not is_exempt
    assert ("let requests for tokens through" in caplog.text) is not is_exempt


@pytest.mark.parametrize("is_multiple", [True, False])
def test_flask_httpauth_authenticates_pages_and_the_endpoint(settings: Settings, is_multiple: bool) -> None:
    app = Flask("shop")
    basic = HTTPBasicAuth()
    basic.verify_password(lambda name, password: name if password == "right" else None)
    auth = MultiAuth(basic, HTTPTokenAuth()) if is_multiple else basic
    app.add_url_rule("/", view_func=auth.login_required(lambda: PAGE))
    exec(packages_snippet("Flask-HTTPAuth"), {"User": User, "Widget": partial(Widget, settings=settings), **locals()})
    client = app.test_client()
    for password, user in (("right", "ada"), ("wrong", None)):
        page, reply = (client.get(path, auth=("ada", password)) for path in ("/", ENDPOINT))
        assert user_in(page.text) == user_in(reply.text) == user
        assert page.status_code == reply.status_code == (200 if user else 401)
        assert_endpoint_headers(reply)
    assert token(client).status_code == 503  # a browser may keep the header to itself
    assert token(app.test_client()).status_code == 401


def test_connexion_hands_over_the_wsgi_app_again(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    app = ConnexionLikeApp(make())
    scope = {"app": app, "Widget": partial(Widget, settings=settings), "current_user": lambda: User("ada")}
    exec(packages_snippet("Connexion"), scope)
    client = Client(app.served)
    assert user_in(client.get("/").text) == user_in(client.get(ENDPOINT).text) == "ada"
    assert "not_wrapped" not in caplog.text


class ConnexionLikeApp:
    """Takes ``wsgi_app`` early, as Connexion's ``FlaskApp`` does, and has its way to wrap it."""

    def __init__(self, app: Flask) -> None:
        self.app, self.served = app, app.wsgi_app

    def add_wsgi_middleware(self, middleware: Any) -> None:
        self.served = middleware(self.served)
