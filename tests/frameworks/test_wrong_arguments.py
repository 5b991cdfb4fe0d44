"""An app, settings or a resolver in the wrong place is refused where it is passed, with the remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from fastapi import FastAPI
from flask import Flask
from litestar import Litestar
from quart import Quart
from starlette.applications import Starlette

from widgetmw import Settings, User, aiohttp, asgi, fastapi, flask, litestar, quart, starlette, wsgi


def resolver(*_: Any) -> User | None:
    return None


ADAPTERS: dict[str, Callable[[Any], Any]] = {
    "asgi": lambda settings: asgi.WidgetMiddleware(Starlette(), settings),
    "wsgi": lambda settings: wsgi.WidgetMiddleware(Flask(__name__), settings),
    "flask": lambda settings: flask.Widget(Flask(__name__), settings),
    "quart": lambda settings: quart.Widget(Quart(__name__), settings),
    "starlette": lambda settings: starlette.install(Starlette(), settings=settings),
    "fastapi": lambda settings: fastapi.install(FastAPI(), settings=settings),
    "litestar": lambda settings: litestar.WidgetMiddleware(Litestar([], logging_config=None), settings, user=resolver),
    "aiohttp": lambda settings: aiohttp.install(web.Application(), settings=settings, user=resolver),
}


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_a_resolver_in_the_place_of_the_settings_is_refused(adapter: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="settings must be a Settings, not function; pass the resolver as user="):
        adapter(resolver)


def get_response(request: Any) -> Any:
    """What Django passes to a middleware."""


@pytest.mark.parametrize("app", [Flask(__name__), Flask(__name__).wsgi_app, get_response])
def test_the_asgi_middleware_refuses_what_is_not_an_asgi_app(app: Any, settings: Settings) -> None:
    with pytest.raises(TypeError, match=r"must be an ASGI 3 app.*not (Flask|method|function): use widgetmw\.wsgi for"):
        asgi.WidgetMiddleware(app, settings)


@pytest.mark.parametrize("app", [Starlette(), FastAPI(), Quart(__name__).asgi_app, get_response])
def test_the_wsgi_middleware_refuses_what_is_not_a_wsgi_app(app: Any, settings: Settings) -> None:
    with pytest.raises(TypeError, match=r"must be a WSGI app.*: use widgetmw\.asgi for"):
        wsgi.WidgetMiddleware(app, settings)


def test_the_extensions_refuse_the_apps_of_each_other(settings: Settings) -> None:
    with pytest.raises(TypeError, match="Widget takes a Flask app, not Quart"):
        flask.Widget(Quart(__name__), settings)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Widget takes a Quart app, not Flask"):
        quart.Widget(Flask(__name__), settings)  # type: ignore[arg-type]
