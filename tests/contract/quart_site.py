"""The canned app in Quart."""

from __future__ import annotations

from typing import Any

import quart

import widgetmw.quart
from tests.contract.site import METHODS, AsgiSite, Reply, Site


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
