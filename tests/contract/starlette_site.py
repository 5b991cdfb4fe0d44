"""The canned app in Starlette and FastAPI."""

from __future__ import annotations

from typing import Any

import fastapi
from starlette.applications import Starlette

import widgetmw.fastapi
import widgetmw.starlette
from tests.contract.site import AsgiSite, Site


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
