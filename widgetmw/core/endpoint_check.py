"""Notices that pages know their user and the token endpoint does not, as with a middleware in the wrong place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from widgetmw.core.events import Events
from widgetmw.core.identity.original_state import ORIGINAL_STATE, has_loaded_session, is_empty, with_original_state
from widgetmw.core.identity.request_identity import (
    IDENTITY_KEY,
    UNSET,
    ScopeOrEnviron,
    identity_of,
    may_be_authenticated,
)
from widgetmw.core.identity.user import User

_MAX_PAGES: Final = 10
# what session and authentication layers add to a scope or environ
_SESSION_OR_USER_KEY: Final = re.compile(r"session|user|auth|identity", re.IGNORECASE)
_USER_KEY: Final = re.compile(r"user|identity", re.IGNORECASE)
_WITHOUT_USER: Final = (
    "the user of a page depends on %s. Token requests do not reach what sets it (%s), so tokens are not renewed: %s"
)
_REPLACED_USER: Final = (
    "%s has set another user. The token endpoint sees only the user who came with the request, so the page has no "
    "token: %s"
)
_OUT_OF_REACH: Final = (
    "browsers send the session's cookie only below %r, and not to the token endpoint %r, whose 401 then ends the "
    "conversation of a signed-in user: move the endpoint (WIDGETMW_PATH, or urls.py in Django), shorten the cookie's "
    "path, or tell the app which prefix a proxy removes"
)


# what sets a user whom token requests do not reach, and the remedy
_IN_MIDDLEWARE: Final = (
    "a middleware inside of WidgetMiddleware",
    "put WidgetMiddleware inside of that middleware, between it and the app (in Starlette, add it first), or use "
    "widgetmw.starlette.install",
)
_IN_MOUNT: Final = (
    "a mounted app or a route",
    "let a middleware of the whole app set it, or call install with the mounted app",
)


class EndpointCheck:
    """Checks the first pages that have a user, and warns if the token endpoint would not find that user.

    The endpoint sees a request as it comes to us, before any layer further inside has set a session or a user. A dict
    keeps the order in which its keys were added, so whatever comes after our own key was added further inside, and no
    request needs to be copied before the app runs.

    Attributes:
        remaining: how many more pages are checked.
        checks_path: whether the path of the session's cookie is still to be checked. One page is enough, and none if an
            authenticating proxy names the user, since it does so for every path.
        sees_inner_user: whether token requests pass through all middleware of the app, which then cannot be in the
            wrong place. A page may still come from a middleware, or get its final headers from one.
    """

    def __init__(self, events: Events, *, by_proxy: bool = False) -> None:
        self.remaining: int = _MAX_PAGES
        self.sees_inner_user: bool = False
        self.checks_path: bool = not by_proxy
        self._events = events

    @property
    def _cause(self) -> tuple[str, str]:
        return _IN_MOUNT if self.sees_inner_user else _IN_MIDDLEWARE

    def wrap_resolver(self, resolver: Callable[[Any], Any], original: Mapping[str, Any]) -> Callable[[Any], Any]:
        """Returns a resolver of pages that reads the user, the session and the state that came with the request.

        It warns if there is a user in the state whom that hides.
        """

        def resolve(request: ScopeOrEnviron) -> Any:
            seen = self.with_original_identity(request, original)
            user = resolver(seen)
            if not self.remaining or isinstance(user, User) or ORIGINAL_STATE not in request:
                return user
            if inspect.isawaitable(user):
                return self._warn_later(user, request)
            return self._warn_if_hidden(user, request)

        return resolve

    async def _warn_later(self, awaitable: Awaitable[Any], request: ScopeOrEnviron) -> Any:
        return self._warn_if_hidden(await awaitable, request)

    def _warn_if_hidden(self, user: Any, request: ScopeOrEnviron) -> Any:
        if user is None:
            self.warn_if_replaced(request.get("state"), request[ORIGINAL_STATE])
        return user

    def with_original_identity(self, request: ScopeOrEnviron, original: Mapping[str, Any]) -> ScopeOrEnviron:
        """Returns the request of a page with the user, the session and the state that the token endpoint would see.

        A mounted app may authenticate by itself. The ids of its users are others, and the endpoint does not know them.
        A value that the app has emptied stays so, since that may be a sign-out.

        Args:
            request: the scope or environ, after the app has run.
            original: values from before that, by key; ``None`` for a key that was not there.
        """
        request = with_original_state(request)
        if has_loaded_session(request, original):
            original = {**original, "session": request["session"]}
        if all(request.get(key) is value for key, value in original.items()):
            return request
        shown = {**request}
        for key, value in original.items():
            if value is None:
                shown.pop(key, None)
            elif not is_empty(request.get(key)):
                shown[key] = value
        if self.remaining and may_be_authenticated(request) and not may_be_authenticated(shown):
            self.remaining = 0
            self._events.warn("page", "endpoint_without_user", _REPLACED_USER % self._cause)
        return shown

    def warn_if_replaced(self, state: Mapping[str, Any] | None, original: Mapping[str, Any]) -> None:
        """Warns about a page without a user if a route has put a user into the state, which it shares with all layers.

        ``state`` is the one after the app has run; ``original`` is what it held before.
        """
        new = {key: value for key, value in (state or {}).items() if original.get(key) is not value}
        users = [value for key, value in new.items() if _USER_KEY.search(key) and not is_empty(value)]
        if any(may_be_authenticated({"user": value}) for value in users):
            self.remaining = 0
            self._events.warn("page", "endpoint_without_user", _REPLACED_USER % self._cause)

    def warn_if_out_of_reach(self, cookie_path: str | None, endpoint_path: str) -> None:
        """Warns if browsers do not send the session's cookie to the endpoint. Both paths include the root path."""
        self.checks_path = False
        # As in RFC 6265. Anything but an absolute path means the folder of the page that sets the cookie.
        below = f"{(cookie_path or '').rstrip('/')}/"
        if below.startswith("/") and not f"{endpoint_path}/".startswith(below):
            self._events.warn("page", "endpoint_without_user", _OUT_OF_REACH % (cookie_path, endpoint_path))

    def run(self, request: ScopeOrEnviron, resolver: Callable[[Any], Any]) -> Awaitable[None] | None:
        """Checks one page that has a user, after the app has run; returns what to await if the resolver is async.

        Does nothing if a plugin has resolved the user, since the plugin calls :meth:`compare` itself.
        """
        self.remaining -= 1
        if self.sees_inner_user or identity_of(request).resolved is not UNSET:
            return None
        return self.compare(request, resolver)

    def compare(self, request: ScopeOrEnviron, resolver: Callable[[Any], Any]) -> Awaitable[None] | None:
        """Resolves the user without the sessions and users that inner layers have added; warns if none is left."""
        keys = list(request)
        original = dict(islice(request.items(), keys.index(IDENTITY_KEY) + 1))
        added = sorted(filter(_SESSION_OR_USER_KEY.search, keys[len(original) :]))
        if after := request.get("state"):  # of ASGI; WSGI has none
            before = original.get(ORIGINAL_STATE, {})
            original["state"] = {**before}
            changed = [key for key, value in after.items() if before.get(key) is not value]
            added += [f"state.{key}" for key in filter(_SESSION_OR_USER_KEY.search, changed)]
        if not added or identity_of(request).explicit is not UNSET:
            return None
        self.remaining = 0  # one comparison is enough, whatever its result
        message = _WITHOUT_USER % (", ".join(map(repr, added)), *self._cause)
        warn = partial(self._events.warn, "page", "endpoint_without_user", message)
        try:
            user = resolver(original)
        except Exception:
            user = None
        if inspect.isawaitable(user):
            return _warn_if_none(user, warn)
        if user is None:
            warn()
        return None


async def _warn_if_none(awaitable: Awaitable[object], warn: Callable[[], None]) -> None:
    try:
        user = await awaitable
    except Exception:
        user = None
    if user is None:
        warn()
