"""Shared by plugins for ASGI frameworks whose sessions and users live inside their own layers.

The outer part stands outside all layers and sees the response as the browser will. For the token endpoint it sends a
request of its own through them to the inner part, which stands where the framework has its routes.
"""

from __future__ import annotations

from widgetmw.asgi.middleware import WidgetMiddleware, token_response
from widgetmw.asgi.request import Message, Receive, Scope, without_conditional_headers
from widgetmw.core.endpoint import INNER_CALL, InnerCall, TokenRequest, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.identity.resolvers import AsyncResolver
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings


class OuterMiddleware(WidgetMiddleware):
    """Stands outside all layers, and keeps what they add to a token response away from the browser."""

    async def _token_response(
        self, engine: Engine, scope: Scope, receive: Receive, request: TokenRequest
    ) -> TokenResponse:
        call = InnerCall(engine.endpoint, request)
        # Always GET without conditional headers, so that CSRF and caching middleware do not interfere.
        inner_scope = {**scope, "method": "GET", INNER_CALL: call}
        inner_scope["headers"] = without_conditional_headers(scope["headers"])
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
        return call.conclude(status, location)


def require_user_source(user: object, settings: Settings) -> None:
    """Raises ``TypeError`` for an installation that could never know the user."""
    if user is None and settings.active and settings.proxy is None:
        raise TypeError("give user=, which returns the signed-in user, or configure an authenticating proxy")


def user_from_proxy(outer: WidgetMiddleware, scope: Scope) -> User | None:
    """Returns the user that the authenticating proxy names."""
    assert outer.proxy_resolver is not None
    return outer.proxy_resolver(scope)


def is_inner_call(scope: Scope) -> bool:
    """Whether a request was sent by the outer part."""
    return INNER_CALL in scope


async def answer_inner_call(engine: Engine, scope: Scope, resolver: AsyncResolver) -> TokenResponse:
    """Answers a request of the outer part; a route of the framework sends the response."""
    call: InnerCall = scope[INNER_CALL]
    call.response = await token_response(engine, scope, call.request, resolver)
    return call.response
