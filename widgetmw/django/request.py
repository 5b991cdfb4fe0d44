"""What a Django request says, as the core wants to know it."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from asgiref.sync import async_to_sync, sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse

from widgetmw.core.endpoint import Call
from widgetmw.core.engine import VALIDATORS, Facts
from widgetmw.core.identity.resolvers import (
    AsyncResolver,
    Environ,
    Request,
    Resolver,
    claim,
    claimed,
    environ_name,
    release,
    share,
)
from widgetmw.core.identity.user import User
from widgetmw.django.configuration import Installed
from widgetmw.wsgi.responder import read_facts

OWNER: Final = "widgetmw.django"
PLACED: Final = "widgetmw.placed"
ANSWER: Final = "widgetmw.answer"
_VALIDATORS = tuple(map(environ_name, VALIDATORS))


def take(request: HttpRequest) -> bool:
    """Makes the request ours; ``False`` where a middleware further out has it already."""
    scope = getattr(request, "scope", None)
    if scope is not None:
        share(scope, request.META)  # identify takes either
    if not claim(request.META, OWNER):
        return False
    for name in (PLACED, ANSWER):
        request.META.pop(name, None)  # of an earlier answer to the same environ
    return True


def give_back(request: HttpRequest) -> None:
    """Lets go of the request at the end of its answer."""
    release(request.META)


def is_ours(request: HttpRequest) -> bool:
    """Whether the request is ours."""
    return claimed(request.META, OWNER)


def base() -> str:
    """Returns the path that our URLs hang below, as ``urls.py`` and the script prefix have it.

    Raises:
        NoReverseMatch: ``urls.py`` does not include ours.
    """
    return unquote(reverse("widgetmw:token").removesuffix("/token"))


def facts(request: HttpRequest) -> Facts:
    """Returns what the request says that bears on its page."""
    environ: Environ = {**request.META, "wsgi.url_scheme": request.scheme}
    return read_facts(environ, base())


def carrier(request: HttpRequest) -> Request:
    """Returns what the server has handed over: the ASGI scope, or the WSGI environ."""
    scope: Request | None = getattr(request, "scope", None)
    return request.META if scope is None else scope


def hide_validators(installed: Installed, request: HttpRequest) -> None:
    """Keeps Django from answering 304 or 206 to somebody who may be signed in: the user is known only later."""
    meta = request.META
    held = [name for name in _VALIDATORS if name in meta]
    if not held or request.method not in ("GET", "HEAD") or "text/html" not in meta.get("HTTP_ACCEPT", "").lower():
        return
    known = "HTTP_COOKIE" in meta or "HTTP_AUTHORIZATION" in meta or "REMOTE_USER" in meta
    if known or (installed.front is not None and installed.front.announced(carrier(request))):
        for name in held:
            del meta[name]
        request.__dict__.pop("headers", None)  # a layer further out may have looked


def call_of(request: HttpRequest, path: str) -> Call:
    """Returns the request as one to the endpoint.

    Args:
        request: the request.
        path: below the place in ``urls.py``, with its leading slash.
    """
    get = request.META.get
    return Call(
        request.method or "GET",
        path,
        get("QUERY_STRING", ""),
        get("HTTP_HOST", ""),
        get("HTTP_ORIGIN"),
        get("HTTP_SEC_FETCH_SITE"),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META,
    )


def sync_user(installed: Installed, request: HttpRequest) -> Resolver:
    """Returns a resolver that needs no event loop."""
    front = installed.front
    if front is not None:
        return lambda _: front(carrier(request))
    user = async_to_sync(installed.user) if installed.is_async else installed.user

    def resolve(_: Environ) -> User | None:
        try:
            return user(request)  # type: ignore[no-any-return]
        except PermissionDenied:
            return None

    return resolve


def async_user(installed: Installed, request: HttpRequest) -> AsyncResolver:
    """Returns a resolver that may look into the database from an event loop."""
    front = installed.front
    if front is not None:
        return lambda _: front(carrier(request))
    user = installed.user if installed.is_async else sync_to_async(installed.user, thread_sensitive=True)

    async def resolve(_: Request) -> User | None:
        try:
            return await user(request)  # type: ignore[no-any-return]
        except PermissionDenied:
            return None

    return resolve
