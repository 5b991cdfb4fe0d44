"""A Flask app with a page and a session-based sign-in."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, session
from flask.testing import FlaskClient

from tests.frameworks.visitor import ENDPOINT, HEAD
from widgetmw import Settings, User
from widgetmw.flask import Widget

PAGE = HEAD + "x" * 2000


def member() -> User | None:
    return User(session["user_id"]) if "user_id" in session else None


def make(**config: Any) -> Flask:
    app = Flask("shop", static_folder=None)
    app.config.update({"SECRET_KEY": "x", **config})

    @app.get("/")
    def page() -> str:
        return PAGE

    @app.get("/in/<user_id>")
    def sign_in(user_id: str) -> Response:
        session["user_id"] = user_id
        return jsonify({})

    @app.get("/out")
    def sign_out() -> str:
        session.clear()
        return PAGE

    return app


def signed_in(app: Flask, settings: Settings | None = None, user: Any = member) -> FlaskClient:
    """Installs the extension and signs in."""
    Widget(app, settings, user=user)
    client = app.test_client()
    client.get("/in/ada")
    return client


def serve(app: Flask, **views: Any) -> Flask:
    """Adds views; each name is also the path."""
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view)
    return app


def token(client: FlaskClient, **headers: str) -> Any:
    return client.get(ENDPOINT, headers={name.replace("_", "-"): value for name, value in headers.items()})
