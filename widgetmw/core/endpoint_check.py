"""Notices a middleware that stands in the wrong place: pages know their user, and the token endpoint does not."""

from __future__ import annotations

import inspect
import re
from collections import ChainMap
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from widgetmw.core.events import Events
from widgetmw.core.identity.request_identity import KEY, UNSET, Request, identity_of, may_be_authenticated

_MAX_PAGES: Final = 10
# what session and authentication layers add to a scope or environ
_IDENTITY_KEY: Final = re.compile(r"session|user|auth|identity", re.IGNORECASE)
_USER_KEY: Final = re.compile(r"user|identity", re.IGNORECASE)
_WITHOUT_USER: Final = (
    "the user of a page depends on %s, which %s sets, so the token endpoint cannot find the user, and tokens are not "
    "renewed: %s"
)
_REPLACED_USER: Final = (
    "%s has set another user than the one who came with the request, whom alone the token endpoint sees, so the page "
    "has no token: %s"
)
ARRIVED_STATE: Final = "widgetmw.arrived_state"
"""Key of an ASGI scope: what its state held before the app's routes ran. The state is one dict for all layers."""
IN_MIDDLEWARE: Final = (
    "a middleware inside of WidgetMiddleware",
    "put WidgetMiddleware inside of that middleware, between it and the app (in Starlette, add it first), or use "
    "widgetmw.starlette.install",
)
"""What sets the user too late, and the remedy, for the bare middleware."""
IN_MOUNT: Final = (
    "a mounted app or a route",
    "let a middleware of the whole app set it, or call install with the mounted app",
)
"""The same for a plugin that sees requests inside of all middleware."""


class EndpointCheck:
    """Looks at the first pages of users, and warns if the endpoint, which sees requests as they come to us, has none.

    That is so if the session, or the user, is set further inside. A dict keeps the order in which its keys were added,
    so whatever comes after our own key was added further inside, and no request needs to be copied before the app runs.

    Attributes:
        remaining: how many more pages are looked at.
        is_asked_inside: whether token requests pass through all middleware of the app, which then cannot be in the
            wrong place. A page may still come from a middleware, or get its final headers from one.
    """

    def __init__(self, events: Events) -> None:
        self.remaining: int = _MAX_PAGES
        self.is_asked_inside: bool = False
        self._events = events

    def with_arrived(self, resolver: Callable[[Any], Any], arrived: Mapping[str, Any]) -> Callable[[Any], Any]:
        """Returns a resolver of pages that reads the user and the session that came with the request."""
        return lambda request: resolver(self.as_arrived(request, arrived, IN_MIDDLEWARE))

    def as_arrived(self, request: Request, arrived: Mapping[str, Any], place: tuple[str, str]) -> Request:
        """Returns the request of a page with the user and the session that the token endpoint would see.

        A mounted app may authenticate by itself. The ids of its users are others, and the endpoint does not know them.
        A value that the app has emptied stays so, since that may be a sign-out.

        Args:
            request: the scope or environ, after the app has run.
            arrived: values from before that, by key; ``None`` for a key that was not there.
            place: what has replaced them, and the remedy.
        """
        if all(request.get(key) is value for key, value in arrived.items()):
            return request
        shown = {**request}
        for key, value in arrived.items():
            if value is None:
                shown.pop(key, None)
            elif request.get(key):
                shown[key] = value
        if self.remaining and may_be_authenticated(request) and not may_be_authenticated(shown):
            self.remaining = 0
            self._events.warn("page", "endpoint_without_user", _REPLACED_USER % place)
        return shown

    def warn_if_replaced(
        self, state: Mapping[str, Any] | None, arrived: Mapping[str, Any], place: tuple[str, str]
    ) -> None:
        """Warns about a page without a user if a route has put a user into the state, which it shares with all layers.

        Args:
            state: of the request, after the app has run.
            arrived: what it held before that.
            place: what has replaced it, and the remedy.
        """
        new = {key: value for key, value in (state or {}).items() if value and arrived.get(key) is not value}
        if any(_USER_KEY.search(key) and may_be_authenticated({"user": value}) for key, value in new.items()):
            self.remaining = 0
            self._events.warn("page", "endpoint_without_user", _REPLACED_USER % place)

    def run(self, request: Request, resolver: Callable[[Any], Any]) -> Awaitable[None] | None:
        """Checks one page that has a user, unless a plugin has resolved it, which has called :meth:`compare`.

        Args:
            request: the scope or environ, after the app has run.
            resolver: what has resolved the user of the page.

        Returns:
            an awaitable to wait for if the resolver is async, else ``None``.
        """
        self.remaining -= 1
        if self.is_asked_inside or identity_of(request).resolved is not UNSET:
            return None
        return self.compare(request, resolver, IN_MIDDLEWARE)

    def compare(
        self, request: Request, resolver: Callable[[Any], Any], place: tuple[str, str]
    ) -> Awaitable[None] | None:
        """Warns if only what was added after our key, and looks like a session, makes the resolver find the user."""
        keys = list(request)
        arrived = dict(islice(request.items(), keys.index(KEY) + 1))
        added = sorted(filter(_IDENTITY_KEY.search, keys[len(arrived) :]))
        if ARRIVED_STATE in arrived:
            before, after = arrived[ARRIVED_STATE], request.get("state") or {}
            arrived["state"] = {**before}
            changed = [key for key, value in after.items() if before.get(key) is not value]
            added += [f"state.{key}" for key in filter(_IDENTITY_KEY.search, changed)]
        if not added or identity_of(request).explicit is not UNSET:
            return None
        self.remaining = 0
        message = _WITHOUT_USER % (", ".join(map(repr, added)), *place)
        warn = partial(self._events.warn, "page", "endpoint_without_user", message)
        try:
            user = resolver(arrived)
        except Exception:
            user = None
        if inspect.isawaitable(user):
            return _warn_if_none(user, warn)
        if user is None:
            warn()
        return None


def with_arrived_state(scope: Request) -> Request:
    """Returns the scope with the state that came to routes and mounts; what they have emptied may be a sign-out."""
    state, arrived = scope.get("state"), scope.get(ARRIVED_STATE)
    if arrived is None or not state:
        return scope
    if len(state) == len(arrived) and all(arrived.get(key) is value for key, value in state.items()):
        return scope
    shown = {key: arrived[key] if value else value for key, value in state.items() if key in arrived}
    return ChainMap({"state": shown}, scope)  # not a copy: a resolver may load the session in the request's scope


async def _warn_if_none(awaitable: Awaitable[object], warn: Callable[[], None]) -> None:
    try:
        user = await awaitable
    except Exception:
        user = None
    if user is None:
        warn()
