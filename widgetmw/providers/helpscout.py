"""Help Scout Beacon: an HMAC of the email address, with which the visitor sees their earlier conversations.

Source: developer.helpscout.com, "Secure Mode", "Beacon JavaScript API".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from widgetmw.provider import TRUST_EMAILS, EmailHmacProvider, Origin, User, Variable, parse_text, signing_key

# with the slash, as browsers report the address of the element
_LOADER = "https://beacon-v2.helpscout.net/"


class HelpScout(EmailHmacProvider):
    """Signs the email address as it is: Help Scout documents no folding of case."""

    name = "helpscout"
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("HELPSCOUT_BEACON_ID", "the Beacon's id (public)", parse_text, required=True),
        signing_key("HELPSCOUT_SECRET", "the Beacon's key for secure history; signs"),
        TRUST_EMAILS,
    )
    key_variable = "HELPSCOUT_SECRET"
    embeddable = True

    def extra_values(self, user: User) -> Mapping[str, str | None]:
        """Returns the address that was signed, and the name, which is shown to agents and not signed."""
        return {"email": user.email, **({"name": user.name} if user.name else {})}

    def browser_config(self) -> dict[str, str]:
        return {"beaconId": self.values["HELPSCOUT_BEACON_ID"]}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the URL of the loader, as in the vendor's embed code."""
        return (_LOADER,)

    def origins(self) -> tuple[Origin, ...]:
        """Returns the host of the loader, from the embed code: the vendor documents no policy that we could read."""
        return (Origin("script-src", _LOADER.rstrip("/"), is_documented=False),)
