"""The parts of a plugin for an ASGI framework whose sessions and users live inside of its own layers.

The outer part stands outside of all layers and sees the answer as the browser will. For the endpoint it sends a
request of its own through them, which the inner part answers, where the framework has its routes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from widgetmw.asgi.middleware import Receive, WidgetMiddleware, placed, tokens_for
from widgetmw.asgi.responder import Message, Scope, read_facts
from widgetmw.core.endpoint import Answer, Call
from widgetmw.core.engine import PAGE_METHODS, VALIDATORS, Widget
from widgetmw.core.errors import cause
from widgetmw.core.http.page import Page
from widgetmw.core.identity.resolvers import AsyncResolver
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings

_CALL: Final = "widgetmw.call"
_VALIDATORS = frozenset(name.encode() for name in VALIDATORS)


class Outer(WidgetMiddleware):
    """Outside of everything: judges answers, and keeps what layers add to ours away from the endpoint's."""

    async def _tokens(self, widget: Widget, scope: Scope, receive: Receive, call: Call) -> Answer:
        found: list[Any] = [call, None]
        seen: tuple[int, str] = (0, "")

        async def watch(message: Message) -> None:
            nonlocal seen
            if message["type"] == "http.response.start":
                seen = (message["status"], _location(message.get("headers") or ()))

        try:
            await self.app(_asking(scope, found), receive, watch)
        except Exception as error:
            widget.events.failure("endpoint", "failed", cause(error))
            return widget.endpoint.unavailable(call)
        answer: Answer | None = found[1]
        # a layer that turned our answer into another has refused it; 0: the inner part did not show it to them
        if answer is not None and seen[0] in (answer.status, 0):
            return answer
        return widget.stopped(call, *seen)


def nameable(user: object, settings: Settings) -> None:
    """Refuses an installation that could never know who is signed in.

    Raises:
        TypeError: there is neither a resolver nor a proxy.
    """
    if user is None and settings.active and settings.proxy is None:
        raise TypeError("give user=, which says who is signed in, or name an authenticating proxy in the settings")


def from_proxy(outer: WidgetMiddleware, scope: Scope) -> User | None:
    """Returns who the proxy in front says is signed in."""
    assert outer.front is not None
    return outer.front(scope)


def asked(scope: Scope) -> bool:
    """Whether a request is one that the outer part sent, for the inner one to answer."""
    return _CALL in scope


async def answered(widget: Widget, scope: Scope, user: AsyncResolver) -> tuple[Answer, Call]:
    """Finds the answer to a request that the outer part sent, and lets it know; a route of the framework sends it."""
    found = scope[_CALL]
    found[1] = await tokens_for(widget, scope, found[0], user)
    return found[1], found[0]


def asks(widget: Widget, scope: Scope, status: int, headers: Sequence[tuple[Any, Any]]) -> bool:
    """Whether an answer will be judged by whose it is, as far as status and headers tell.

    For frameworks that have left the place at which session and context live when they send the answer.
    """
    mount, path = placed(scope)
    if not widget.asks_user or scope["method"] not in PAGE_METHODS or widget.is_excluded(path):
        return False
    page = widget.page_from_bytes(status, list(headers))
    return isinstance(page, Page) and widget.refusal_reason(read_facts(scope, mount), page) is None


def _asking(scope: Scope, found: list[Any]) -> Scope:
    # a plain GET whatever it was: layers that guard other methods, or answer 304, have nothing to guard here
    headers = [pair for pair in scope["headers"] if pair[0] not in _VALIDATORS]
    return {**scope, "method": "GET", "headers": headers, _CALL: found}


def _location(headers: Any) -> str:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == b"location"), "")
