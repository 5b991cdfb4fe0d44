"""``request.user`` as a :class:`~widgetmw.User`."""

from __future__ import annotations

from django.http import HttpRequest

from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.user import User


def from_request(request: HttpRequest) -> User | None:
    """Reads ``request.user``: primary key, full name or else username, and email.

    Raises:
        ResolverError: there is no ``request.user``, or it is authenticated but has no primary key.
    """
    account = getattr(request, "user", None)
    if account is None:
        raise ResolverError("request.user is missing: put AuthenticationMiddleware above WidgetMiddleware")
    if not account.is_authenticated:
        return None
    if account.pk is None or account.pk == "":
        raise ResolverError(f"{type(account).__name__} is authenticated but has no primary key")
    name = getattr(account, "get_full_name", str)() or getattr(account, "get_username", str)()
    email = getattr(account, "email", None)
    return User(str(account.pk), str(name) if name else None, str(email) if email else None)
