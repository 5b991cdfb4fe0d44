"""The endpoints below the place in ``urls.py``."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError

from widgetmw.core.endpoint import Answer, bounded
from widgetmw.core.engine import Widget
from widgetmw.django.configuration import installed
from widgetmw.django.request import ANSWER, base, call_of, sync_user
from widgetmw.wsgi.middleware import tokens_for

_RENEWED: Final = "widgetmw.session-renewed"


def endpoint(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answers for the token endpoint and ``runtime.js``.

    Raises:
        Http404: nothing is configured, or all is off.
    """
    current = installed()
    widget = current.widget
    if widget is None:
        raise Http404
    call = call_of(request, f"/{path}")
    if call.method == "POST" and bounded(request.META.get("CONTENT_LENGTH") or ""):
        _read(request)
    answer = widget.endpoint.refusal(call)
    if answer is None:
        answer = tokens_for(widget, request.META, call, sync_user(current, request))
        _leave_session_alone(request)
    request.META[ANSWER] = answer
    widget.events.note("endpoint", str(answer.status))
    return _response(request, answer)


# What the endpoint answers is its own affair: JSON to who is not signed in, and cross-site callers are refused already.
endpoint.login_required = False  # type: ignore[attr-defined]
endpoint.csrf_exempt = True  # type: ignore[attr-defined]


def of_the_endpoint(widget: Widget, request: HttpRequest, response: Any) -> HttpResponse | None:
    """Returns the endpoint's answer free of what layers further in have added; ``None`` for other requests.

    A layer that answers in its place, as a login wall does, makes it say that nobody is signed in.
    """
    answer: Answer | None = request.META.get(ANSWER)
    if answer is not None and answer.status == response.status_code:
        ours = _response(request, answer)
        if _RENEWED in request.META:
            ours.cookies = response.cookies
        return ours
    if "/token" not in request.path or not request.path.startswith(f"{base()}/token"):
        return None
    call = call_of(request, request.path.removeprefix(base()))
    refusal = widget.endpoint.refusal(call)
    return _response(request, refusal or widget.stopped(call, response.status_code, response.get("Location", "")))


def _read(request: HttpRequest) -> None:
    """Takes the body of a request, for the server's sake."""
    try:
        _ = request.body
    except (UnreadablePostError, RawPostDataException):
        pass  # the caller has left, or a layer further out has read it


_kinds: dict[Any, Any] = {}


def _response(request: HttpRequest, answer: Answer) -> HttpResponse:
    # uWSGI and cheroot send the body that an app gives them for HEAD, and the connection's next answer is out of step
    body = b"" if request.method == "HEAD" else answer.body
    response = HttpResponse(body, status=answer.status, headers=dict(answer.headers))
    if answer.status == 204:
        del response["Content-Type"]
    else:
        response["Content-Length"] = str(len(answer.body))
    return response


def _leave_session_alone(request: HttpRequest) -> None:
    """Keeps the session from being saved, and its cookie from being set, for no more than a token was asked for."""
    session = getattr(request, "session", None)
    if not isinstance(session, SessionBase):
        return
    if session.session_key == request.COOKIES.get(settings.SESSION_COOKIE_NAME):
        session.__class__ = _unsaved(type(session))
    else:  # it has been given a new key, or none, and the browser has to know
        request.META[_RENEWED] = True


def _unsaved(kind: Any) -> Any:
    """Makes a session that ``SessionMiddleware`` leaves alone: it does so where ``accessed`` cannot be read."""
    if kind not in _kinds:
        unreadable = property(_raise, lambda self, value: None)
        _kinds[kind] = type(kind.__name__, (kind,), {"__module__": kind.__module__, "accessed": unreadable})
    return _kinds[kind]


def _raise(session: object) -> None:
    raise AttributeError("accessed")
