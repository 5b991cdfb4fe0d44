"""The canned app in Falcon, behind the bare middleware."""

from __future__ import annotations

from typing import Any

import falcon
import falcon.asgi
import pytest

from tests.contract.site import AddsContentLength, AsgiMiddleware, AsgiSite, Site, WsgiMiddleware, WsgiSite


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
