"""The endpoints below our place in ``urls.py``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import NoReverseMatch

from widgetmw.core.endpoint import InnerCall, TokenResponse
from widgetmw.core.engine import Engine
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.request_identity import is_owner
from widgetmw.core.identity.resolvers import Environ, Resolver
from widgetmw.core.identity.user import User
from widgetmw.django.configuration import Installed, installed
from widgetmw.django.request import OWNER, TOKEN_RESPONSE, endpoint_prefix, has_lost_session, sync_resolver
from widgetmw.wsgi.middleware import may_be_signed_in, token_response
from widgetmw.wsgi.request import token_request


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
    response, is_shown = engine.endpoint.response_without_user(call), True
    if response is None:
        response = token_response(engine, request.META, call, _resolver(current, request))
        is_shown = not is_owner(request.META, OWNER)  # a layer below the middleware may record bodies
    _leave_session_unsaved(request)
    request.META[TOKEN_RESPONSE] = response
    request._cache_update_cache = False  # Django 5.2.0 caches a "no-store" response, unless this says not to
    engine.endpoint.count(call, response)
    return _EndpointResponse(request, response if is_shown else InnerCall.STAND_IN)


# The endpoint protects itself: it answers anonymous visitors with JSON, and refuses cross-site requests.
endpoint.login_required = False  # type: ignore[attr-defined]
endpoint.csrf_exempt = True  # type: ignore[attr-defined]


def endpoint_response(request: HttpRequest, response: Any) -> HttpResponse | None:
    """Returns the endpoint's response without what inner layers have added; ``None`` for other requests."""
    ours: TokenResponse | None = request.META.get(TOKEN_RESPONSE)
    if ours is not None and response.status_code in (ours.status, InnerCall.STAND_IN.status):
        http_response = _EndpointResponse(request, ours)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and not http_response.is_worthless_cookie(cookie.key, cookie.value):
            http_response.cookies[cookie.key] = cookie  # the session got a new key, or has ended
            http_response["Cache-Control"] = "no-store"
        return http_response
    return None


def show_as_get(request: HttpRequest) -> None:
    """Shows a POST for a token as a GET to the layers further in, so that checks of forms do not interfere.

    Our script sends a POST where a service worker controls the page, without the fields that such a check looks for.
    Our view takes the method from ``META``.
    """
    if request.method == "POST" and "/token" in request.path:
        with suppress(NoReverseMatch):  # the root URLconf does not have our URLs
            if request.path.startswith(f"{endpoint_prefix()}/token"):
                request.method = "GET"


def is_interrupted(engine: Engine, request: HttpRequest) -> bool:
    """Whether a layer has answered in place of the endpoint; first ask :func:`endpoint_response`.

    A login wall also stops the scripts, without which the page after a sign-out would clean up nothing.
    """
    path = request.path
    if "/token" not in path and not path.endswith(".js"):
        return False
    try:
        prefix = endpoint_prefix()
    except NoReverseMatch:  # the URLconf of this request, which a middleware may have chosen, does not have our URLs
        return False
    if path.startswith(f"{prefix}/token"):
        return True
    match = request.resolver_match  # None if the layer has answered before Django looked for a view
    is_ours = path.startswith(prefix) and (match is None or "widgetmw" in match.app_names)
    return is_ours and engine.endpoint.has_script(path[len(prefix) :])


def interrupted_response(current: Installed, engine: Engine, request: HttpRequest, response: Any) -> HttpResponse:
    """Returns the endpoint's response after a layer has answered in its place, as a login wall does."""
    call = InnerCall(engine.endpoint, token_request(request.META, request.path.removeprefix(endpoint_prefix())))
    replaced = engine.endpoint.response_without_user(call.request)
    if replaced is None:
        if call.is_interrupted(response.status_code):
            call.may_be_signed_in = may_be_signed_in(engine, request.META, _resolver(current, request))
        replaced = call.conclude(response.status_code, response.get("Location", ""))
    _leave_session_unsaved(request)
    return _EndpointResponse(request, replaced)


