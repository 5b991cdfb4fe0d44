"""``request.user`` as the widget knows a person."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from widgetmw.core.errors import ResolverError
from widgetmw.core.identity.user import User


def from_request(request: HttpRequest) -> User | None:
    """Reads ``request.user``: id, full name or else username, and email.

    Raises:
        ResolverError: there is no ``request.user``, or it is authenticated and has no id.
    """
    person = getattr(request, "user", None)
    if person is None:
        raise ResolverError("request.user is missing: put AuthenticationMiddleware above WidgetMiddleware")
    if not person.is_authenticated:
        return None
    if person.pk is None or person.pk == "":
        raise ResolverError(f"{type(person).__name__} is authenticated and has no primary key")
    email = getattr(person, "email", None)
    return User(str(person.pk), name=_name(person), email=str(email) if email else None)


def _name(person: Any) -> str | None:
    for method in ("get_full_name", "get_username"):
        name = getattr(person, method, str)()
        if name:
            return str(name)
    return None
