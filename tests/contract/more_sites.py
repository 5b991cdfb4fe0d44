"""The canned app in the frameworks that the bare middleware wraps, or that have a small plugin."""

from __future__ import annotations

import warnings
from typing import Any

import bottle
import falcon
import falcon.asgi
import litestar
import pytest
import quart
from litestar.types import ASGIApp

import widgetmw.litestar
import widgetmw.quart
from tests.contract.aiohttp_site import AiohttpSite, StreamingAiohttpSite
from tests.contract.site import AsgiMiddleware, AsgiSite, Reply, Site, WsgiMiddleware, WsgiSite

with warnings.catch_warnings():
    # WebOb, which Pyramid uses, imports cgi as long as Python has it
    warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
    from pyramid.config import Configurator
    from pyramid.response import Response as PyramidResponse

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class AddsContentLength(Site):
    """A framework that adds Content-Length and may change the case of header names."""

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        self.skip_unsupported_headers()
        reply = super().request(path, method, root_path, **headers)  # type: ignore[safe-super]
        original_names = {name.lower(): name for name, _ in self.page.headers}
        pairs = [(original_names.get(name.lower(), name), value) for name, value in reply.headers]
        if "content-length" not in original_names and "/_widgetmw" not in path:
            pairs = [pair for pair in pairs if pair[0].lower() != "content-length"]
            if method != "HEAD":
                assert reply.header("Content-Length") in (None, str(len(reply.body)))
        return Reply(reply.status, pairs, reply.chunks)

    def skip_unsupported_headers(self) -> None:
        """Skips the test if the framework's responses cannot hold the headers of the page."""


class QuartResponse(quart.Response):
    """Adds no headers to those of the canned page."""

    automatically_set_content_length = False
    default_mimetype = None


class QuartSite(AsgiSite):
    driver = "quart"
    resolves_user_before_body = True  # for all pages, since the context is gone when the body is sent

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.app = quart.Quart("canned", static_folder=None)
        self.app.response_class = QuartResponse
        for rule in ("/", "/<path:path>"):
            self.app.add_url_rule(rule, "page", self.view, methods=METHODS, provide_automatic_options=False)
        widgetmw.quart.Widget(self.app, self.settings, user=lambda: self.resolve(quart.request.scope))
        self.middleware: Any = self.app

    async def view(self, path: str = "") -> quart.Response:
        self.record_scope(quart.request.scope)
        return QuartResponse(self.body(), self.page.status, list(self.page.headers))  # type: ignore[arg-type]

    def body(self) -> Any:
        return self.page.body if isinstance(self.page.body, bytes) else iter(self.page.chunks)

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        reply = super().request(path, method, root_path, **headers)
        return Reply(reply.status, reply.headers, []) if method == "HEAD" else reply  # servers send no body

    @property
    def engine(self) -> Any:
        engine = self.app.extensions["widgetmw"].engine
        return engine if self.middleware is self.app else self.middleware.engine


class LitestarSite(AsgiSite):
    driver = "litestar"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)

        @litestar.route(["/", "/{path:path}"], http_method=METHODS)
        async def page() -> ASGIApp:
            return self._app

        app = litestar.Litestar([page], openapi_config=None, logging_config=None)
        resolve = lambda connection: self.resolve(connection.scope)  # noqa: E731
        self.middleware = widgetmw.litestar.WidgetMiddleware(app, self.settings, user=resolve)


class FalconPages(AddsContentLength):
    """The canned page in both kinds of Falcon app."""

    def skip_unsupported_headers(self) -> None:
        if len(dict(self.page.headers)) < len(self.page.headers):
            pytest.skip("a Falcon response holds each header only once")

    def fill(self, response: Any) -> None:
        response.status = self.page.status
        response.set_headers(list(self.page.headers))
        if isinstance(self.page.body, bytes):
            response.data = self.page.body
        else:
            response.stream = self.stream()

    def stream(self) -> Any:
        return iter(self.page.chunks)


class FalconSite(FalconPages, WsgiSite):
    driver = "falcon"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        app = falcon.App()
        app.add_sink(self.view, "/")
        self.middleware = WsgiMiddleware(app, self.settings, user=self.resolve)

    def view(self, request: Any, response: Any, **_: Any) -> None:
        self.record_environ(request.env)
        self.fill(response)


class FalconAsyncSite(FalconPages, AsgiSite):
    driver = "falcon-async"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        app = falcon.asgi.App()
        app.add_sink(self.view, "/")
        self.middleware = AsgiMiddleware(app, self.settings, user=self.resolve)

    async def view(self, request: Any, response: Any, **_: Any) -> None:
        self.record_scope(request.scope)
        self.fill(response)

    async def stream(self) -> Any:
        for chunk in self.page.chunks:
            yield chunk


class PyramidSite(WsgiSite):
    driver = "pyramid"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        with Configurator() as config:
            config.add_route("page", "/*path")
            config.add_view(self.view, route_name="page")
        self.middleware = WsgiMiddleware(config.make_wsgi_app(), self.settings, user=self.resolve)

    def view(self, request: Any) -> Any:
        self.record_environ(request.environ)
        headers = list(self.page.headers)
        return PyramidResponse(status=self.page.status, headerlist=headers, app_iter=self.page.chunks)


class BottleSite(AddsContentLength, WsgiSite):
    driver = "bottle"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        app = bottle.Bottle()
        for rule in ("/", "/<path:path>"):
            app.route(rule, METHODS, self.view)
        self.middleware = WsgiMiddleware(app, self.settings, user=self.resolve)

    def skip_unsupported_headers(self) -> None:
        if len(dict(self.page.headers)) < len(self.page.headers):
            pytest.skip("Bottle groups headers of the same name")

    def view(self, path: str = "") -> Any:
        self.record_environ(bottle.request.environ)
        body = self.page.body if isinstance(self.page.body, bytes) else iter(self.page.chunks)
        return bottle.HTTPResponse(body, self.page.status, dict(self.page.headers))


MORE = (
    QuartSite,
    LitestarSite,
    FalconSite,
    FalconAsyncSite,
    PyramidSite,
    BottleSite,
    AiohttpSite,
    StreamingAiohttpSite,
)
