"""For the tests of your own app: settings with throw-away keys, a signed-in user, a clock, and a page's tokens.

With Flask, and any test framework or none::

    Widget(app, settings=testing.settings())
    with testing.as_user(User("42")):
        page = app.test_client().get("/")
    assert testing.read_tokens(page.data)["digitalgenius"].claims["external_id"] == "42"

Not for production: each process generates its own keys.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import Any, Final

from widgetmw.core.engine import Engine
from widgetmw.core.identity.user import User
from widgetmw.core.registry import load_provider, registered_names
from widgetmw.core.script_tags import find_data
from widgetmw.core.settings import Settings
from widgetmw.core.tokens.token import TOKEN_FIELDS
from widgetmw.provider_checks import check_provider
from widgetmw.providers.signing import decode

__all__ = ["Clock", "PageToken", "as_user", "check_provider", "environ", "read_tokens", "settings"]

_SCRIPT: Final = re.compile(r"<script[^>]*\bdata-widgetmw\b[^>]*>(.*?)</script", re.DOTALL)


class Clock:
    """Unix seconds that stand still until they are moved.

    Args:
        now: the initial time; ``None``: the system's time.

    Attributes:
        now: the current time; may be assigned.
    """

    def __init__(self, now: float | None = None) -> None:
        self.now: float = time.time() if now is None else now

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        """Moves the clock forward, or back if ``seconds`` is negative."""
        self.now += seconds


def settings(*vendors: str, clock: Clock | None = None, **variables: str) -> Settings:
    """Returns settings with throw-away keys, whatever the environment of the process holds.

    Args:
        vendors: names of the active vendors; without any, all registered vendors.
        clock: replaces the system's clock, so that a test can let tokens expire.
        variables: further environment variables, such as ``WIDGETMW_DELIVERY="fetch"``.

    Raises:
        KeyError: there is no such vendor.
        SettingsError: the variables have problems.
    """
    made = Settings.from_env(environ(*vendors, **variables))
    return made if clock is None else replace(made, clock=clock)


def environ(*vendors: str, **variables: str) -> dict[str, str]:
    """Returns the variables from which :func:`settings` is built, for apps that read the environment themselves.

    Raises:
        KeyError: there is no such vendor.
    """
    return {
        name: text for vendor in vendors or registered_names() for name, text in _example_variables(vendor).items()
    } | variables


@contextmanager
def as_user(user: User | None, app: object = None) -> Iterator[None]:
    """Signs the user in for every request within the block, on pages and on the token endpoint.

    It takes precedence over ``identify``, ``user=``, a proxy and the framework's convention, in all threads. The app
    itself does not know about it: unless your test signs the user in there too, the app serves an anonymous visitor.

    Args:
        user: ``None`` for an anonymous visitor.
        app: the app that the block applies to: a Flask, Quart, Starlette, FastAPI or aiohttp app, a
            ``WidgetMiddleware``, or Django's WSGI or ASGI application. Without it, the block applies to every app in
            the process.

    Raises:
        LookupError: widgetmw is not installed in the app, or has no active vendor there.
    """
    from unittest.mock import patch  # imported late: it imports asyncio, which `widgetmw check` does not need

    # of any arguments, since they replace methods of the class or of one engine
    def resolve(*_: Any) -> User | None:
        return user

    async def resolve_async(*_: Any) -> User | None:
        return user

    target = Engine if app is None else _engine_of(app)
    functions: Any = {"resolve_user": resolve, "resolve_user_maybe_async": resolve, "resolve_user_async": resolve_async}
    with patch.multiple(target, **functions):
        yield


def _engine_of(app: Any) -> Engine:
    """Returns the engine of an app, wherever its plugin keeps it."""
    if hasattr(app, "load_middleware"):  # a handler of Django
        installed: Any = import_module("widgetmw.django.configuration").installed()
    elif "widgetmw" in getattr(app, "extensions", ()):
        installed = app.extensions["widgetmw"]
    elif hasattr(app, "build_middleware_stack"):
        installed = getattr(getattr(app, "widgetmw", None), "outer", None)
    elif hasattr(app, "on_response_prepare"):  # an aiohttp app
        installed = app.get(import_module("widgetmw.aiohttp").INSTALLED)
    else:
        installed = app
    engine = getattr(installed, "engine", None)
    if engine is None:
        raise LookupError("widgetmw is not installed in this app, or has no active vendor there")
    return engine  # type: ignore[no-any-return]


@dataclass(frozen=True)
class PageToken:
    """A token that a page carries.

    Attributes:
        provider: the vendor's name.
        value: the token itself.
        expires_at: Unix seconds, or ``None`` if it does not expire.
        refresh_at: Unix seconds from which it is no longer handed out, or ``None``.
        header: the JWT's header; empty if the token is not a JWT.
        claims: the JWT's claims, not verified; empty if the token is not a JWT.
        extra: further values for this vendor, such as giosg's signed ``url``.
    """

    provider: str
    value: str
    expires_at: int | None
    refresh_at: int | None
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_tokens(html: str | bytes) -> dict[str, PageToken]:
    """Returns the tokens of a page, or of the endpoint's JSON, by vendor; empty if there are none.

    Args:
        html: the response body, decompressed.
    """
    # our script is ASCII, whatever the page's encoding
    text = html if isinstance(html, str) else bytes(html).decode("latin-1")
    if text.lstrip().startswith("{"):
        data = json.loads(text)
        found = [data] if "token" in data else data.get("tokens", {}).values()
    else:
        found = _of_page(text)
    tokens = {}
    for fields in found:
        extra = {name: value for name, value in fields.items() if name not in TOKEN_FIELDS}
        known = (fields["provider"], fields["token"], fields["expires_at"], fields["refresh_at"])
        tokens[fields["provider"]] = PageToken(*known, extra=extra, **decode(fields["token"]))
    return tokens


def _of_page(text: str) -> Iterator[dict[str, Any]]:
    for script in _SCRIPT.findall(text):
        for data in find_data(script):
            yield from (vendor["token"] for vendor in data.get("vendors", {}).values() if vendor.get("token"))


@cache
def _example_variables(vendor: str) -> dict[str, str]:
    return load_provider(vendor).example_variables()
