"""The approach of the vendors' documentation for Flask: sign a token for each page and insert it afterwards."""

from __future__ import annotations

import time

import jwt
from flask import Flask, Response

from benchmarks.subject import ADA, settings
from benchmarks.traffic import WsgiApp
from widgetmw.flask import Widget

SECRET, KEY = "a-secret-of-thirty-two-bytes-or-more", "api-key"


def apps(body: bytes) -> dict[str, WsgiApp]:
    """Returns a bare app, one with our plugin, and one with the hook."""
    with_plugin, with_hook = _app(body), _app(body)
    Widget(with_plugin, settings=settings(), user=lambda: ADA)
    with_hook.after_request(_insert_script)
    return {
        "bare": _app(body).wsgi_app,
        "widgetmw.flask": with_plugin.wsgi_app,
        "after_request, jwt.encode and replace": with_hook.wsgi_app,
    }


def _app(body: bytes) -> Flask:
    app = Flask("benchmarks")
    app.add_url_rule("/", view_func=lambda: Response(body, mimetype="text/html"), endpoint="page")
    return app


def _insert_script(response: Response) -> Response:
    if response.mimetype == "text/html":
        payload = {"scope": "user", "external_id": ADA.id, "exp": int(time.time()) + 3600}
        token = jwt.encode(payload, SECRET, algorithm="HS256", headers={"kid": KEY})
        script = f'<head><script>window.DG_CHAT_WIDGET_CONFIG={{metadata:{{auth_token:"{token}"}}}}</script>'
        response.set_data(response.get_data().replace(b"<head>", script.encode(), 1))
    return response
