"""The canned app on the other side of a bridge between ASGI and WSGI, with the middleware on either side of it."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import a2wsgi
import asgiref
import pytest
from asgiref.wsgi import WsgiToAsgi

from tests.contract.site import AsgiMiddleware, AsgiSite, Reply, Site, WsgiMiddleware, WsgiSite
from widgetmw import User

BEFORE_3_8 = tuple(map(int, asgiref.__version__.split(".")[:2])) < (3, 8)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Where ASGI apps live that WSGI serves; each would start a loop of its own, and never end it."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever, daemon=True)
    thread.start()

    def end() -> None:
        made.call_soon_threadsafe(made.stop)
        thread.join()
        made.close()

    atexit.register(end)
    return made


@cache
def threads() -> ThreadPoolExecutor:
    """Where WSGI apps run that ASGI serves."""
    return ThreadPoolExecutor(2)


def a2wsgi_to_asgi(app: Any) -> Any:
    made = a2wsgi.WSGIMiddleware(app)
    made.executor = threads()
    return made


def a2wsgi_to_wsgi(app: Any) -> Any:
    return a2wsgi.ASGIMiddleware(app, loop=loop())


class WsgiUnderAsgi(AsgiSite):
    """A WSGI app that ASGI serves."""

    bridge: Callable[[Any], Any]
    _note = WsgiSite._note
    _begin = WsgiSite._begin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.inner = WsgiMiddleware(self._begin, self.settings, user=self.resolve)
        self.middleware: Any = type(self).bridge(self.inner)

    @property
    def engine(self) -> Any:
        return getattr(self.middleware, "engine", self.inner.engine)


class InAsgiref(WsgiUnderAsgi):
    driver = "wsgi-in-asgiref"
    bridge = WsgiToAsgi

    def request(self, path: str = "/", method: str = "GET", mount: str = "", **headers: str) -> Reply:
        if mount and BEFORE_3_8:
            pytest.skip("asgiref's bridge left the mount prefix in PATH_INFO before 3.8")
        return super().request(path, method, mount, **headers)

    def double(self, user: User) -> None:
        pytest.skip("asgiref's bridge shows the app no scope: of two middlewares, neither can know of the other")


class InA2wsgi(WsgiUnderAsgi):
    driver = "wsgi-in-a2wsgi"
    bridge = staticmethod(a2wsgi_to_asgi)


class AroundA2wsgi(AsgiSite):
    driver = "asgi-around-a2wsgi"
    _begin = WsgiSite._begin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.middleware = AsgiMiddleware(a2wsgi_to_asgi(self._begin), self.settings, user=self.resolve)

    def _note(self, environ: Any) -> None:
        WsgiSite._note(self, environ)
        if "who" in environ:  # what the app leaves there is not in the scope, which the resolver gets
            environ["asgi.scope"]["who"] = environ["who"]


class AroundAsgiref(AsgiSite):
    driver = "asgi-around-asgiref"
    _begin = WsgiSite._begin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.quiet = self.on_request
        self.middleware = AsgiMiddleware(WsgiToAsgi(self._begin), self.settings, user=self.resolve)

    def _note(self, environ: Any) -> None:
        if self.on_request is not self.quiet:
            pytest.skip("asgiref's bridge shows the app no scope: what the app says of its environ stays there")
        WsgiSite._note(self, environ)


class AsgiUnderWsgi(WsgiSite):
    """An ASGI app that WSGI serves."""

    _app = AsgiSite._app
    note = AsgiSite.note


class AsgiInA2wsgi(AsgiUnderWsgi):
    driver = "asgi-in-a2wsgi"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.inner = AsgiMiddleware(self._app, self.settings, user=self.resolve)
        self.middleware = a2wsgi_to_wsgi(self.inner)

    @property
    def engine(self) -> Any:
        return getattr(self.middleware, "engine", self.inner.engine)


class WsgiAroundA2wsgi(AsgiUnderWsgi):
    driver = "wsgi-around-a2wsgi"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.middleware = WsgiMiddleware(a2wsgi_to_wsgi(self._app), self.settings, user=self.resolve)

    def note(self, scope: Any) -> None:
        AsgiSite.note(self, scope)
        if "who" in scope:  # what the app leaves there is not in the environ, which the resolver gets
            scope["wsgi_environ"]["who"] = scope["who"]


BRIDGES = (InAsgiref, InA2wsgi, AroundA2wsgi, AroundAsgiref, AsgiInA2wsgi, WsgiAroundA2wsgi)
