"""Intercom Messenger: an HS256 token in the page's settings, renewed by an update.

Sources: developers.intercom.com, "Secure your Messenger" and "JavaScript API: Methods"; Intercom's articles on cookies
and on its Content-Security-Policy; the code of intercom-rails and of @intercom/messenger-js-sdk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from widgetmw.provider import JwtProvider, Origin, User, Variable, one_of, parse_int, parse_text, signing_key

#: From @intercom/messenger-js-sdk, `constants.ts`. The first one is the default of Intercom's script.
_API_BASES = {
    "us": "https://api-iam.intercom.io",
    "eu": "https://api-iam.eu.intercom.io",
    "au": "https://api-iam.au.intercom.io",
}
_SHORT_LIFETIME = 300


class Intercom(JwtProvider):
    """Signs ``user_id``, ``email``, ``name`` and the user's attributes.

    Intercom documents that any attribute may be signed. Ours keep their type, which is our inference: intercom-rails
    makes all of them text. Without ``exp`` a token would be valid for ever, so we always set it.
    """

    name = "intercom"
    embeddable = True
    reserved_names: ClassVar[frozenset[str]] = JwtProvider.reserved_names | {"user_id", "email", "name"}
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("INTERCOM_APP_ID", "the workspace's id", parse_text, required=True),
        signing_key("INTERCOM_SECRET", "Messenger API secret; signs"),
        Variable("INTERCOM_REGION", "where the workspace is hosted: `us`, `eu` or `au`", one_of(*_API_BASES), "us"),
        Variable("INTERCOM_TOKEN_TTL", "lifetime of a token in seconds", parse_int(1), 3600),
    )
    config_variable = "intercomSettings"
    key_variable = "INTERCOM_SECRET"
    lifetime_variable = "INTERCOM_TOKEN_TTL"

    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the attributes, the id (required, as text), and the email address and name that are known."""
        known = {"user_id": user.id, "email": user.email, "name": user.name}
        return self.custom_attributes(user) | {name: value for name, value in known.items() if value}

    def browser_config(self) -> Mapping[str, str]:
        """Returns the settings that are the same for all users; other regions need ``api_base`` (documented)."""
        region = self.values["INTERCOM_REGION"]
        base = {} if region == "us" else {"api_base": _API_BASES[region]}
        return {"app_id": self.values["INTERCOM_APP_ID"], **base}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the vendor's script (documented)."""
        return (f"https://widget.intercom.io/widget/{self.values['INTERCOM_APP_ID']}",)

    def cookies(self) -> tuple[str, ...]:
        """Returns the cookie that would show a user's conversations for a week after the sign-out (documented)."""
        return (f"intercom-session-{self.values['INTERCOM_APP_ID']}",)

    def origins(self) -> tuple[Origin, ...]:
        """Returns the documented sources that we know; those of frames and images are not among them."""
        region = self.values["INTERCOM_REGION"]
        socket = {"us": "nexus", "eu": "nexus-europe", "au": "nexus-australia"}[region]
        connect = (
            f"{_API_BASES[region]} https://api.intercom.io https://via.intercom.io https://api-ping.intercom.io",
            *(f"{scheme}://{socket}-websocket-{each}.intercom.io" for each in "ab" for scheme in ("https", "wss")),
            "https://*.intercom-messenger.com wss://*.intercom-messenger.com https://uploads.intercomcdn.com",
        )
        return (
            Origin("script-src", "https://app.intercom.io https://widget.intercom.io https://js.intercomcdn.com"),
            Origin("connect-src", " ".join(connect)),
            Origin("style-src", "'unsafe-inline'"),
        )

    def warnings(self) -> tuple[str, ...]:
        """Warns also of a lifetime whose renewals come close to Intercom's limit of updates (documented)."""
        lifetime = self.values["INTERCOM_TOKEN_TTL"]
        if lifetime >= _SHORT_LIFETIME:
            return super().warnings()
        text = (
            f"INTERCOM_TOKEN_TTL is {lifetime}; Intercom takes at most 20 updates in 30 minutes, so renewals may wait"
        )
        return (*super().warnings(), f"{text}: set {_SHORT_LIFETIME} or more")
