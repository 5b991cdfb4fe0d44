"""The package as it is measured: one vendor unless said otherwise, and the token in the cache."""

from __future__ import annotations

from functools import cache
from typing import Any

from benchmarks.traffic import SHORT, AsgiApp, Loop, WsgiApp, asgi_answering, looping, page
from widgetmw import Settings, User, asgi, testing, wsgi

ADA = User("ada", name="Ada", email="ada@shop.example")
VENDORS = ("digitalgenius", "hissuno", "orlo", "giosg")


@cache
def settings(vendors: int = 1) -> Settings:
    """Settings with so many vendors; their keys are made for this process."""
    return testing.settings(*VENDORS[:vendors])


def signed_in(request: Any) -> User | None:
    """A resolver that has the user at hand."""
    return ADA


def nobody(request: Any) -> User | None:
    """A resolver that finds nobody."""
    return None


def made_anew(request: Any) -> User | None:
    """A resolver that makes a user object for each request, as those that read a session do."""
    return User("ada", name="Ada", email="ada@shop.example")


def asgi_ours(app: AsgiApp, user: Any = signed_in, vendors: int = 1) -> AsgiApp:
    """The package around an ASGI app."""
    return asgi.WidgetMiddleware(app, settings(vendors), user=user)


def wsgi_ours(app: WsgiApp, user: Any = signed_in, vendors: int = 1) -> WsgiApp:
    """The package around a WSGI app."""
    return wsgi.WidgetMiddleware(app, settings(vendors), user=user)


@cache
def snippets() -> dict[str, bytes]:
    """What the baselines inject: the very bytes that the package adds, so that both handle as many."""
    before = page()
    with looping() as loop:
        after = added_to(loop, before)
    return {ADA.id: after}


def added_to(loop: Loop, before: bytes) -> bytes:
    """Returns the bytes that the package adds to a page.

    Raises:
        AssertionError: it adds none; then there is nothing to measure.
    """
    after = loop.answer(asgi_ours(asgi_answering(before)), SHORT)
    place = before.index(b"<head>") + len(b"<head>")
    span = after[place : place + len(after) - len(before)]
    assert span.startswith(b"<script")
    assert after == before[:place] + span + before[place:]
    return span
