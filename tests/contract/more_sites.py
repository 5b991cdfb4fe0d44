"""The canned app in the frameworks that the bare middleware wraps or that have a small plugin, and behind bridges."""

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
    # WebOb, below Pyramid, imports cgi until Python has none
    warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
    from pyramid.config import Configurator
    from pyramid.response import Response as PyramidResponse

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Measured(Site):
    """A framework that adds the length of each body, and may spell names of headers in its own way."""

    def request(self, path: str = "/", method: str = "GET", mount: str = "", **headers: str) -> Reply:
        self.expressible()
        reply = super().request(path, method, mount, **headers)  # type: ignore[safe-super]
        spelled = {name.lower(): name for name, _ in self.page.headers}
        pairs = [(spelled.get(name.lower(), name), value) for name, value in reply.headers]
        if "content-length" not in spelled and "/_widgetmw" not in path:
            pairs = [pair for pair in pairs if pair[0].lower() != "content-length"]
            if method != "HEAD":
                assert reply.header("Content-Length") in (None, str(len(reply.body)))
        return Reply(reply.status, pairs, reply.chunks)

    def expressible(self) -> None:
        """Skips what the framework's responses cannot hold."""


class QuartResponse(quart.Response):
    """Adds nothing to what the canned page has."""

    automatically_set_content_length = False
    default_mimetype = None


class QuartSite(AsgiSite):
    driver = "quart"
    asks_of_streams = True  # and of all pages, since the context is gone when they are sent

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.app = quart.Quart("canned", static_folder=None)
        self.app.response_class = QuartResponse
        for rule in ("/", "/<path:path>"):
            self.app.add_url_rule(rule, "page", self.view, methods=METHODS, provide_automatic_options=False)
        widgetmw.quart.Widget(self.app, self.settings, user=lambda: self.resolve(quart.request.scope))
        self.middleware: Any = self.app

    async def view(self, path: str = "") -> quart.Response:
        self.note(quart.request.scope)
        return QuartResponse(self.body(), self.page.status, list(self.page.headers))  # type: ignore[arg-type]

    def body(self) -> Any:
        return self.page.body if isinstance(self.page.body, bytes) else iter(self.page.chunks)

    def request(self, path: str = "/", method: str = "GET", mount: str = "", **headers: str) -> Reply:
        reply = super().request(path, method, mount, **headers)
        return Reply(reply.status, reply.headers, []) if method == "HEAD" else reply  # as the server does

    @property
    def engine(self) -> Any:
        own = self.app.extensions["widgetmw"].engine
        return own if self.middleware is self.app else self.middleware.engine


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


class FalconPages(Measured):
    """The canned page as Falcon's two kinds of app answer it."""

    def expressible(self) -> None:
        if len(dict(self.page.headers)) < len(self.page.headers):
            pytest.skip("Falcon's responses hold each header once")

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
        self._note(request.env)
        self.fill(response)


class FalconAsyncSite(FalconPages, AsgiSite):
    driver = "falcon-async"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        app = falcon.asgi.App()
        app.add_sink(self.view, "/")
        self.middleware = AsgiMiddleware(app, self.settings, user=self.resolve)

    async def view(self, request: Any, response: Any, **_: Any) -> None:
        self.note(request.scope)
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
        self._note(request.environ)
        headers = list(self.page.headers)
        return PyramidResponse(status=self.page.status, headerlist=headers, app_iter=self.page.chunks)


class BottleSite(Measured, WsgiSite):
    driver = "bottle"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        app = bottle.Bottle()
        for rule in ("/", "/<path:path>"):
            app.route(rule, METHODS, self.view)
        self.middleware = WsgiMiddleware(app, self.settings, user=self.resolve)

    def expressible(self) -> None:
        if len(dict(self.page.headers)) < len(self.page.headers):
            pytest.skip("Bottle sends the headers of one name together")

    def view(self, path: str = "") -> Any:
        self._note(bottle.request.environ)
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
