"""The canned app behind a bridge between ASGI and WSGI, with the middleware on either side of the bridge."""

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
    """One event loop for all ASGI apps served by WSGI; each bridge would otherwise start one and never stop it."""
    shared = asyncio.new_event_loop()
    thread = threading.Thread(target=shared.run_forever, daemon=True)
    thread.start()

    def stop() -> None:
        shared.call_soon_threadsafe(shared.stop)
        thread.join()
        shared.close()

    atexit.register(stop)
    return shared


@cache
def threads() -> ThreadPoolExecutor:
    """The thread pool for WSGI apps served by ASGI."""
    return ThreadPoolExecutor(2)


def a2wsgi_to_asgi(app: Any) -> Any:
    bridge = a2wsgi.WSGIMiddleware(app)
    bridge.executor = threads()
    return bridge


def a2wsgi_to_wsgi(app: Any) -> Any:
    return a2wsgi.ASGIMiddleware(app, loop=loop())


class WsgiUnderAsgi(AsgiSite):
    """A WSGI app served by ASGI."""

    bridge: Callable[[Any], Any]
    record_environ = WsgiSite.record_environ
    _respond = WsgiSite._respond

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.inner = WsgiMiddleware(self._respond, self.settings, user=self.resolve)
        self.middleware: Any = type(self).bridge(self.inner)

    @property
    def engine(self) -> Any:
        return getattr(self.middleware, "engine", self.inner.engine)


class InAsgiref(WsgiUnderAsgi):
    driver = "wsgi-in-asgiref"
    bridge = WsgiToAsgi

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        if root_path and BEFORE_3_8:
            pytest.skip("asgiref's bridge left the mount prefix in PATH_INFO before 3.8")
        return super().request(path, method, root_path, **headers)

    def wrap_again(self, user: User) -> None:
        pytest.skip("asgiref's bridge hides the scope from the app, so two middlewares cannot detect each other")


class InA2wsgi(WsgiUnderAsgi):
    driver = "wsgi-in-a2wsgi"
    bridge = staticmethod(a2wsgi_to_asgi)


class AroundA2wsgi(AsgiSite):
    driver = "asgi-around-a2wsgi"
    _respond = WsgiSite._respond

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.middleware = AsgiMiddleware(a2wsgi_to_asgi(self._respond), self.settings, user=self.resolve)

    def record_environ(self, environ: Any) -> None:
        WsgiSite.record_environ(self, environ)
        if "user_id" in environ:  # the resolver receives the scope, not the environ that the app modified
            environ["asgi.scope"]["user_id"] = environ["user_id"]


class AroundAsgiref(AsgiSite):
    driver = "asgi-around-asgiref"
    _respond = WsgiSite._respond

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Site.__init__(self, *args, **kwargs)
        self.initial_on_request = self.on_request
        self.middleware = AsgiMiddleware(WsgiToAsgi(self._respond), self.settings, user=self.resolve)

    def record_environ(self, environ: Any) -> None:
        if self.on_request is not self.initial_on_request:
            pytest.skip(
                "asgiref's bridge hides the scope from the app, so identify() on the environ has no effect outside"
            )
        WsgiSite.record_environ(self, environ)


class AsgiUnderWsgi(WsgiSite):
    """An ASGI app served by WSGI."""

    _app = AsgiSite._app
    record_scope = AsgiSite.record_scope


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

    def record_scope(self, scope: Any) -> None:
        AsgiSite.record_scope(self, scope)
        if "user_id" in scope:  # the resolver receives the environ, not the scope that the app modified
            scope["wsgi_environ"]["user_id"] = scope["user_id"]


BRIDGES = (InAsgiref, InA2wsgi, AroundA2wsgi, AroundAsgiref, AsgiInA2wsgi, WsgiAroundA2wsgi)
