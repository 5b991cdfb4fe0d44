"""A client of a site with one page."""

from __future__ import annotations

from typing import Any

from werkzeug.test import Client

from widgetmw import Settings, User, testing
from widgetmw.wsgi import WidgetMiddleware


def client_of(user: User | None, *vendors: str, **variables: str) -> Client:
    """Returns a client of a site with these vendors, where this user is signed in."""
    return client_with(user, Settings.from_env(testing.environ(*vendors, **variables)))


def client_with(user: User | None, settings: Settings) -> Client:
    """Returns a client of a site with these settings, where this user is signed in."""

    def page(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [b"<!doctype html><html><head></head><body></body></html>"]

    return Client(WidgetMiddleware(page, settings, user=lambda environ: user))
