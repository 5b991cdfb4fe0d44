"""Flask: ``Widget(app, user=...)``, or ``Widget(user=...).init_app(app)`` with an app factory.

The page is seen as the whole app leaves it, outside of ``app.wsgi_app``. Who is signed in is found out inside of the
request context: for a page when all of the app's hooks have run, for the endpoint by a view of its own.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any, Final, TypeAlias

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    has_request_context,
    request,
    request_finished,
    session,
)
from markupsafe import Markup
from werkzeug.local import LocalProxy

from widgetmw.core.config_overlay import overlaid
from widgetmw.core.endpoint import Answer, Call
from widgetmw.core.engine import PAGE_METHODS, VALIDATORS
from widgetmw.core.engine import Widget as Core
from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.html.body_rewriter import Body
from widgetmw.core.html.head_scanner import REFUSED
from widgetmw.core.html.marker_scanner import PLACE
from widgetmw.core.identity.resolvers import Environ, ask, claimed, environ_name, from_environ, takes, whose
from widgetmw.core.identity.user import User
from widgetmw.core.settings import Settings
from widgetmw.wsgi import WidgetMiddleware
from widgetmw.wsgi.middleware import tokens_for
from widgetmw.wsgi.responder import PLACED, decoded, read_facts

__all__ = ["Widget", "widgetmw_script"]

Resolver: TypeAlias = Callable[[], User | None]

_CALL: Final = "widgetmw.call"
_NAME: Final = "widgetmw"
_VALIDATORS = frozenset(map(environ_name, VALIDATORS))


class Widget:
    """The extension: puts a vendor's signed identity into the pages of Flask apps, and serves the token endpoint.

    Args:
        app: an app to begin with; ``init_app`` takes it later, and takes several.
        settings: how; ``None`` reads ``app.config`` over the environment: ``app.config["WIDGETMW_DELIVERY"]``.
        user: called without arguments inside of the request context; returns the ``User`` who is signed in, or
            ``None``. Without it the proxy that the settings name is believed, or else Flask-Login's ``current_user``
            is read where the app has a login manager, else ``REMOTE_USER``.

    Raises:
        SettingsError: the configuration has problems.
        TypeError: ``user`` is not callable, or async.
    """

    def __init__(
        self, app: Flask | None = None, settings: Settings | None = None, *, user: Resolver | None = None
    ) -> None:
        if type(user) is LocalProxy:
            raise TypeError("user must be a function, not a proxy: for Flask-Login's current_user leave it out")
        if user is not None and not (callable(user) and takes(user, 0)):
            raise TypeError("user must be a function without arguments that returns a User or None")
        if inspect.iscoroutinefunction(user) or inspect.iscoroutinefunction(type(user).__call__):
            raise TypeError("user must not be async: make it plain, or wrap it in asgiref.sync.async_to_sync")
        self._settings = settings
        self._user = user
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Installs it in an app, before its first request.

        Raises:
            SettingsError: the configuration has problems.
            RuntimeError: the app has it already.
        """
        if _NAME in app.extensions:
            raise RuntimeError("widgetmw is installed in this app already: call init_app once")
        settings = self._settings
        if settings is None:
            settings = Settings.from_env(overlaid(os.environ, app.config))
        installed = _Installed(app, settings, self._user)
        app.extensions[_NAME] = installed
        app.add_template_global(widgetmw_script)


def widgetmw_script() -> Markup:
    """Marks where in a template our script goes, instead of at the start of head; a template global.

    Returns:
        a marker for a page of somebody signed in, else nothing. The script itself takes its place once all headers
        of the answer are known, and with them the policy and who may see it.
    """
    installed = current_app.extensions.get(_NAME) if has_request_context() else None
    return Markup(PLACE.decode()) if installed is not None and installed.place() else Markup("")  # noqa: S704  a constant


