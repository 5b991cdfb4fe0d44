"""The package as it is measured: one vendor by default, and a cached token."""

from __future__ import annotations

from functools import cache
from typing import Any

from benchmarks.traffic import SHORT_HEADERS, AsgiApp, WsgiApp, asgi_app, event_loop, page
from widgetmw import Settings, User, asgi, testing, wsgi

ADA = User("ada", name="Ada", email="ada@shop.example")
VENDORS = ("digitalgenius", "hissuno", "orlo", "giosg")


@cache
def settings(vendors: int = 1) -> Settings:
    """Returns settings with the first ``vendors`` vendors, with throw-away keys."""
    return testing.settings(*VENDORS[:vendors])


def signed_in(request: Any) -> User | None:
    """A resolver that returns the same ``User`` each time."""
    return ADA


def anonymous(request: Any) -> User | None:
    """A resolver for anonymous visitors."""
    return None


def new_user(request: Any) -> User | None:
    """A resolver that creates a ``User`` for each request, like one that reads a session."""
    return User("ada", name="Ada", email="ada@shop.example")


def asgi_widgetmw(app: AsgiApp, user: Any = signed_in, vendors: int = 1) -> AsgiApp:
    """Wraps an ASGI app in the package's middleware."""
    return asgi.WidgetMiddleware(app, settings(vendors), user=user)


def wsgi_widgetmw(app: WsgiApp, user: Any = signed_in, vendors: int = 1) -> WsgiApp:
    """Wraps a WSGI app in the package's middleware."""
    return wsgi.WidgetMiddleware(app, settings(vendors), user=user)


@cache
def snippets() -> dict[str, bytes]:
    """Returns what the baselines inject: exactly the bytes that the package adds."""
    before = page()
    with event_loop() as loop:
        after = loop.get(asgi_widgetmw(asgi_app(before)), SHORT_HEADERS)
    return {ADA.id: added_bytes(before, after)}


def added_bytes(before: bytes, after: bytes) -> bytes:
    """Returns the bytes that the package has added to a page.

    Raises:
        AssertionError: It has added none, so there is nothing to measure.
    """
    offset = before.index(b"<head>") + len(b"<head>")
    span = after[offset : offset + len(after) - len(before)]
    assert span.startswith(b"<script")
    assert after == before[:offset] + span + before[offset:]
    return span
