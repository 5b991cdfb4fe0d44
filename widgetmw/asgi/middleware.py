"""The ASGI middleware: passes each page to a ``Responder``, and answers the token endpoint.

Every decision is made by the core. The WSGI counterpart is ``wsgi/middleware.py``.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache, lru_cache

from widgetmw.asgi.request import (
    App,
    Receive,
    Scope,
    Send,
    UnreadBody,
    carries_credentials,
    edit_request_headers,
    hide_file_sending,
    path_below,
    token_request,
)
from widgetmw.asgi.responder import Responder
from widgetmw.core.endpoint import TokenRequest, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.original_state import ORIGINAL_STATE, SESSION_HANDLER
from widgetmw.core.identity.request_identity import acquire, move_to_end
from widgetmw.core.identity.resolvers import NO_USER_SOURCE, AsyncResolver, accepts_arguments, from_scope
from widgetmw.core.identity.user import User
from widgetmw.core.proxy.resolver import ProxyResolver
from widgetmw.core.settings import Settings, require_settings


class WidgetMiddleware:
    """Injects vendors' signed identity tokens into the pages of an ASGI app, and answers its token endpoint.

    Args:
        app: the ASGI 3 app to wrap.
        settings: ``None`` reads the environment.
        user: called with the scope, sync (then it must not block) or async; returns the signed-in ``User``, or
            ``None``. Without it, the user comes from the authenticating proxy in the settings, or else from
            ``scope["user"]`` as Starlette's ``AuthenticationMiddleware`` sets it.

    Raises:
        SettingsError: the environment is invalid.
        TypeError: ``user`` is not callable, ``settings`` are none, or ``app`` is not an ASGI 3 app.
    """

    # False in the plugins that resolve the user inside of the app's middleware, where another user may be known.
    resolves_outside = True
    takes_user = "WidgetMiddleware"  # what to pass user= to

    def __init__(self, app: App, settings: Settings | None = None, *, user: AsyncResolver | None = None) -> None:
        if user is not None and not callable(user):
            raise TypeError("user must be a function of the scope that returns a User or None")
        require_settings(settings)
        if callable(app) and not accepts_arguments(app, 3):
            raise TypeError(
                f"app must be an ASGI 3 app, called with scope, receive and send, not {type(app).__name__}: use "
                "widgetmw.wsgi for a WSGI app, or the framework's plugin, such as widgetmw.django"
            )
        self.settings: Settings = Settings.from_env() if settings is None else settings
        self.engine: Engine | None = Engine(self.settings) if self.settings.active else None
        self.proxy_resolver: ProxyResolver | None = (
            self.engine.proxy_resolver if self.engine is not None and user is None else None
        )
        self._resolver = (self.proxy_resolver or self.by_convention) if user is None else user
        self.wrap(app)

    def wrap(self, app: App) -> None:
        """Sets the app to wrap, for plugins whose app is built late."""
        self.app: App = app if self.proxy_resolver is None else self.proxy_resolver.record_peer_middleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection; anything but HTTP is passed to the app."""
        engine = self.engine
        if engine is None or scope["type"] != "http" or (identity := acquire(scope, self)) is None:
            await self.app(scope, receive, send)
            return
        try:
            headers = scope.get("headers")
            if headers.__class__ is not list:
                scope["headers"] = headers = list(headers or ())  # it may be an iterable that can be read only once
            root_path: str = scope.get("root_path") or ""
            path: str = scope["path"]
            if root_path:
                root_path = root_path.rstrip("/")
                path = path_below(root_path, path)
            if path.startswith(engine.path) and engine.is_endpoint(path):
                await self._respond(engine, scope, receive, send, path[len(engine.path) :])
                return
            if "extensions" in scope and scope["extensions"]:  # noqa: RUF019  few servers set it
                hide_file_sending(scope)
            resolver = self._resolver
            # no call of `get`, which takes longer: some servers send an empty state with each request
            has_identity = "user" in scope or "session" in scope or ("state" in scope and scope["state"])
            if has_identity and self.resolves_outside:
                resolver = self._page_resolver(engine, scope)
            responder = Responder()
            responder.begin(engine, scope, root_path, path, send, resolver)
            if responder.read_request_headers():
                edit_request_headers(engine, scope, path)
            await self.app(scope, receive, responder.send)
            if responder.is_undecided:
                await responder.close()
        finally:
            identity.owner = None

    async def _respond(self, engine: Engine, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Answers a request to the endpoint."""
        request, body = token_request(scope, path), UnreadBody(scope, receive)
        response = engine.endpoint.response_without_user(request)
        if response is None:
            response = await self._token_response(engine, scope, body.receive, request)
        engine.endpoint.count(request, response)
        await send_response(response, send, request.method == "HEAD", body)

    def _page_resolver(self, engine: Engine, scope: Scope) -> AsyncResolver:
        """Returns a resolver that sees user, session and state as they came, whatever the app's own layers set later.

        A mounted app may authenticate by itself, and the endpoint does not know its users.
        """
        if state := scope.get("state"):
            scope[ORIGINAL_STATE] = {**state}
            move_to_end(scope)
        original = {key: scope[key] for key in ("session", SESSION_HANDLER, "user") if key in scope}
        return engine.endpoint_check.wrap_resolver(self._resolver, original)

    def by_convention(self, scope: Scope) -> User | None:
        """Reads ``scope["user"]``; warns if there is none, not even that of an anonymous visitor."""
        if "user" not in scope and self.engine is not None and carries_credentials(scope["headers"]):
            self.engine.events.warn_once("user", "no_user_source", NO_USER_SOURCE % ("scope['user']", self.takes_user))
        return from_scope(scope)

    async def _token_response(
        self, engine: Engine, scope: Scope, receive: Receive, request: TokenRequest
    ) -> TokenResponse:
        """Overridden by plugins that resolve the user inside the app, which get ``receive`` for it."""
        return await token_response(engine, scope, request, self._resolver)


async def token_response(engine: Engine, scope: Scope, request: TokenRequest, resolver: AsyncResolver) -> TokenResponse:
    """Returns the endpoint's response for the user that the resolver finds."""
    try:
        user = await engine.resolve_user_async(scope, resolver)
    except ResolverError as error:
        return engine.endpoint.failed(request, "resolver_failed", str(error))
    finally:
        _leave_session_unsaved(scope)
    return engine.endpoint.respond(request, user)


def _leave_session_unsaved(scope: Scope) -> None:
    """Keeps starsessions from saving the session, which a sign-out may have changed or deleted meanwhile.

    It saves whatever is loaded when the response starts, unless the session was empty and still is.
    """
    handler = scope.get(SESSION_HANDLER)
    if handler is not None:
        with suppress(TypeError, AttributeError):  # another package may have put anything there
            handler.__class__ = _unsaved_class(handler.__class__)
            handler.initially_empty = True


@cache
def _unsaved_class(handler_class: type) -> type:
    return type(handler_class.__name__, (handler_class,), {"__module__": handler_class.__module__, "is_empty": True})


async def may_be_signed_in(engine: Engine, scope: Scope, resolver: AsyncResolver) -> bool:
    """Whether the resolver names a user, or fails. For token requests that a layer of the app has answered itself."""
    try:
        return await engine.resolve_user_async(scope, resolver) is not None
    except ResolverError:
        return True  # the layer may be outside of the session middleware; a failure must never sign anybody out


async def send_response(
    response: TokenResponse, send: Send, is_head: bool = False, body: UnreadBody | None = None
) -> None:
    """Sends a response of the endpoint; its end waits for the request's body where the server needs that."""
    headers = list(_encoded(response.headers))
    if response.status != 204:
        headers.append((b"content-length", str(response.length).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    # The content is in no local variable and no attribute named here: error reporters record those if the server fails.
    must_be_drained = body is not None and body.must_be_drained
    data = {"type": "http.response.body", "more_body": must_be_drained}
    await send({**data, "body": response.body_to_send(is_head)})
    if body is not None and must_be_drained:
        await body.drain()
        await send({"type": "http.response.body", "body": b""})


@lru_cache(maxsize=64)
def _encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple([(name.lower().encode(), value.encode("latin-1")) for name, value in headers])