class _Installed:
    """What one app has of it."""

    def __init__(self, app: Flask, settings: Settings, user: Resolver | None) -> None:
        from_proxy = user is None and settings.proxy is not None
        self._user = user or _by_convention
        self.outer = _Outer(app.wsgi_app, settings, user=None if from_proxy else _from_elsewhere)
        self.widget = self.outer.widget
        if self.widget is None:
            return
        app.register_blueprint(self._blueprint(app, settings))
        request_finished.connect(self._finished, app)
        app.wsgi_app = self.outer  # type: ignore[method-assign]

    def _blueprint(self, app: Flask, settings: Settings) -> Blueprint:
        blueprint = Blueprint(_NAME, __name__, url_prefix=settings.path)
        hosts: list[dict[str, Any]] = [{"host": "<host>"} if app.url_map.host_matching else {}]
        if getattr(app, "subdomain_matching", False):
            hosts.append({"subdomain": "<subdomain>"})
        for where in hosts:
            for rule in ("/token", "/token/<provider>"):
                blueprint.add_url_rule(rule, "token", self._token, **where)
        return blueprint

    def _resolve(self, environ: Environ) -> User | None:
        return self._user() if self.outer.front is None else self.outer.front(environ)

    def _token(self, **_: str) -> Response:
        """The view of the endpoint. What it returns is looked at by the app's own hooks alone."""
        found = request.environ.get(_CALL)
        if found is None or self.widget is None:
            abort(404)
        answer: Answer = tokens_for(self.widget, request.environ, found[0], self._resolve)
        found[1] = answer
        _leave_session_alone()
        return Response(answer.body, answer.status, list(answer.headers))

    def _finished(self, app: Flask, response: Response, **_: Any) -> None:
        """Asks for the user of a page, when the app is done with it and the context is still there."""
        environ, widget = request.environ, self.widget
        try:
            if widget is not None and claimed(environ, self.outer) and _is_page(widget, environ, response):
                ask(environ, self._resolve)
        except Exception:  # noqa: S110  further out the same will fail, and be said
            pass

    def place(self) -> bool:
        """Whether the template that is being rendered is to mark the place of our script."""
        environ, widget = request.environ, self.widget
        if widget is None or PLACED in environ or not claimed(environ, self.outer):
            return False
        if widget.asks_user:
            ask(environ, self._resolve)
            if (
                not widget.settings.embed
                and not read_facts(environ, "").has_session_cookie()
                and not _somebody(environ)
            ):
                return False
        environ[PLACED] = True
        return True


class _Outer(WidgetMiddleware):
    """Outside of the app: judges answers, and keeps what hooks add to ours away from the endpoint's."""

    def _tokens(self, widget: Core, environ: Environ, call: Call) -> Answer:
        found: list[Any] = [call, None]
        try:
            seen = _run(self.app, _asking(environ, found))
        except Exception as error:
            widget.events.failure("endpoint", "failed", cause(error))
            return widget.endpoint.unavailable(call)
        answer: Answer | None = found[1]
        # a hook that turned our answer into another has refused it
        if answer is not None and answer.status == seen[0]:
            return answer
        return widget.stopped(call, *seen)


def _asking(environ: Environ, found: list[Any]) -> Environ:
    # a plain GET whatever it was: hooks that guard other methods, or answer 304, have nothing to guard here
    kept = {name: value for name, value in environ.items() if name not in _VALIDATORS}
    return {**kept, "REQUEST_METHOD": "GET", _CALL: found}


def _run(app: Callable[..., Iterable[bytes]], environ: Environ) -> tuple[int, str]:
    """Runs the app for its effects; returns the status, and where it redirects to."""
    seen = [(0, "")]

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        seen[0] = int(status[:3]), next((value for name, value in headers if name.lower() == "location"), "")
        return lambda data: None

    chunks = app(environ, start_response)
    try:
        for _ in chunks:
            pass
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return seen[0]


def _leave_session_alone() -> None:
    """Keeps the session from being saved, in a cookie or in a store, for no more than a token was asked for."""
    if session.permanent:
        session.permanent = False  # in this request only: it is not saved
    session.modified = False


def _is_page(widget: Core, environ: Environ, response: Response) -> bool:
    if environ["REQUEST_METHOD"] not in PAGE_METHODS or not widget.asks_user:
        return False
    page = widget.page_from_text(response.status_code, list(response.headers))
    if isinstance(page, str) or (widget.has_excludes and widget.is_excluded(decoded(environ.get("PATH_INFO", "")))):
        return False
    chunks = response.response
    data = chunks[0] if type(chunks) is list and len(chunks) == 1 else None
    if widget.refusal_reason(read_facts(environ, ""), page) is not None:
        return False
    if response.is_streamed or response.direct_passthrough:
        return True
    body = Body(page.charset_declared, page.coding, PLACED in environ, partial(widget.insertion_offset, ""))
    return body.seek(data if isinstance(data, bytes) else response.get_data(), True) != REFUSED


def _somebody(environ: Environ) -> bool:
    try:
        return whose(environ, _from_elsewhere) is not None
    except ResolverError:
        return True  # it will be said further out


def _from_elsewhere(environ: Environ) -> User | None:
    raise ResolverError("the page came from a WSGI layer around the Flask app, where nobody can be found out")


def _by_convention() -> User | None:
    """Reads Flask-Login's ``current_user`` where the app has a login manager, else ``REMOTE_USER``."""
    if not hasattr(current_app, "login_manager"):
        return from_environ(request.environ)
    current_user = import_module("flask_login").current_user
    if not current_user.is_authenticated:
        return None
    identity = current_user.get_id()
    if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
        raise ResolverError(f"get_id() of {type(current_user).__name__} returned no id; give Widget a user=")
    return User(str(identity))
