"""The canned app in Bottle, behind the bare middleware."""

from __future__ import annotations

from typing import Any

import bottle
import pytest

from tests.contract.site import METHODS, AddsContentLength, Site, WsgiMiddleware, WsgiSite


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
