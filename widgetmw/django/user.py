"""The user of a Django request, for pages and token requests alike."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest

from widgetmw.core.errors import ResolverError, describe_error
from widgetmw.core.events import log
from widgetmw.core.identity.user import User

_USER_BEFORE_VIEW: Final = "_widgetmw_user"  # attributes of the request
_AUSER_BEFORE_VIEW: Final = "_widgetmw_auser"


def remember_user(request: HttpRequest) -> None:
    """Remembers the user that the middleware has set, who is the one that the token endpoint sees."""
    setattr(request, _USER_BEFORE_VIEW, getattr(request, "user", None))
    setattr(request, _AUSER_BEFORE_VIEW, getattr(request, "auser", None))


def from_request(request: HttpRequest) -> User | None:
    """Reads ``request.user``: primary key, full name or else username, and email.

    With django-allauth (``allauth.account``), ``email_verified`` is what it knows of that address.

    Raises:
        ResolverError: there is no ``request.user``, or it is authenticated but has no primary key, or only the view
            knows it.
    """
    account = getattr(request, "user", None)
    if account is None:
        raise ResolverError("request.user is missing: put AuthenticationMiddleware above WidgetMiddleware")
    if not account.is_authenticated:
        return None
    if account.pk is None or account.pk == "":
        raise ResolverError(f"{type(account).__name__} is authenticated but has no primary key")
    if not _is_known_to_endpoint(request, account):
        raise ResolverError(
            "the view set request.user, as Django REST framework does for its own authentication: the token endpoint "
            "would not know that user. Name a function that does in settings.WIDGETMW['USER']"
        )
    name = getattr(account, "get_full_name", str)() or getattr(account, "get_username", str)()
    email = str(getattr(account, "email", None) or "")
    is_verified = _is_email_verified(account.pk, email) if email else None
    return User(str(account.pk), str(name) if name else None, email or None, email_verified=is_verified)


def _is_email_verified(user_id: object, email: str) -> bool | None:
    """Asks django-allauth, in one query, whether an address is known to be the user's; ``None`` if it does not say."""
    if not apps.is_installed("allauth.account"):
        return None
    try:
        addresses = apps.get_model("account", "EmailAddress").objects.filter(user_id=user_id, email__iexact=email)
        is_verified: bool | None = max(addresses.values_list("verified", flat=True), default=None)
        return is_verified
    except Exception as error:  # such as a table that is not there yet: the page goes out all the same
        log.debug("widgetmw: django-allauth was asked for a verified email address: %s", describe_error(error))
        return None


def _is_known_to_endpoint(request: HttpRequest, account: Any) -> bool:
    """Whether the token endpoint would see the same user; otherwise it would refuse to renew the token."""
    if not has_replaced_user(request) or getattr(request, _USER_BEFORE_VIEW) == account:
        return True  # models are equal if their class and primary key are
    session = getattr(request, "session", None)  # the view may have signed the user in
    if session is None or session.get(SESSION_KEY) != str(account.pk):
        return False
    return bool(session.get(HASH_SESSION_KEY) == getattr(account, "get_session_auth_hash", str)())


def has_replaced_user(request: HttpRequest) -> bool:
    """Whether the view has set another object as ``request.user``."""
    account = getattr(request, "user", None)
    return getattr(request, _USER_BEFORE_VIEW, account) is not account


def known_request(request: HttpRequest) -> HttpRequest:
    """Returns the request for a function of the site, with a user whom the token endpoint would see.

    A view may authenticate by itself, with users of another kind, whose ids are others.
    """
    account = request.user
    if account is None or not account.is_authenticated or _is_known_to_endpoint(request, account):
        return request
    shown: HttpRequest = object.__new__(type(request))
    shown.__dict__.update(request.__dict__, user=getattr(request, _USER_BEFORE_VIEW))
    if (auser := getattr(request, _AUSER_BEFORE_VIEW)) is not None:  # Django 4.2 has none
        shown.__dict__["auser"] = auser
    return shown
