"""The WSGI driver (PEP 3333): a middleware that leaves pages to a responder, and answers the endpoint.

Every decision is the core's. Its twin is ``asgi.py``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TypeAlias

from widgetmw.core.endpoint import Answer, Call, bounded
from widgetmw.core.engine import Widget
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.resolvers import Environ, Resolver, claim, from_environ, spoken_for, whose
from widgetmw.core.proxy.resolver import Front
from widgetmw.core.settings import Settings
from widgetmw.wsgi.responder import CONDITIONAL, SPECIAL, Responder, StartResponse, decoded

App: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_PHRASES = {
    200: "OK",
    204: "No Content",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


class WidgetMiddleware:
    """Puts a vendor's signed identity into the pages of a WSGI app, and answers its token endpoint.

    Args:
        app: the WSGI app to wrap.
        settings: how; ``None`` reads the environment.
        user: called with the environ; returns the ``User`` who is signed in, or ``None``. Without it the proxy that
            the settings name is believed, or else ``REMOTE_USER`` is read.

    Raises:
        SettingsError: the environment has problems.
        TypeError: ``user`` is not callable, or async, which WSGI cannot wait for.
    """

    def __init__(self, app: App, settings: Settings | None = None, *, user: Resolver | None = None) -> None:
        if user is not None and not callable(user):
            raise TypeError("user must be a function of the environ that returns a User or None")
        if inspect.iscoroutinefunction(user) or inspect.iscoroutinefunction(type(user).__call__):
            raise TypeError("user must not be async under WSGI; use widgetmw.asgi, or a plain function")
        self.settings = Settings.from_env() if settings is None else settings
        self.widget = Widget(self.settings) if self.settings.active else None
        self.front = self.widget.front if self.widget is not None and user is None else None
        self._user = (self.front or from_environ) if user is None else user
        self.app = app if self.front is None else self.front.entered(app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        widget = self.widget
        if widget is None or (mark := claim(environ, self)) is None:
            return self.app(environ, start_response)
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(widget.path) and widget.ours(path):
            try:
                return self._answer(widget, environ, path[len(widget.path) :], start_response)
            finally:
                mark[0] = None
        try:
            root_path: str = environ.get("SCRIPT_NAME", "")
            if root_path:
                root_path = decoded(root_path)
            responder = Responder()
            responder.begin(widget, environ, mark, root_path, path, start_response, self._user)
            if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" or not environ.keys().isdisjoint(SPECIAL):
                responder.read_request()
                _hide_validators(widget, environ, path, self.front)
            return responder.respond(self.app(environ, responder.start_response))
        except BaseException:
            mark[0] = None  # the same environ may be served again
            raise

    def _answer(self, widget: Widget, environ: Environ, path: str, start_response: StartResponse) -> Iterable[bytes]:
        call = _call(environ, path)
        if call.method == "POST" and bounded(environ.get("CONTENT_LENGTH") or ""):
            _empty(environ)
        answer = widget.endpoint.refusal(call)
        if answer is None:
            answer = self._tokens(widget, environ, call)
        widget.events.note("endpoint", str(answer.status))
        return send_answer(answer, call, start_response)

    def _tokens(self, widget: Widget, environ: Environ, call: Call) -> Answer:
        return tokens_for(widget, environ, call, self._user)


def tokens_for(widget: Widget, environ: Environ, call: Call, user: Resolver) -> Answer:
    """Returns the endpoint's answer for whoever the resolver says is signed in."""
    try:
        found = whose(environ, user)
    except ResolverError as error:
        widget.events.failure("endpoint", "resolver_failed", str(error))
        return widget.endpoint.unavailable(call)
    return widget.endpoint.nobody(call) if found is None else widget.endpoint.tokens(call, found)


def _hide_validators(widget: Widget, environ: Environ, path: str, front: Front | None) -> None:
    """Keeps the app from answering 304 or 206 to somebody who may be signed in: the user is known only later."""
    if not widget.asks_user or environ["REQUEST_METHOD"] not in ("GET", "HEAD") or widget.is_excluded(decoded(path)):
        return
    if environ.keys().isdisjoint(CONDITIONAL) or "text/html" not in environ.get("HTTP_ACCEPT", "").lower():
        return
    known = "HTTP_COOKIE" in environ or "HTTP_AUTHORIZATION" in environ
    if known or spoken_for(environ) or (front is not None and front.announced(environ)):
        for name in CONDITIONAL:
            environ.pop(name, None)


def _call(environ: Environ, path: str) -> Call:
    return Call(
        environ["REQUEST_METHOD"],
        path,
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_HOST", ""),
        environ.get("HTTP_ORIGIN"),
        environ.get("HTTP_SEC_FETCH_SITE"),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ,
    )


def _empty(environ: Environ) -> None:
    """Takes the body of a request and drops it."""
    try:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    except OSError:
        pass  # the caller has left; sending the answer will tell the server
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(), "0"


def send_answer(answer: Answer, call: Call, start_response: StartResponse) -> Iterable[bytes]:
    """Answers with an answer of the endpoint."""
    headers = list(answer.headers)
    if answer.status != 204:
        headers.append(("Content-Length", str(len(answer.body))))
    start_response(f"{answer.status} {_PHRASES[answer.status]}", headers)
    return [] if call.method == "HEAD" or not answer.body else [answer.body]
