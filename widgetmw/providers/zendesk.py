"""Zendesk Messaging: an HS256 token that the widget asks for.

Sources: developer.zendesk.com, "Authentication", "Web Widget API" and "CSP support"; the claims also from Zendesk's
community and from public code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from widgetmw.provider import TRUST_EMAILS, JwtProvider, Origin, User, Variable, parse_int, parse_text, signing_key

_HOSTS = "https://*.zdassets.com https://*.zendesk.com https://*.smooch.io"


class Zendesk(JwtProvider):
    """Signs ``scope``, ``external_id`` (as text), and the name and email address that are known, with a ``kid``.

    The key is the shared secret as text, not decoded (a report in Zendesk's community). No claim for attributes is
    documented, so they are not sent. ``exp`` is optional and honoured; we always set it.
    """

    name = "zendesk"
    embeddable = True
    in_page = False
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("ZENDESK_WIDGET_KEY", "the widget's key (public)", parse_text, required=True),
        Variable("ZENDESK_KEY_ID", "id of the key; sent as `kid`", parse_text, required=True, from_file=True),
        signing_key("ZENDESK_SECRET", "shared secret; signs"),
        Variable("ZENDESK_TOKEN_TTL", "lifetime of a token in seconds", parse_int(1), 3600),
        TRUST_EMAILS,
    )
    key_variable = "ZENDESK_SECRET"
    lifetime_variable = "ZENDESK_TOKEN_TTL"

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.headers: Mapping[str, str] = {"kid": values["ZENDESK_KEY_ID"]}

    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the id, and the name and email address; ``email_verified`` only if it is known or trusted.

        With ``email_verified`` as ``true``, Zendesk makes the address an identity of the user (documented).
        """
        claims: dict[str, Any] = {"scope": "user", "external_id": user.id}
        if user.name:
            claims["name"] = user.name
        if user.email:
            claims["email"] = user.email
            is_verified = self.values[TRUST_EMAILS.name] or user.email_verified
            if is_verified is not None:
                claims["email_verified"] = is_verified
        return claims

    def browser_config(self) -> Mapping[str, str]:
        return {"key": self.values["ZENDESK_WIDGET_KEY"]}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the vendor's script (documented)."""
        return (f"https://static.zdassets.com/ekr/snippet.js?key={quote(self.values['ZENDESK_WIDGET_KEY'], safe='')}",)

    def origins(self) -> tuple[Origin, ...]:
        """Returns the documented sources; a nonce with ``'strict-dynamic'`` is recommended instead for scripts."""
        sockets = "wss://*.zendesk.com wss://api.smooch.io wss://voice-js.roaming.twilio.com"
        images = "https://static.zdassets.com https://*.zendesk.com https://media.smooch.io https://*.zdusercontent.com"
        return (
            Origin("script-src", _HOSTS),
            Origin("connect-src", f"{_HOSTS} https://*.twilio.com {sockets}"),
            # Zendesk documents `https://*.ingest.*.sentry.io`, which no browser understands.
            Origin("connect-src", "https://*.sentry.io", is_documented=False),
            Origin("style-src", "'unsafe-inline'"),
            Origin("img-src", f"{images} blob: data:"),
        )
