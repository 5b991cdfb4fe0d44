"""What the vendors' pages show for Flask: a token made for each page, put in when the page is ready."""

from __future__ import annotations

import time

import jwt
from flask import Flask, Response

from benchmarks.subject import ADA, settings
from benchmarks.traffic import WsgiApp
from widgetmw.flask import Widget

SECRET, KEY = "a-secret-of-thirty-two-bytes-or-more", "api-key"


def apps(body: bytes) -> dict[str, WsgiApp]:
    """An app as it is, with ours, and by hand."""
    ours, by_hand = _app(body), _app(body)
    Widget(ours, settings=settings(), user=lambda: ADA)
    by_hand.after_request(_inserted)
    return {
        "bare": _app(body).wsgi_app,
        "widgetmw.flask": ours.wsgi_app,
        "after_request, jwt.encode and replace": by_hand.wsgi_app,
    }


def _app(body: bytes) -> Flask:
    app = Flask("benchmarks")
    app.add_url_rule("/", view_func=lambda: Response(body, mimetype="text/html"), endpoint="page")
    return app


def _inserted(response: Response) -> Response:
    if response.mimetype == "text/html":
        payload = {"scope": "user", "external_id": ADA.id, "exp": int(time.time()) + 3600}
        token = jwt.encode(payload, SECRET, algorithm="HS256", headers={"kid": KEY})
        script = f'<head><script>window.DG_CHAT_WIDGET_CONFIG={{metadata:{{auth_token:"{token}"}}}}</script>'
        response.set_data(response.get_data().replace(b"<head>", script.encode(), 1))
    return response
