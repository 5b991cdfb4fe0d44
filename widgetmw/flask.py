"""Flask: ``Widget(app, user=...)``, or ``Widget(user=...).init_app(app)`` with an app factory.

The response is modified as the whole app leaves it, outside ``app.wsgi_app``. The user is resolved inside the request
context: for a page when all of the app's hooks have run, for the endpoint in a view of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, TypeAlias

from flask import Blueprint, Flask, Response, current_app, g, has_request_context, request, request_finished, session
from markupsafe import Markup
from werkzeug.exceptions import NotFound
from werkzeug.local import LocalProxy

from widgetmw.core.endpoint import INNER_CALL, InnerCall, TokenRequest, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError
from widgetmw.core.html.body_rewriter import BodyRewriter
from widgetmw.core.html.head_scanner import NO_OFFSET
from widgetmw.core.identity.resolvers import (
    ROUTES_ARE_NOT_ASKED,
    Environ,
    accepts_arguments,
    from_environ,
    prefetch_user,
)
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings, require_settings
from widgetmw.flask_common import NAME, check_cookie_path, identity_of_request, leave_unsaved, settings_for, token_rules
from widgetmw.wsgi import WidgetMiddleware
from widgetmw.wsgi.middleware import may_be_signed_in, token_response
from widgetmw.wsgi.request import decode_path, inner_environ, page_request
from widgetmw.wsgi.responder import MARKER, use_marker

__all__ = ["Widget", "widgetmw_script"]

Resolver: TypeAlias = Callable[[], User | None]

NO_USER_SOURCE: Final = (
    "the app has no login manager and the server sets no REMOTE_USER, so nobody is signed in: pass user= to Widget; "
    f"{ROUTES_ARE_NOT_ASKED}"
)


class Widget:
    """The extension: injects vendors' signed identity tokens into pages of Flask apps, and serves the token endpoint.

    Args:
        app: an app to install it in; ``init_app`` takes it later, and takes several.
        settings: ``None`` reads ``app.config``, which overrides the environment: ``app.config["WIDGETMW_DELIVERY"]``.
        user: called without arguments inside the request context; returns the signed-in ``User``, or ``None``.
            Without it, the user comes from the authenticating proxy in the settings, or else from Flask-Login's
            ``current_user`` if the app has a login manager, else from ``REMOTE_USER``.

    Raises:
        SettingsError: the configuration is invalid.
        TypeError: ``user`` is not callable, or is async.
    """

    def __init__(
        self, app: Flask | None = None, settings: Settings | None = None, *, user: Resolver | None = None
    ) -> None:
        if type(user) is LocalProxy:
            raise TypeError("user must be a function, not a proxy: for Flask-Login's current_user, omit it")
        if user is not None and not (callable(user) and accepts_arguments(user, 0)):
            raise TypeError("user must be a function without arguments that returns a User or None")
        if inspect.iscoroutinefunction(user) or inspect.iscoroutinefunction(type(user).__call__):
            raise TypeError(
                "user must not be async: make it a plain function, or wrap it in asgiref.sync.async_to_sync"
            )
        require_settings(settings)
        self._settings, self._user = settings, user
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Installs it in an app, before the app's first request.

        Raises:
            SettingsError: the configuration is invalid.
            TypeError: ``app`` is not a Flask app.
            RuntimeError: it is already installed in the app.
        """
        # not by its class: OpenTelemetry replaces flask.Flask; Quart has no wsgi_app
        if not (hasattr(app, "wsgi_app") and hasattr(app, "register_blueprint")):
            raise TypeError(
                f"Widget takes a Flask app, not {type(app).__name__}: wrap others with widgetmw.wsgi.WidgetMiddleware"
            )
        settings = settings_for(app, self._settings)
        outer_resolver = None if self._user is None and settings.proxy is not None else _from_outside
        outer = _OuterMiddleware(app.wsgi_app, settings, user=outer_resolver)
        app.extensions[NAME] = outer if outer.engine is None else _InnerPart(app, outer, outer.engine, self._user)
        app.add_template_global(widgetmw_script)


def widgetmw_script() -> Markup:
    """Marks where in a template the script goes, instead of at the start of the head. A template global.

    Returns:
        a marker in the page of a signed-in user, else nothing. The script replaces it once all response headers are
        known, and with them the CSP and who may see the page.
    """
    inner = current_app.extensions.get(NAME) if has_request_context() else None
    if not isinstance(inner, _InnerPart):
        return Markup("")
    return Markup(use_marker(inner.engine, request.environ, inner.outer, inner.resolve))  # noqa: S704  our own text


