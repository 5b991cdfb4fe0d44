"""Whose request this is: what the app said, what its resolver says, or what the framework's convention says."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from widgetmw.core.errors import ResolverError, cause
from widgetmw.core.identity.user import User

Request: TypeAlias = MutableMapping[str, Any]
Environ: TypeAlias = dict[str, Any]
Resolver: TypeAlias = Callable[[Environ], User | None]
AsyncResolver: TypeAlias = Callable[[Request], User | Awaitable[User | None] | None]

KEY: Final = "widgetmw.request"
UNASKED: Final[Any] = object()  # what a resolver has said that was not asked
_UNSAID: Final = object()
_NOBODY = frozenset({401, 403})
_pretended: object = _UNSAID
# what the errors of HTTP clients carry: requests, httpx, botocore; aiohttp; Google's
_EXCHANGE: Final = ("response", "request", "request_info", "resp")


def environ_name(header: str) -> str:
    """Returns the key of a request header in an environ."""
    return f"HTTP_{header.upper().replace('-', '_')}"


def identify(scope_or_environ: Request, user: User | None) -> None:
    """Says who the request belongs to; ``None`` for nobody. The last word said before the answer starts counts.

    Args:
        scope_or_environ: the ASGI scope or the WSGI environ of the request, or a copy of it.
        user: the signed-in person. It outranks ``user=``, a proxy in front and the framework's convention.

    Raises:
        TypeError: ``user`` is neither a ``User`` nor ``None``.
    """
    if user is not None and not isinstance(user, User):
        raise TypeError(f"identify takes a User or None, not {type(user).__name__}")
    _mark(scope_or_environ)[1] = user if _pretended is _UNSAID else _pretended


@contextmanager
def pretended(user: User | None) -> Iterator[None]:
    """Makes every request of the process the user's, whatever anybody says; for tests alone."""
    global _pretended
    before, _pretended = _pretended, user
    try:
        yield
    finally:
        _pretended = before


