"""What is known about the user of one request. It is stored in the ASGI scope or the WSGI environ."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final, TypeAlias

from widgetmw.core.identity.user import User

ScopeOrEnviron: TypeAlias = MutableMapping[str, Any]

IDENTITY_KEY: Final = "widgetmw.request"
UNSET: Final[Any] = object()


class RequestIdentity:
    """The user of one request, as far as it is known.

    It has no initializer, which would cost every request more than the object itself. Nothing here refers to the
    request, which would be a reference cycle.

    Attributes:
        owner: the middleware that handles the request, or ``None``.
        explicit: the argument of the last :func:`identify` call, or ``UNSET``.
        resolved: the user that was prefetched for this response; or ``UNSET``; or a text that says why there is none
            (an exception would keep the request alive).
        root_path: the one that the app was called with, if a plugin has found it; else empty.
    """

    __slots__ = ("explicit", "owner", "resolved", "root_path")

    owner: object
    explicit: User | None
    resolved: User | str | None
    root_path: str


def identity_of(request: ScopeOrEnviron) -> RequestIdentity:
    """Returns the identity stored in a request, which gets one if it has none.

    Frameworks copy scopes and environs: a copy shares the object.
    """
    identity: RequestIdentity | None = request.get(IDENTITY_KEY)
    if identity is None:
        # An ASGI-WSGI bridge may name the request on its other side, as a2wsgi does.
        other = request.get("asgi.scope") or request.get("wsgi_environ") or {}
        identity = other.get(IDENTITY_KEY)
        if identity is None:
            identity = RequestIdentity()
            identity.owner = None
            identity.explicit = identity.resolved = UNSET
            identity.root_path = ""
        request[IDENTITY_KEY] = identity
    return identity


def identify(scope_or_environ: ScopeOrEnviron, user: User | None) -> None:
    """Sets the user of a request. The last call before the response starts takes effect.

    Args:
        scope_or_environ: the ASGI scope or the WSGI environ of the request, or a copy of it.
        user: the signed-in user; ``None`` for an anonymous visitor. It takes precedence over ``user=``, an
            authenticating proxy and the framework's convention.

    Raises:
        TypeError: ``user`` is neither a ``User`` nor ``None``.
    """
    if user is not None and not isinstance(user, User):
        raise TypeError(f"identify takes a User or None, not {type(user).__name__}")
    identity_of(scope_or_environ).explicit = user


def acquire(request: ScopeOrEnviron, owner: object) -> RequestIdentity | None:
    """Makes the owner responsible for the request, until the identity's ``owner`` is ``None`` again.

    Returns the identity, or ``None`` if a middleware further out is responsible already.
    """
    identity: RequestIdentity | None = request.get(IDENTITY_KEY)
    if identity is None:
        if "asgi.scope" not in request and "wsgi_environ" not in request:
            # not by identity_of(), which saves every request a call
            identity = request[IDENTITY_KEY] = RequestIdentity()
            identity.owner = owner
            identity.explicit = identity.resolved = UNSET
            identity.root_path = ""
            return identity
        identity = identity_of(request)
    if identity.owner is not None:
        return None
    identity.owner, identity.resolved = owner, UNSET  # what was prefetched is for an earlier response
    identity.root_path = ""
    move_to_end(request)
    return identity


def move_to_end(request: ScopeOrEnviron) -> None:
    """Moves our key behind all others of the request, so that those added further inside come after it.

    ``core/endpoint_check.py`` tells them apart by that.
    """
    request[IDENTITY_KEY] = request.pop(IDENTITY_KEY)


def is_owner(request: ScopeOrEnviron, owner: object) -> bool:
    """Whether the owner is responsible for the request."""
    identity = request.get(IDENTITY_KEY)
    return identity is not None and identity.owner is owner


def link_request(request: ScopeOrEnviron, other: ScopeOrEnviron) -> None:
    """Lets two forms of one request share their identity, such as the scope and Django's ``META``."""
    other[IDENTITY_KEY] = identity_of(request)


def release(request: ScopeOrEnviron) -> None:
    """Ends the responsibility at the end of the response: a server may reuse the object."""
    identity_of(request).owner = None


def may_be_authenticated(request: ScopeOrEnviron) -> bool:
    """Whether a user may be known before the app has run. Returns ``True`` when unsure."""
    if identity_of(request).explicit is not UNSET or request.get("REMOTE_USER"):
        return True
    user = request.get("user")
    try:
        return user is not None and bool(getattr(user, "is_authenticated", True))
    except Exception:
        return True
