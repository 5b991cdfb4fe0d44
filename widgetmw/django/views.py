"""The endpoints below our place in ``urls.py``."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest, HttpResponse

from widgetmw.core.endpoint import TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.django.configuration import installed
from widgetmw.django.request import TOKEN_RESPONSE, endpoint_prefix, sync_resolver
from widgetmw.wsgi.middleware import token_response
from widgetmw.wsgi.request import token_request

_HAS_NEW_SESSION: Final = "widgetmw.has_new_session"


def endpoint(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answers the token endpoint and ``runtime.js``.

    Raises:
        Http404: no vendor is configured, or the middleware is disabled.
    """
    current = installed()
    engine = current.engine
    if engine is None:
        raise Http404
    call = token_request(request.META, f"/{path}")
    response = engine.endpoint.response_without_user(call)
    if response is None:
        response = token_response(engine, request.META, call, sync_resolver(current, request))
        _leave_session_unsaved(request)
    request.META[TOKEN_RESPONSE] = response
    engine.events.count("endpoint", str(response.status))
    return _http_response(request, response)


# The endpoint protects itself: it answers anonymous visitors with JSON, and refuses cross-site requests.
endpoint.login_required = False  # type: ignore[attr-defined]
endpoint.csrf_exempt = True  # type: ignore[attr-defined]


def endpoint_response(engine: Engine, request: HttpRequest, response: Any) -> HttpResponse | None:
    """Returns the endpoint's response without what inner layers have added; ``None`` for other requests.

    If a layer answers in its place, as a login wall does, the response says that the user is not signed in.
    """
    ours: TokenResponse | None = request.META.get(TOKEN_RESPONSE)
    if ours is not None and ours.status == response.status_code:
        http_response = _http_response(request, ours)
        if _HAS_NEW_SESSION in request.META:
            http_response.cookies = response.cookies
        return http_response
    if "/token" not in request.path or not request.path.startswith(f"{endpoint_prefix()}/token"):
        return None
    call = token_request(request.META, request.path.removeprefix(endpoint_prefix()))
    replaced = engine.endpoint.response_without_user(call) or engine.endpoint.interrupted_response(
        call, response.status_code, response.get("Location", "")
    )
    return _http_response(request, replaced)


def _http_response(request: HttpRequest, response: TokenResponse) -> HttpResponse:
    # uWSGI and cheroot send the body that an app returns for HEAD, and the connection's next response is out of step.
    body = b"" if request.method == "HEAD" else response.body
    http_response = HttpResponse(body, status=response.status, headers=dict(response.headers))
    if response.status == 204:
        del http_response["Content-Type"]
    else:
        http_response["Content-Length"] = str(len(response.body))
    return http_response


def _leave_session_unsaved(request: HttpRequest) -> None:
    """Keeps a token request from saving the session and from setting its cookie."""
    session = getattr(request, "session", None)
    if not isinstance(session, SessionBase):
        return
    if session.session_key == request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        session.__class__ = _unsaved_class(session.__class__)
    else:  # it got a new key, or none, and the browser must learn that
        request.META[_HAS_NEW_SESSION] = True


@cache
def _unsaved_class(session_class: Any) -> Any:
    """Returns a class of sessions that ``SessionMiddleware`` ignores: it does so if ``accessed`` cannot be read."""
    unreadable = property(None, lambda self, value: None)
    attributes = {"__module__": session_class.__module__, "accessed": unreadable}
    return type(session_class.__name__, (session_class,), attributes)
