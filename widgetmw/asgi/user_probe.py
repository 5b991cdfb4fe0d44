"""Resolves the user of a page inside the middleware of an app, for plugins whose responder is outside of it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from widgetmw.asgi.request import Message
from widgetmw.asgi.responder import Responder
from widgetmw.core.html.head_scanner import PENDING
from widgetmw.core.identity.original_state import ORIGINAL_STATE
from widgetmw.core.identity.request_identity import IDENTITY_KEY
from widgetmw.core.identity.resolvers import prefetch_user_async, prefetch_user_maybe_async
from widgetmw.core.identity.user import User
from widgetmw.core.reasons import SkipReason

ORIGINAL: Final = "widgetmw.original"
"""Key of the scope in a plugin: user and session as the app's own middleware has set them, before routes and mounts."""


class UserProbe(Responder):
    """Resolves the user inside the app's middleware, and stores it on the request for the outer responder.

    It does so when the response turns out to be a page, or an error, which may become one further out. It sends
    everything unmodified, and leaves counting and logging to the outer responder.
    """

    __slots__ = ()

    def _skip(self, start: Message, reason: SkipReason) -> Awaitable[None]:
        return super()._skip(start, reason) if start["status"] < 400 else self._skip_error(start, reason)

    async def _skip_error(self, start: Message, reason: SkipReason) -> None:
        await self.prefetch_for_error()
        await super()._skip(start, reason)

    def _decide(self, message: Message | None = None, offset: int = PENDING) -> Awaitable[None]:
        awaitable, check = None, self._engine.endpoint_check
        try:
            if self._engine.early_skip_reason(self, self._page) is None:
                scope = check.with_original_identity(self._scope, self._scope[ORIGINAL])
                awaitable = prefetch_user_maybe_async(scope, self._resolver)
                if awaitable is None and check.remaining:
                    awaitable = self._compare_with_original()
        except Exception:  # noqa: S110  the outer responder will fail in the same way, and log it
            pass
        if awaitable is not None:
            return self._wait(awaitable, message, offset)
        return self._release(self._start, message)

    async def prefetch_for_error(self) -> None:
        """Resolves the user after an error of the app, since a layer further out may turn it into a page.

        By then, the app's middleware has closed what it opened for the request, such as a database session. If the
        resolver used that session again, it would keep its connection.
        """
        engine, scope = self._engine, self._scope
        has_started = self._handler is not None and not self.is_undecided
        if has_started or not engine.may_carry_script(
            scope, scope["method"], self.path, self.accept, self.has_credentials
        ):
            return
        shown = engine.endpoint_check.with_original_identity(scope, scope[ORIGINAL])
        await prefetch_user_async(shown, self._resolver)

    def _compare_with_original(self) -> Awaitable[None] | None:
        """Warns if the endpoint would not find the user of the page; returns an awaitable if the resolver is async."""
        check, resolved = self._engine.endpoint_check, self._scope[IDENTITY_KEY].resolved
        if isinstance(resolved, User):
            return check.compare(self._scope, self._resolver)
        if resolved is None:
            check.warn_if_replaced(self._scope.get("state"), self._scope[ORIGINAL_STATE])
        return None

    def _decide_for(self, user: User | None) -> SkipReason | None:
        if self._engine.endpoint_check.remaining and self._scope[IDENTITY_KEY].resolved is None:
            self._compare_with_original()
        return SkipReason.ANONYMOUS  # any reason: the response is sent unchanged, and nothing is counted

    def _record(self, start: Message, reason: SkipReason | None) -> Message:
        return start

    def _failure(self, error: Exception) -> SkipReason:
        return SkipReason.INTERNAL_ERROR
