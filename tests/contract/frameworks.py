"""The canned app in each framework that has a plugin."""

from __future__ import annotations

from typing import Any

import fastapi
import flask
from starlette.applications import Starlette

import widgetmw.fastapi
import widgetmw.flask
import widgetmw.starlette
from tests.contract.django_site import DjangoAsyncSite, DjangoSite, DjangoStreamSite
from tests.contract.site import AsgiSite, Site, WsgiSite

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class StarletteSite(AsgiSite):
    driver = "starlette"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.app = self.make()
        self.app.router.default = self._app
        self.middleware = self.app

    def make(self) -> Starlette:
        app = Starlette()
        widgetmw.starlette.install(app, settings=self.settings, user=lambda request: self.resolve(request.scope))
        return app

    @property
    def engine(self) -> Any:
        engine = self.app.build_middleware_stack.outer.engine  # type: ignore[attr-defined]
        return engine if self.middleware is self.app else self.middleware.engine


class FastApiSite(StarletteSite):
    driver = "fastapi"

    def make(self) -> Starlette:
        def user(request: fastapi.Request) -> Any:
            return self.resolve(request.scope)

        app = fastapi.FastAPI()
        widgetmw.fastapi.install(app, settings=self.settings, user=user)
        return app


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


FRAMEWORKS = (
    StarletteSite,
    FastApiSite,
    FlaskSite,
    StreamingFlaskSite,
    DjangoSite,
    DjangoStreamSite,
    DjangoAsyncSite,
)