def _resolver(current: Installed, request: HttpRequest) -> Resolver:
    """Returns the site's resolver, which fails where Django has no user because its sessions cannot be read."""
    resolver = sync_resolver(current, request)

    def resolve(environ: Environ) -> User | None:
        user = resolver(environ)
        if user is None and has_lost_session(request):
            raise ResolverError("the store of the sessions does not answer, so Django finds no user")
        return user

    return resolve


class _EndpointResponse(HttpResponse):  # type: ignore[misc]
    """A response that never renews a cookie. That of a new session with content is set as usual.

    A script with a cookie is not cacheable: a shared cache might hand that cookie to other visitors.
    """

    def __init__(self, request: HttpRequest, response: TokenResponse) -> None:
        """Takes the core's response to a request."""
        self.session = getattr(request, "session", None)
        self.sent_cookies = request.COOKIES
        self.expired_cookies = [header for header in response.headers if header[0] == "Set-Cookie"]
        headers = {name: value for name, value in response.headers if name != "Set-Cookie"}
        # uWSGI and cheroot send the body that an app returns for HEAD: the connection's next response is out of step.
        super().__init__(response.body_to_send(request.method == "HEAD"), status=response.status, headers=headers)
        if response.status == 204:
            del self["Content-Type"]
        else:
            self["Content-Length"] = str(response.length)

    def items(self) -> Iterator[tuple[str, str]]:
        """Yields the headers. Those that expire a vendor's cookie have the same name, of which Django keeps one."""
        yield from super().items()
        yield from self.expired_cookies

    def is_worthless_cookie(self, key: str, value: str | None) -> bool:
        """Whether the cookie is as the browser has sent it, or that of an empty session.

        Each could arrive after a later sign-in and replace its cookies: ``csrftoken``, which layers that ask for its
        token on every request renew, or the session's. Some stores, such as that of django-user-sessions, create a
        session where they find none.
        """
        if value == "":
            return False  # the cookie is deleted
        if value is None or self.sent_cookies.get(key) == value:  # None is the key of a session that was not saved
            return True
        session = self.session if key == settings.SESSION_COOKIE_NAME else None
        return isinstance(session, SessionBase) and not session.keys()

    def set_cookie(self, key: str, value: str = "", *args: Any, **kwargs: Any) -> None:
        """Sets a cookie, unless that would only extend its life, or begin an empty session."""
        if not self.is_worthless_cookie(key, value):
            self["Cache-Control"] = "no-store"
            super().set_cookie(key, value, *args, **kwargs)

    def delete_cookie(self, key: str, *args: Any, **kwargs: Any) -> None:
        """Deletes a cookie, but not that of a session which its store merely does not return.

        A cache may be down for a moment, and a token request in the background should sign nobody out for that.
        """
        if key != settings.SESSION_COOKIE_NAME or getattr(self.session, "modified", True):
            super().delete_cookie(key, *args, **kwargs)


def _leave_session_unsaved(request: HttpRequest) -> None:
    """Keeps a token request from saving the session under the key that the browser has, or beginning one without a key.

    A layer may write to the session on every request. If the user has signed out and in meanwhile, the cookie of a
    session that begins here would replace that of the new user's session.
    """
    session = getattr(request, "session", None)
    known_keys = None, request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if isinstance(session, SessionBase) and session.session_key in known_keys:
        session.__class__ = _unsaved_class(session.__class__, session.session_key is not None)


@cache
def _unsaved_class(session_class: Any, has_key: bool) -> Any:
    """Returns a class of sessions that can be used as before, but are saved only once they get another key."""

    def save(self: Any, must_create: bool = False) -> None:
        if must_create or (has_key and self.session_key is None):
            self.__class__ = session_class
            self.save(must_create)

    attributes = {"__module__": session_class.__module__, "save": save}
    return type(session_class.__name__, (session_class,), attributes)
