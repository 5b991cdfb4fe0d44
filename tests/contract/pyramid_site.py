"""The canned app in Pyramid, behind the bare middleware."""

from __future__ import annotations

import warnings
from typing import Any

from tests.contract.site import Site, WsgiMiddleware, WsgiSite

with warnings.catch_warnings():
    # WebOb, which Pyramid uses, imports cgi as long as Python has it
    warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
    from pyramid.config import Configurator
    from pyramid.response import Response as PyramidResponse


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
