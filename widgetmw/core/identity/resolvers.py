"""Finds the user of a request: the argument of ``identify``, or else what the resolver returns.

Each function exists for WSGI, as a coroutine (``…_async``), and for callers that await only what has to be awaited
(``…_maybe_async``): a coroutine would cost every page whose resolver is not async.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from widgetmw.core.errors import ResolverError, describe_error
from widgetmw.core.events import debug_traceback
from widgetmw.core.identity.request_identity import IDENTITY_KEY, UNSET, RequestIdentity, ScopeOrEnviron, identity_of
from widgetmw.core.identity.user import User

Environ: TypeAlias = dict[str, Any]
Resolver: TypeAlias = Callable[[Any], User | None]
AsyncResolver: TypeAlias = Callable[[Any], User | Awaitable[User | None] | None]

NO_USER_SOURCE: Final = (
    "neither user= nor identify() nor %s names the user of a request with cookies: pass user= to %s, or let a "
    "middleware that token requests reach, too, call identify(), with None for an anonymous visitor"
)
ROUTES_ARE_NOT_ASKED: Final = "identify alone, called in a route, leaves token requests without a user"
_AUTH_STATUSES: Final = frozenset({401, 403})
# attributes of HTTP clients' errors
_CLIENT_ERROR_ATTRIBUTES: Final = (
    *("response", "request", "request_info", "resp"),  # requests, httpx, botocore; aiohttp; Google's clients
    *("raw_response", "http_response", "meta", "info", "content"),  # Clerk, Azure, Elasticsearch, OpenSearch, Zeep
)

# what layers outside of us set in the scope or environ, and a resolver reads
_LAYER_KEYS: Final = ("session", "user", "auth")
_FURTHER_OUT: Final = "add it further out than this one (in Starlette, add it after this one)"
_NO_LAYER: Final = f"the middleware that sets {{!r}} is missing; {_FURTHER_OUT}"
_NO_CONNECTION: Final = (
    "routes may hold every connection to the database until the users of their pages are known: see 'Users from a "
    "database' in docs/frameworks/fastapi.md"
)
_KNOWN_MESSAGES: Final = (  # a part of the library's own message, and what to do
    ("outside of request context", "use widgetmw.flask.Widget, which calls it inside the request context"),
    ("outside of application context", "use widgetmw.flask.Widget, which calls it inside the request context"),
    ("Not within a request", "use widgetmw.quart.Widget, which calls it inside the request context"),
    ("must be installed to access", f"the middleware whose data it reads is missing; {_FURTHER_OUT}"),
    ("Install aiohttp_session middleware", "call aiohttp_session.setup for this app"),
    ("QueuePool limit", _NO_CONNECTION),  # SQLAlchemy
    ("couldn't get a connection", _NO_CONNECTION),  # psycopg
)


def resolve_user(environ: Environ, resolver: Resolver) -> User | None:
    """Returns the user of a request; the resolver must not be async.

    Raises:
        ResolverError: the user cannot be found; the message names the cause without any value.
    """
    return resolve_user_maybe_async(environ, resolver, _refuse_awaitable)  # type: ignore[return-value]


async def resolve_user_async(request: ScopeOrEnviron, resolver: AsyncResolver) -> User | None:
    """Like :func:`resolve_user`, with a resolver that may be async."""
    user = resolve_user_maybe_async(request, resolver)
    return user if user is None or isinstance(user, User) else await user


def resolve_user_maybe_async(
    request: ScopeOrEnviron,
    resolver: AsyncResolver,
    on_awaitable: Callable[[Any, ScopeOrEnviron], User | Awaitable[User | None] | None] | None = None,
) -> User | Awaitable[User | None] | None:
    """Returns the user, or an awaitable of the user if the resolver is async.

    ``on_awaitable`` takes what an async resolver returns, and makes the result from it; by default, an awaitable.
    """
    identity: RequestIdentity = request.get(IDENTITY_KEY) or identity_of(request)
    if identity.explicit is not UNSET:
        return identity.explicit
    if identity.resolved is not UNSET:
        if isinstance(identity.resolved, str):
            raise ResolverError(identity.resolved)
        return identity.resolved
    try:
        user = resolver(request)
    except ResolverError:
        raise
    except BaseException as error:
        _raise_unless_auth_error(error, request)
        return None
    if user is None or isinstance(user, User):
        return user
    return (on_awaitable or _await_user)(user, request) if inspect.isawaitable(user) else _checked(user)


async def _await_user(awaitable: Awaitable[User | None], request: ScopeOrEnviron) -> User | None:
    try:
        return _checked(await awaitable)
    except ResolverError:
        raise
    except BaseException as error:
        _raise_unless_auth_error(error, request)
        return None


def _refuse_awaitable(value: object, request: ScopeOrEnviron) -> User | None:
    return _checked(value)


def _raise_unless_auth_error(error: BaseException, request: ScopeOrEnviron) -> None:
    if not isinstance(error, Exception) and not _is_cancelled_elsewhere(error):
        raise error
    if not is_auth_error(error):
        debug_traceback(error)
        remedy = _remedy(error, request)
        raise ResolverError(f"the resolver raised {describe_error(error)}" + (remedy and f"; {remedy}")) from error


def _is_cancelled_elsewhere(error: BaseException) -> bool:
    """Whether a task that the resolver has waited for was cancelled, and not the request.

    Several requests may share a task, such as the look-up of a user. The first of them to give up cancels it for all.
    """
    asyncio = sys.modules.get("asyncio")  # not imported here, which would cost WSGI apps time at the start
    if asyncio is None or not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no event loop runs here
        return True
    return task is None or not task.cancelling()


def _remedy(error: BaseException, request: ScopeOrEnviron) -> str:
    """Returns what to do about the mistakes that resolvers make most; empty for other errors."""
    if isinstance(error, KeyError) and error.args and error.args[0] in _LAYER_KEYS and error.args[0] not in request:
        return _NO_LAYER.format(error.args[0])
    if isinstance(error, AttributeError) and error.obj is request:
        return "it is called with the ASGI scope or WSGI environ, not with a request object: use the framework's plugin"
    is_known = isinstance(error, RuntimeError | AssertionError) or "Timeout" in type(error).__name__
    text = str(error) if is_known else ""
    for part, remedy in _KNOWN_MESSAGES:
        if part in text:
            return remedy
    if isinstance(error, LookupError | AttributeError):
        return "it must return None if nobody is signed in"
    # a redirect to a login page, or a 404
    return "if nobody is signed in, it must return None, or raise a 401 or 403" if _status(error) else ""


def _checked(value: object) -> User | None:
    if value is None or isinstance(value, User):
        return value
    if inspect.iscoroutine(value):
        value.close()
    remedy = "it must return User(...) with the user's id, or None if nobody is signed in"
    if inspect.isawaitable(value):
        remedy = "pass an async function itself as user=, and under WSGI one that is not async"
    raise ResolverError(f"the resolver returned {type(value).__name__}, neither a User nor None; {remedy}")


def is_auth_error(error: BaseException) -> bool:
    """Whether an error is the app's own 401 or 403, not one that another server returned to the app.

    Otherwise an expired API credential would sign every user out.
    """
    return _status(error) in _AUTH_STATUSES


def _status(error: BaseException) -> int | None:
    """Returns the HTTP status of an error that is the app's own response, not that of another server."""
    if isinstance(error, OSError):  # urllib's errors
        return None
    try:
        if _carries_exchange(error):
            return None
        # Starlette and FastAPI call it status_code, Werkzeug code
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
    except Exception:
        return None
    return status if isinstance(status, int) else None


