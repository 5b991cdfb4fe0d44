"""A token request leaves the session as it was, in a cookie and in a store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from cachelib import FileSystemCache
from flask import Flask, Response, render_template_string, session
from flask_session import Session

from tests.frameworks.visitor import HEAD, user_in
from widgetmw import Settings, User
from widgetmw.flask import Widget

TOKEN = "/_widgetmw/token"


def make(settings: Settings, folder: Path | None, refresh: bool = True) -> Flask:
    app = Flask(__name__)
    app.secret_key = "s" * 32
    app.config.update(PERMANENT_SESSION_LIFETIME=3600, SESSION_REFRESH_EACH_REQUEST=refresh)
    if folder:
        app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(folder), mode=0o600))
        Session(app)

    @app.get("/in/<name>")
    def sign_in(name: str) -> str:
        session.permanent = True
        session["id"] = name
        return HEAD

    @app.get("/")
    def page() -> str:
        return HEAD

    @app.get("/become/<name>")
    def become(name: str) -> str:
        page = render_template_string("<!doctype html><html><head>{{ widgetmw_script() }}</head></html>")
        session["id"] = name
        return page

    @app.get("/out")
    def sign_out() -> str:
        page = render_template_string("<!doctype html><html><head>{{ widgetmw_script() }}</head></html>")
        session.clear()
        return page

    @app.get("/state")
    def state() -> dict[str, Any]:
        return dict(session)

    Widget(app, settings, user=lambda: User(session["id"]) if "id" in session else None)
    return app


@pytest.mark.parametrize("stored", [True, False], ids=["Flask-Session", "cookie"])
@pytest.mark.parametrize("refresh", [True, False])
def test_a_token_request_neither_changes_nor_extends_the_session(
    settings: Settings, tmp_path: Path, stored: bool, refresh: bool
) -> None:
    client = make(settings, tmp_path if stored else None, refresh).test_client()
    client.get("/in/ada")
    before = client.get("/state").json
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    time.sleep(0.01)
    for _ in range(2):
        reply = client.get(TOKEN)
        assert (reply.status_code, user_in(reply.text)) == (200, "ada")
        assert "Set-Cookie" not in reply.headers
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == files
    assert client.get("/state").json == before
    assert before == {"_permanent": True, "id": "ada"}
    assert user_in(client.get("/").text) == "ada"


@pytest.mark.parametrize("stored", [True, False], ids=["Flask-Session", "cookie"])
def test_hooks_may_use_the_session_after_a_token_request(settings: Settings, tmp_path: Path, stored: bool) -> None:
    app = make(settings, tmp_path if stored else None)

    @app.after_request
    def use(response: Response) -> Response:
        session["visits"] = session.get("visits", 0) + 1
        session.setdefault("first", True)
        session.pop("first")
        session.update(last=session.permanent)
        assert session["id"] == "ada"
        assert session.modified
        if stored:
            assert session.sid  # type: ignore[attr-defined]
        return response

    client = app.test_client()
    client.get("/in/ada")
    assert client.get(TOKEN).status_code == 200
    assert client.get("/state").json["visits"] == 1  # that of the sign-in; a token request saves nothing


def test_an_app_without_a_secret_key_has_no_session_to_save(settings: Settings) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: HEAD)
    Widget(app, settings, user=lambda: User("ada"))
    assert app.test_client().get(TOKEN).status_code == 200


def test_a_page_whose_template_places_the_script_belongs_to_the_user_after_the_view(
    settings: Settings, tmp_path: Path
) -> None:
    client = make(settings, None).test_client()
    client.get("/in/ada")
    assert user_in(client.get("/become/bob").text) == "bob"
    assert user_in(client.get("/out").text) is None
