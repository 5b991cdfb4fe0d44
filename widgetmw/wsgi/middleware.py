"""The WSGI middleware (PEP 3333): passes each page to a ``Responder``, and answers the token endpoint.

Every decision is made by the core. The ASGI counterpart is ``asgi/middleware.py``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from widgetmw.core.endpoint import TokenRequest, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.request_identity import acquire
from widgetmw.core.identity.resolvers import NO_USER_SOURCE, Environ, Resolver, accepts_arguments, from_environ
from widgetmw.core.identity.user import User
from widgetmw.core.proxy.resolver import ProxyResolver
from widgetmw.core.settings import Settings, require_settings
from widgetmw.wsgi.request import (
    App,
    StartResponse,
    carries_credentials,
    decode_path,
    edit_request_headers,
    token_request,
)
from widgetmw.wsgi.responder import Responder

_BEAKER: Final = "beaker.session"  # an app and one that is mounted in it may each have a session there


class WidgetMiddleware:
    """Injects vendors' signed identity tokens into the pages of a WSGI app, and answers its token endpoint.

    Args:
        app: the WSGI app to wrap.
        settings: ``None`` reads the environment.
        user: called with the environ; returns the signed-in ``User``, or ``None``. Without it, the user comes from
            the authenticating proxy in the settings, or else from ``REMOTE_USER``.

    Raises:
        SettingsError: the environment is invalid.
        TypeError: ``user`` is not callable, or is async, which WSGI cannot await; ``settings`` are none, or ``app`` is
            not a WSGI app.
    """

    # False in the plugins that resolve the user inside of the app's middleware, where another user may be known.
    resolves_outside = True

    def __init__(self, app: App, settings: Settings | None = None, *, user: Resolver | None = None) -> None:
        if user is not None and not callable(user):
            raise TypeError("user must be a function of the environ that returns a User or None")
        if inspect.iscoroutinefunction(user) or inspect.iscoroutinefunction(type(user).__call__):
            raise TypeError("user must not be async under WSGI: make it a plain function, or use widgetmw.asgi")
        require_settings(settings)
        if callable(app) and not accepts_arguments(app, 2):
            raise TypeError(
                f"app must be a WSGI app, called with environ and start_response, not {type(app).__name__}: use "
                "widgetmw.asgi for an ASGI app, or the framework's plugin, such as widgetmw.django"
            )
        self.settings: Settings = Settings.from_env() if settings is None else settings
        self.engine: Engine | None = Engine(self.settings) if self.settings.active else None
        self.proxy_resolver: ProxyResolver | None = (
            self.engine.proxy_resolver if self.engine is not None and user is None else None
        )
        self._resolver = (self.proxy_resolver or self._by_convention) if user is None else user
        self.app: App = app if self.proxy_resolver is None else self.proxy_resolver.record_peer_middleware(app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Handles one request."""
        engine = self.engine
        if engine is None or (identity := acquire(environ, self)) is None:
            return self.app(environ, start_response)
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(engine.path) and engine.is_endpoint(path):
            try:
                return self._respond(engine, environ, path[len(engine.path) :], start_response)
            finally:
                identity.owner = None
        try:
            root_path: str = environ.get("SCRIPT_NAME", "")
            if root_path:
                root_path = decode_path(root_path)
            resolver = self._resolver
            if ("REMOTE_USER" in environ or _BEAKER in environ) and self.resolves_outside:
                original: Environ = {key: environ[key] for key in ("REMOTE_USER", _BEAKER) if key in environ}
                resolver = engine.endpoint_check.wrap_resolver(resolver, original)
            responder = Responder()
            responder.begin(engine, environ, identity, root_path, path, start_response, resolver)
            if responder.read_request_headers():
                edit_request_headers(engine, environ, decode_path(path))
            return responder.respond(self.app(environ, responder.start_response))
        except BaseException:
            identity.owner = None  # a server may reuse the environ
            raise

    def _respond(self, engine: Engine, environ: Environ, path: str, start_response: StartResponse) -> Iterable[bytes]:
        """Answers a request to the endpoint."""
        request = token_request(environ, path)
        response = engine.endpoint.response_without_user(request)
        if response is None:
            response = self._token_response(engine, environ, request)
        engine.endpoint.count(request, response)
        return send_response(response, request, start_response)

    def _by_convention(self, environ: Environ) -> User | None:
        """Reads ``REMOTE_USER``; warns if there is none."""
        if "REMOTE_USER" not in environ and self.engine is not None and carries_credentials(environ):
            self.engine.events.warn_once("user", "no_user_source", NO_USER_SOURCE % ("REMOTE_USER", "WidgetMiddleware"))
        return from_environ(environ)

    def _token_response(self, engine: Engine, environ: Environ, request: TokenRequest) -> TokenResponse:
        """Overridden by plugins that resolve the user inside the app."""
        return token_response(engine, environ, request, self._resolver)


def token_response(engine: Engine, environ: Environ, request: TokenRequest, resolver: Resolver) -> TokenResponse:
    """Returns the endpoint's response for the user that the resolver finds."""
    try:
        user = engine.resolve_user(environ, resolver)
    except ResolverError as error:
        return engine.endpoint.failed(request, "resolver_failed", str(error))
    return engine.endpoint.respond(request, user)


def may_be_signed_in(engine: Engine, environ: Environ, resolver: Resolver) -> bool:
    """Whether the resolver names a user, or fails. For token requests that a layer of the app has answered itself."""
    try:
        return engine.resolve_user(environ, resolver) is not None
    except ResolverError:
        return True  # the layer may be outside of the session middleware; a failure must never sign anybody out


def send_response(response: TokenResponse, request: TokenRequest, start_response: StartResponse) -> Iterable[bytes]:
    """Sends a response of the endpoint."""
    headers = list(response.headers)
    if response.status != 204:
        headers.append(("Content-Length", str(response.length)))
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
    return list(filter(None, [response.body_to_send(request.method == "HEAD")]))