def _carries_exchange(error: BaseException) -> bool:
    """Whether an error tells what another server has answered."""
    if any(getattr(error, name, None) is not None for name in _CLIENT_ERROR_ATTRIBUTES):
        return True
    # Auth0's client and its like keep the body. So do errors of frameworks that are responses themselves.
    return getattr(error, "body", None) is not None and not hasattr(error, "set_cookie")


def prefetch_user(environ: Environ, resolver: Resolver) -> None:
    """Resolves the user now and stores it on the request, for a layer further out that will ask for it.

    Some frameworks have left the session and the request context by the time the response is final.
    """
    prefetch_user_maybe_async(environ, lambda environ: resolve_user(environ, resolver))


async def prefetch_user_async(request: ScopeOrEnviron, resolver: AsyncResolver) -> None:
    """Like :func:`prefetch_user`, with a resolver that may be async."""
    identity = identity_of(request)
    identity.resolved = UNSET
    try:
        identity.resolved = await resolve_user_async(request, resolver)
    except ResolverError as error:
        identity.resolved = str(error)


def prefetch_user_maybe_async(request: ScopeOrEnviron, resolver: AsyncResolver) -> Awaitable[None] | None:
    """Like :func:`prefetch_user_async`, but returns ``None`` if no await is needed."""
    identity = identity_of(request)
    identity.resolved = UNSET  # the app may have signed the user out since an earlier call
    try:
        user = resolve_user_maybe_async(request, resolver)
    except ResolverError as error:
        identity.resolved = str(error)
        return None
    if user is None or isinstance(user, User):
        identity.resolved = user
        return None
    return prefetch_user_async(request, lambda _: user)


def accepts_arguments(resolver: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with this many arguments, as far as its signature tells.

    That of a decorated function is not its own: Werkzeug's ``Request.application``, for one, makes a WSGI app of a
    function that takes a request.
    """
    try:
        inspect.signature(resolver, follow_wrapped=False).bind(*range(count))
    except ValueError:  # some builtins have no signature
        return True
    except TypeError:
        return False
    return True


def from_scope(scope: ScopeOrEnviron) -> User | None:
    """Reads ``scope["user"]``, as Starlette's ``AuthenticationMiddleware`` and its relatives set it.

    It has ``is_authenticated`` and ``identity``, ``id`` or ``pk``; a display name is never used.

    Raises:
        ResolverError: the user is authenticated, but has no usable id.
    """
    user = scope.get("user")
    authenticated = getattr(user, "is_authenticated", False)
    if not (authenticated() if callable(authenticated) else authenticated):
        return None
    for name in ("identity", "id", "pk"):
        try:
            value = getattr(user, name, None)
        except NotImplementedError:  # Starlette's BaseUser.identity, if a subclass does not override it
            continue
        try:
            return User(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
    raise ResolverError(f"{type(user).__name__} is authenticated but has no usable identity, id or pk")


def from_environ(environ: ScopeOrEnviron) -> User | None:
    """Reads ``REMOTE_USER``, as a server or an authentication layer in front sets it.

    Raises:
        ResolverError: it is not UTF-8.
    """
    raw = environ.get("REMOTE_USER")
    if not raw:
        return None
    try:
        return User(raw.encode("latin-1").decode())
    except UnicodeError:
        raise ResolverError("REMOTE_USER is not UTF-8") from None