class _InnerPart:
    """Runs inside the app, and resolves the user."""

    def __init__(self, app: Flask, outer: _OuterMiddleware, engine: Engine, user: Resolver | None) -> None:
        self.outer, self.engine = outer, engine
        self._user = user or self._by_convention
        blueprint = Blueprint(NAME, __name__, url_prefix=engine.path)
        for rule, host in token_rules(app):
            blueprint.add_url_rule(rule, "token", self._token_view, **host)
        app.register_blueprint(blueprint)
        request_finished.connect(self._prefetch_user, app)
        app.wsgi_app = outer  # type: ignore[method-assign]

    def resolve(self, environ: Environ) -> User | None:
        """Returns the user of the current request."""
        proxy_resolver = self.outer.proxy_resolver
        if proxy_resolver is not None:
            return proxy_resolver(environ)
        return None if _has_ended_session() else self._user()

    def _by_convention(self) -> User | None:
        """Reads Flask-Login's ``current_user`` if the app has a login manager, else ``REMOTE_USER``."""
        if hasattr(current_app, "login_manager"):
            return _from_login_manager()
        user = from_environ(request.environ)
        if user is None:
            self.engine.events.warn_once("user", "no_user_source", NO_USER_SOURCE)
        return user

    def _token_view(self, **_: str) -> Response:
        """The view of the endpoint. The app's hooks see a response without a token."""
        call: InnerCall | None = request.environ.get(INNER_CALL)
        if call is None:
            raise NotFound
        call.response = token_response(self.engine, request.environ, call.request, self.resolve)
        leave_unsaved(session, current_app)
        stand_in = call.STAND_IN
        return Response(stand_in.body, stand_in.status, list(stand_in.headers))

    def _prefetch_user(self, app: Flask, response: Response, **_: Any) -> None:
        """Resolves the user of a page when the app is done with it and the request context still exists."""
        environ = request.environ
        identity = identity_of_request(app, environ, self.outer, self.engine, "wsgi_app")
        if identity is None:
            return
        identity.root_path = request.script_root  # a layer may have set it, in a copy of the environ
        call: InnerCall | None = environ.get(INNER_CALL)
        with suppress(Exception):  # the outer part will fail in the same way, and log it
            is_interrupted = call is not None and call.is_interrupted(response.status_code)
            if is_interrupted or _needs_user(self.engine, environ, response):
                prefetch_user(environ, self.resolve)
                check_cookie_path(app, request.cookies, identity, self.engine)


class _OuterMiddleware(WidgetMiddleware):
    """Wraps the app. Returns our own token response, without the headers that the app's hooks added to it."""

    resolves_outside = False

    def _token_response(self, engine: Engine, environ: Environ, request: TokenRequest) -> TokenResponse:
        call = InnerCall(engine.endpoint, request)
        try:
            response = Response.from_app(self.app, {**inner_environ(environ), INNER_CALL: call}, buffered=True)
        except Exception as error:
            return call.fail(error)
        if call.is_interrupted(response.status_code):
            call.may_be_signed_in = may_be_signed_in(engine, environ, self._resolver)
        return call.conclude(response.status_code, response.headers.get("Location", ""))


def _needs_user(engine: Engine, environ: Environ, response: Response) -> bool:
    path, page_of_request = decode_path(environ.get("PATH_INFO", "")), page_request(environ, request.script_root)
    method, status, headers = environ["REQUEST_METHOD"], response.status_code, list(response.headers)
    page = engine.page_that_needs_user(page_of_request, method, path, status, headers)
    if page is None:
        return False
    if response.is_streamed or response.direct_passthrough:
        return True
    chunks = response.response
    data = chunks[0] if type(chunks) is list and len(chunks) == 1 else None
    body = BodyRewriter(page.charset_declared, page.coding, environ.get(MARKER))
    return body.find_offset(data if isinstance(data, bytes) else response.get_data(), True) != NO_OFFSET


def _from_outside(environ: Environ) -> User | None:
    raise ResolverError("the page came from a WSGI layer around the Flask app, where the user cannot be resolved")


def _has_ended_session() -> bool:
    """Whether the session no longer names the user that Flask-Login has read from it.

    Flask-Login's ``logout_user`` replaces ``current_user``. A view that only empties the session leaves it as it was.
    """
    account = g.get("_login_user")
    if account is None or not account.is_authenticated or "_user_id" in session:
        return False
    # A user whom a loader reads from the request need not be in the session.
    loaders = ("_request_callback", "_header_callback")
    manager = getattr(current_app, "login_manager", None)
    return session.modified and all(getattr(manager, name, None) is None for name in loaders)


def _from_login_manager() -> User | None:
    current_user = import_module("flask_login").current_user
    if not current_user.is_authenticated:
        return None
    identity = current_user.get_id()
    if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
        raise ResolverError(f"get_id() of {type(current_user).__name__} returned no id; give Widget a user=")
    return User(str(identity))
