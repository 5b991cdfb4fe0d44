"""Decides whether a vendor that knows users by their email address alone may get a signed one.

Whoever gets a signature for an address gets the conversations of that address. In an app where people may register with
any address, those would be somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from widgetmw.core.env.variable import Variable, parse_bool
from widgetmw.core.errors import WidgetError
from widgetmw.core.identity.user import User

TRUST_EMAILS = Variable(
    "WIDGETMW_TRUST_EMAILS",
    "`true`: every email address counts as verified, since nobody can register with somebody else's",
    parse_bool,
    False,
)
"""The variable that :func:`email_refusal` reads: a class that uses it lists this among its ``variables``."""

EMAIL_MISSING: Final = "email_missing"
EMAIL_UNVERIFIED: Final = "email_unverified"
REFUSALS: Final[Mapping[str, str]] = {
    EMAIL_MISSING: "set User.email",
    EMAIL_UNVERIFIED: (
        "set User.email_verified to True for addresses that the app has verified, "
        "or WIDGETMW_TRUST_EMAILS=true if nobody can register with somebody else's"
    ),
}
"""What to do about each code."""


def email_refusal(user: User, values: Mapping[str, Any]) -> str:
    """Returns why the email address of a user must not be signed on its own; empty if it may.

    The values are the vendor's parsed variables, which must include ``TRUST_EMAILS``.
    """
    if TRUST_EMAILS.name not in values:
        raise WidgetError("the `variables` of the vendor's class must list TRUST_EMAILS of widgetmw.provider")
    if not user.email:
        return EMAIL_MISSING
    return "" if user.email_verified or values[TRUST_EMAILS.name] else EMAIL_UNVERIFIED
