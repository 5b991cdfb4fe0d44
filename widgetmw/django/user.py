"""``request.user`` as a :class:`~widgetmw.User`."""

from __future__ import annotations

from typing import Any

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
    email = getattr(account, "email", None)
    return User(str(account.pk), name=_name(account), email=str(email) if email else None)


def _name(account: Any) -> str | None:
    for method in ("get_full_name", "get_username"):
        name = getattr(account, method, str)()
        if name:
            return str(name)
    return None
