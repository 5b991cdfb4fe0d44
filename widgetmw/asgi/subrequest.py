"""For ASGI frameworks whose session and user are available only inside their own middleware.

The outer middleware wraps the whole app and sees the final response. For the token endpoint it sends an inner request
through the app to a route that can resolve the user.
"""

from __future__ import annotations

from widgetmw.asgi.middleware import WidgetMiddleware, may_be_signed_in, token_response
from widgetmw.asgi.request import Message, Receive, Scope, inner_headers
from widgetmw.core.endpoint import INNER_CALL, InnerCall, TokenRequest, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.identity.resolvers import AsyncResolver
from widgetmw.core.settings import Settings


class OuterMiddleware(WidgetMiddleware):
    """Wraps the whole app. Returns our own token response, without the headers that the app's layers added to it."""

    resolves_outside = False

    async def _token_response(
        self, engine: Engine, scope: Scope, receive: Receive, request: TokenRequest
    ) -> TokenResponse:
        call = InnerCall(engine.endpoint, request)
        # Always GET, so that CSRF middleware does not interfere.
        inner_scope = {**scope, "method": "GET", "headers": inner_headers(scope["headers"]), INNER_CALL: call}
        status, location = 0, ""

        async def watch(message: Message) -> None:
            nonlocal status, location
            if message["type"] == "http.response.start":
                headers = message.get("headers") or ()
                locations = [value.decode("latin-1") for name, value in headers if name.lower() == b"location"]
                status, location = message["status"], "".join(locations[:1])

        try:
            await self.app(inner_scope, receive, watch)
        except Exception as error:
            return call.fail(error)
        if call.is_interrupted(status):
            call.may_be_signed_in = await may_be_signed_in(engine, inner_scope, self._resolver)
        return call.conclude(status, location)


def require_user_source(user: object, settings: Settings) -> None:
    """Raises ``TypeError`` for an installation that could never know the user."""
    if user is None and settings.active and settings.proxy is None:
        raise TypeError("pass user=, a function that returns the signed-in user, or set WIDGETMW_PROXY")


async def answer_inner_call(engine: Engine, scope: Scope, resolver: AsyncResolver) -> TokenResponse:
    """Answers a request of the outer part; returns what a route of the framework sends through the layers."""
    call: InnerCall = scope[INNER_CALL]
    call.response = await token_response(engine, scope, call.request, resolver)
    return call.STAND_IN
