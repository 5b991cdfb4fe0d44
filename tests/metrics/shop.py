"""The shop whose metrics are exported, for processes that need nothing else of the tests."""

from __future__ import annotations

from flask import Flask

from widgetmw import User, testing
from widgetmw.flask import Widget


def shop() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/", "page", lambda: "<!doctype html><html><head><title>Shop</title></head></html>")
    Widget(app, user=lambda: User("ada"), settings=testing.settings("hissuno", WIDGETMW_METRICS="prometheus"))
    return app
