"""The canned app in Litestar."""

from __future__ import annotations

from typing import Any

import litestar
from litestar.types import ASGIApp

import widgetmw.litestar
from tests.contract.site import METHODS, AsgiSite, Site


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
