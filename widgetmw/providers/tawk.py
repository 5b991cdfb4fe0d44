"""tawk.to: an HMAC of the user's id, with which the widget logs the visitor in.

Source: help.tawk.to, "How to set up logins with a hash"; developer.tawk.to, "JavaScript API".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from widgetmw.provider import HmacProvider, Origin, User, Variable, regex, signing_key

_HOST = "https://embed.tawk.to"
_identifier = regex(r"[A-Za-z0-9_-]+", "an id of letters, digits, - and _")


class Tawk(HmacProvider):
    """Signs the user's id as text, in lower-case hexadecimal as in the vendor's samples."""

    name = "tawk"
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("TAWK_PROPERTY_ID", "the property's id (public)", _identifier, required=True),
        Variable("TAWK_WIDGET_ID", "the widget's id (public), such as `default`", _identifier, required=True),
        signing_key("TAWK_SECRET", "the key of the Secure Mode; signs"),
    )
    key_variable = "TAWK_SECRET"
    embeddable = True

    def extra_values(self, user: User) -> Mapping[str, str]:
        """Returns the id that was signed, and what agents see besides, which is not signed."""
        known = {"userId": user.id, "name": user.name, "email": user.email}
        return {name: value for name, value in known.items() if value}

    def browser_config(self) -> dict[str, str]:
        return {"propertyId": self.values["TAWK_PROPERTY_ID"], "widgetId": self.values["TAWK_WIDGET_ID"]}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the URL of the loader (in the source of the vendor's React package)."""
        return (f"{_HOST}/{self.values['TAWK_PROPERTY_ID']}/{self.values['TAWK_WIDGET_ID']}",)

    def cookies(self) -> tuple[str, ...]:
        """Returns the cookies that sites with the widget have; the vendor does not document their names."""
        return (f"twk_uuid_{self.values['TAWK_PROPERTY_ID']}", "twk_idm_key", "TawkConnectionTime")

    def origins(self) -> tuple[Origin, ...]:
        """Returns what other sites allow: the vendor documents no policy."""
        return (
            Origin("script-src", f"{_HOST} https://*.tawk.to", is_documented=False),
            Origin("connect-src", "https://*.tawk.to wss://*.tawk.to", is_documented=False),
            Origin("img-src", "https://*.tawk.to https://*.tawkcdn.com", is_documented=False),
        )