def takes(resolver: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with this many arguments, as far as can be told before it is."""
    try:
        signature = inspect.signature(resolver)
    except (TypeError, ValueError):  # some builtins have none
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _mark(request: Request) -> list[Any]:
    # A plain list, since frameworks copy scopes and a copy shares it; an object that held the scope would be a
    # reference cycle for the garbage collector to find at every request.
    # It holds whose the request is, what identify said, and what ask found.
    mark: list[Any] | None = request.get(KEY)
    if mark is None:
        mark = request[KEY] = _of_the_other_side(request) or [None, _pretended, _UNSAID]
    return mark


def _of_the_other_side(request: Request) -> list[Any] | None:
    """The mark of the request that a bridge between ASGI and WSGI made this one of, where it tells (a2wsgi does)."""
    other = request.get("asgi.scope") or request.get("wsgi_environ")
    return other.get(KEY) if other else None


def claim(request: Request, owner: object) -> list[Any] | None:
    """Makes the request the owner's, until the mark's first item is ``None`` again.

    Returns:
        the mark, or ``None`` where a middleware further out has the request already.
    """
    mark: list[Any] | None = request.get(KEY)
    if mark is None:
        if "asgi.scope" not in request and "wsgi_environ" not in request:
            mark = request[KEY] = [owner, _pretended, _UNSAID]
            return mark
        mark = _mark(request)
    if mark[0] is not None:
        return None
    mark[0], mark[2] = owner, _UNSAID  # what was found for an earlier answer is no answer for this one
    return mark


def claimed(request: Request, owner: object) -> bool:
    """Whether the request is the owner's."""
    mark = request.get(KEY)
    return mark is not None and mark[0] is owner


def share(request: Request, copy: Request) -> None:
    """Makes what is said of a request known to another form of it, as Django's ``META`` is of the scope."""
    copy[KEY] = _mark(request)


def release(request: Request) -> None:
    """Gives the request back, at the end of its answer: the same object may be served again."""
    _mark(request)[0] = None


def spoken_for(request: Request) -> bool:
    """Whether somebody was named for the request before the app was asked; on doubt, somebody was."""
    if _mark(request)[1] is not _UNSAID or request.get("REMOTE_USER"):
        return True
    person = request.get("user")
    try:
        return person is not None and bool(getattr(person, "is_authenticated", True))
    except Exception:
        return True


def whose(request: Environ, resolver: Resolver) -> User | None:
    """Finds out who is signed in; the resolver must not be async.

    Raises:
        ResolverError: it cannot be found out; the message names the cause without any value.
    """
    _, said, found = request.get(KEY) or _mark(request)
    if said is not _UNSAID or found is not _UNSAID:
        return _known(request)  # type: ignore[return-value]
    try:
        found = resolver(request)
        return found if found is None or isinstance(found, User) else _checked(found)
    except ResolverError:
        raise
    except Exception as error:
        if _refuses(error):
            return None
        raise _failed(error) from error


async def whose_async(request: Request, resolver: AsyncResolver) -> User | None:
    """Finds out who is signed in; the resolver may be async. As :func:`whose` otherwise."""
    found = whose_soon(request, resolver)
    return found if found is None or isinstance(found, User) else await found


def whose_soon(request: Request, resolver: AsyncResolver) -> User | Awaitable[User | None] | None:
    """As :func:`whose_async`, and says so at once where nothing has to be waited for."""
    _, said, found = request.get(KEY) or _mark(request)
    if said is not _UNSAID or found is not _UNSAID:
        return _known(request)  # type: ignore[return-value]
    try:
        found = resolver(request)
    except ResolverError:
        raise
    except Exception as error:
        if _refuses(error):
            return None
        raise _failed(error) from error
    if found is None or isinstance(found, User):
        return found
    return _awaited(found) if inspect.isawaitable(found) else _checked(found)


async def _awaited(found: Awaitable[User | None]) -> User | None:
    try:
        return _checked(await found)
    except ResolverError:
        raise
    except Exception as error:
        if _refuses(error):
            return None
        raise _failed(error) from error


def _known(request: Request) -> object:
    """What was said for the request, else what was found further in."""
    _, said, found = _mark(request)
    if said is not _UNSAID:
        return said
    if isinstance(found, str):
        raise ResolverError(found)
    return found


def ask(request: Environ, resolver: Resolver) -> None:
    """Finds out who is signed in, here and now, for a layer further out that will want to know.

    For frameworks, where the answer is judged outside of the place at which session and context live.
    """
    try:
        _mark(request)[2] = whose(request, resolver)
    except ResolverError as error:
        _mark(request)[2] = str(error)  # an error's traceback would hold the request


def ask_soon(request: Request, resolver: AsyncResolver) -> Awaitable[None] | None:
    """As :func:`ask`, with a resolver that may be async; returns what has to be waited for, if anything."""
    found: User | Awaitable[User | None] | str | None
    try:
        found = whose_soon(request, resolver)
    except ResolverError as error:
        found = str(error)
    if found is not None and not isinstance(found, User | str):
        return _asked(request, found)
    _mark(request)[2] = found
    return None


async def ask_async(request: Request, resolver: AsyncResolver) -> None:
    """As :func:`ask`, with a resolver that may be async."""
    waiting = ask_soon(request, resolver)
    if waiting is not None:
        await waiting


async def _asked(request: Request, waiting: Awaitable[User | None]) -> None:
    try:
        _mark(request)[2] = await waiting
    except ResolverError as error:
        _mark(request)[2] = str(error)


def _checked(found: object) -> User | None:
    if found is None or isinstance(found, User):
        return found
    if inspect.iscoroutine(found):
        found.close()
    raise ResolverError(f"the resolver returned {type(found).__name__}, neither a User nor None")


def _failed(error: Exception) -> ResolverError:
    return ResolverError(f"the resolver raised {cause(error)}")


def _refuses(error: Exception) -> bool:
    """Whether an error is the app's own way to answer 401 or 403, and not what some other server answered to it.

    Taken for nobody, a credential of the app's own that has expired would sign everybody out.
    """
    try:
        if isinstance(error, OSError) or any(getattr(error, name, None) is not None for name in _EXCHANGE):
            return False  # urllib's errors, and those that carry the exchange with another server
        # Starlette and FastAPI call it status_code, Werkzeug code
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
    except Exception:
        return False
    return isinstance(status, int) and status in _NOBODY


def from_scope(scope: Request) -> User | None:
    """Reads ``scope["user"]`` as Starlette's authentication and its likes set it.

    Raises:
        ResolverError: somebody is authenticated, and the object has no id that is fit to be one.
    """
    return from_object(scope.get("user"))


def from_object(person: Any) -> User | None:
    """Reads a user object with ``is_authenticated`` and ``identity``, ``id`` or ``pk``; never a display name.

    Raises:
        ResolverError: as for :func:`from_scope`.
    """
    authenticated = getattr(person, "is_authenticated", False)
    if not (authenticated() if callable(authenticated) else authenticated):
        return None
    for name in ("identity", "id", "pk"):
        try:
            value = getattr(person, name, None)
        except NotImplementedError:  # Starlette's BaseUser.identity, where a subclass leaves it out
            continue
        if isinstance(value, str) and value:
            return User(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return User(str(int(value)))
        if _is_uuid(value):
            return User(str(value))
    raise ResolverError(f"{type(person).__name__} is authenticated and has no usable identity, id or pk")


def _is_uuid(value: object) -> bool:
    # whoever made one has imported it, and to import it here would cost each start 2 ms
    uuid = sys.modules.get("uuid")
    return uuid is not None and isinstance(value, uuid.UUID)


def from_environ(environ: Request) -> User | None:
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
