"""A Django request, as the core and the drivers see it."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache.backends.base import InvalidCacheKey
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import override

from widgetmw.core.errors import ResolverError, describe_error
from widgetmw.core.http.request_headers import without_default_port
from widgetmw.core.identity.request_identity import ScopeOrEnviron
from widgetmw.core.identity.resolvers import AsyncResolver, Environ, Resolver
from widgetmw.core.identity.user import User
from widgetmw.django.configuration import Installed
from widgetmw.django.user import from_request, has_replaced_user, known_request
from widgetmw.wsgi import request as wsgi_request

OWNER: Final = "widgetmw.django"
TOKEN_RESPONSE: Final = "widgetmw.token_response"  # noqa: S105  a key of META


def endpoint_prefix() -> str:
    """Returns the path of our URLs, given by ``urls.py`` and the script prefix.

    Raises:
        NoReverseMatch: ``urls.py`` does not include our URLs.
    """
    return unquote(reverse("widgetmw:token").removesuffix("/token"))


class PageRequest(wsgi_request.PageRequest):
    """The request for a page; see :class:`widgetmw.core.script_choice.AnyPageRequest`."""

    def __init__(self, request: HttpRequest) -> None:
        self._request, self._environ, self.path = request, request.META, request.path_info

    @property
    def origin(self) -> str | None:
        return f"{self._request.scheme}://{without_default_port(self.host)}" if self.host else None

    @property
    def mark_path(self) -> str:
        with override(None):  # the languages of i18n_patterns share one session, and so one mark
            return endpoint_prefix()


def scope_or_meta(request: HttpRequest) -> ScopeOrEnviron:
    """Returns what the server has passed: the ASGI scope, or the WSGI environ."""
    scope: ScopeOrEnviron | None = getattr(request, "scope", None)
    return request.META if scope is None else scope


def has_ended_session(request: HttpRequest) -> bool:
    """Whether the session no longer names the user that ``AuthenticationMiddleware`` has read from it.

    Django's ``logout`` replaces ``request.user``. A view that only empties the session leaves it as it was.
    """
    accounts = (getattr(request, name, None) for name in ("_cached_user", "_acached_user"))
    if not any(account is not None and account.is_authenticated for account in accounts):
        return False
    return request.session.modified and SESSION_KEY not in request.session


def has_lost_session(request: HttpRequest) -> bool:
    """Whether the store of the sessions is down. Those that keep them in a cache then find none, without an error."""
    session, key = getattr(request, "session", None), request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not isinstance(session, SessionBase) or session.session_key is not None or key is None:
        return False
    try:
        session.exists(key)
    except (InvalidCacheKey, SuspiciousOperation, NotImplementedError):  # no session's cookie; a store that cannot tell
        return False
    except Exception:
        return True
    return False


def sync_resolver(installed: Installed, request: HttpRequest) -> Resolver:
    """Returns a resolver that needs no event loop."""
    proxy_resolver = installed.proxy_resolver
    if proxy_resolver is not None:
        return lambda _: proxy_resolver(scope_or_meta(request))
    user = async_to_sync(installed.user) if installed.is_async else installed.user

    def resolve(_: Environ) -> User | None:
        try:
            if has_ended_session(request):
                return None
            # our own function refuses a user whom the view has set
            is_replaced = installed.user is not from_request and has_replaced_user(request)
            found: User | None = user(known_request(request) if is_replaced else request)
            return found
        except PermissionDenied:
            return None
        except StopIteration as error:  # no future can hold it: on Python 3.11 an async page would wait for ever
            message = f"the resolver raised {describe_error(error)}; it must return None if nobody is signed in"
            raise ResolverError(message) from error

    return resolve


def async_resolver(installed: Installed, request: HttpRequest) -> AsyncResolver:
    """Returns a resolver that may query the database from an event loop."""
    if installed.proxy_resolver is not None:
        return sync_resolver(installed, request)
    if not installed.is_async:
        return sync_to_async(sync_resolver(installed, request))

    async def resolve_async(_: ScopeOrEnviron) -> User | None:
        try:
            if has_ended_session(request):
                return None
            shown = await sync_to_async(known_request)(request) if has_replaced_user(request) else request
            found: User | None = await installed.user(shown)
            return found
        except PermissionDenied:
            return None

    return resolve_async
