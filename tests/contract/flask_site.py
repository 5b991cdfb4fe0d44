"""The canned app in Flask."""

from __future__ import annotations

from typing import Any

import flask

import widgetmw.flask
from tests.contract.site import METHODS, Site, WsgiSite


class PlainResponse(flask.Response):
    """Adds no headers to those of the canned page."""

    automatically_set_content_length = False
    default_mimetype = None


class FlaskSite(WsgiSite):
    driver = "flask"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.app = flask.Flask("canned", static_folder=None)
        self.app.response_class = PlainResponse
        for rule in ("/", "/<path:path>"):
            self.app.add_url_rule(rule, "page", self.view, methods=METHODS, provide_automatic_options=False)
        self.plugin = widgetmw.flask.Widget(self.app, self.settings, user=lambda: self.resolve(flask.request.environ))
        self.middleware: Any = self.app

    def view(self, path: str = "") -> flask.Response:
        self.record_environ(flask.request.environ)
        return PlainResponse(self.body(), self.page.status, list(self.page.headers))

    def body(self) -> Any:
        return self.page.chunks

    @property
    def engine(self) -> Any:
        engine = self.app.extensions["widgetmw"].engine
        return engine if self.middleware is self.app else self.middleware.engine


class StreamingFlaskSite(FlaskSite):
    """The same pages as streamed responses."""

    driver = "flask-stream"
    resolves_user_before_body = True

    def body(self) -> Any:
        return flask.stream_with_context(iter(self.page.chunks))
