"""DigitalGenius (Genius Chat): an HS256 token in the page's configuration, renewed by a system message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widgetmw.core.env.variable import Variable, one_of, parse_int, parse_text
from widgetmw.core.identity.user import User
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.providers.signing import describe_key, hmac_key, key_warnings, lifespan, sign, verify


class DigitalGenius(Provider):
    """Mints ``{"scope": "user", "external_id": id}`` with the API key as ``kid``.

    Source: the vendor's documentation on authenticated users. It sets no ``exp`` in its sample and speaks of
    short-lived tokens; we always set ``iat`` and ``exp``. How much lateness the vendor allows is unknown.
    """

    name = "digitalgenius"
    embeddable = True
    claims = frozenset({"scope", "external_id", "iat", "exp"})
    variables = (
        Variable("DG_API_KEY", "API key; travels as `kid`", parse_text, required=True, from_file=True, watched=True),
        Variable("DG_API_SECRET", "API secret; signs", hmac_key, required=True, from_file=True, secret=True),
        Variable("DG_WIDGET_ID", "the widget's id", parse_text, required=True),
        Variable("DG_ENV", "`eu`, `us` or `dev.us`", one_of("eu", "us", "dev.us"), "eu", "`eu`"),
        Variable("DG_TOKEN_TTL", "lifetime of a token in seconds", parse_int(1), 3600, "`3600`"),
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._headers = {"kid": values["DG_API_KEY"]}
        self._key: bytes = values["DG_API_SECRET"]
        self._browser_config = {"widgetId": values["DG_WIDGET_ID"], "env": values["DG_ENV"]}
        self.lifetime: int | None = values["DG_TOKEN_TTL"]

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs the identity."""
        payload = {"scope": "user", "external_id": user.id, **lifespan(issued_at, expires_at)}
        return MintedToken(sign("HS256", self._key, payload, self._headers))

    def endpoint_extras(self, value: str) -> Mapping[str, Any]:
        """The message that renews the token in an embedded widget (documented)."""
        return {"system_message": {"name": "auth_token", "payload": value}}

    def verify(self, value: str) -> None:
        """Checks the signature."""
        verify("HS256", self._key, value)

    def describe_key(self) -> str:
        """Size of the shared key."""
        return describe_key("HS256", self._key)

    def warnings(self) -> tuple[str, ...]:
        """Whether the key is short."""
        return key_warnings("DG_API_SECRET", self._key)

    def browser_config(self) -> Mapping[str, str]:
        """The keys of ``DG_CHAT_WIDGET_CONFIG`` that are the same for everybody."""
        return self._browser_config

    def script_urls(self) -> tuple[str, ...]:
        """The vendor's script (documented)."""
        return ("https://chat.digitalgenius.com/init.js",)
