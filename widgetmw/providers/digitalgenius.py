"""DigitalGenius (Genius Chat): an HS256 token in the page's configuration, renewed by a system message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from widgetmw.provider import JwtProvider, User, Variable, one_of, parse_int, parse_text, signing_key


class DigitalGenius(JwtProvider):
    """Signs ``{"scope": "user", "external_id": id}`` with the API key as ``kid``.

    Source: the vendor's documentation on authenticated users. Its sample sets no ``exp``, but it speaks of
    short-lived tokens: we always set ``iat`` and ``exp``. How late the vendor accepts a token is unknown.
    """

    name = "digitalgenius"
    embeddable = True
    reserved_names: ClassVar[frozenset[str]] = JwtProvider.reserved_names | {"scope", "external_id"}
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("DG_API_KEY", "API key; sent as `kid`", parse_text, required=True, from_file=True),
        signing_key("DG_API_SECRET", "API secret; signs"),
        Variable("DG_WIDGET_ID", "the widget's id", parse_text, required=True),
        Variable("DG_ENV", "`eu`, `us` or `dev.us`", one_of("eu", "us", "dev.us"), "eu"),
        Variable("DG_TOKEN_TTL", "lifetime of a token in seconds", parse_int(1), 3600),
    )
    config_variable = "DG_CHAT_WIDGET_CONFIG"
    key_variable = "DG_API_SECRET"
    lifetime_variable = "DG_TOKEN_TTL"

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.headers: Mapping[str, str] = {"kid": values["DG_API_KEY"]}

    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the user's id; the vendor takes nothing else."""
        return {"scope": "user", "external_id": user.id}

    def browser_config(self) -> Mapping[str, str]:
        """Returns the keys of ``DG_CHAT_WIDGET_CONFIG`` that are the same for all users."""
        return {"widgetId": self.values["DG_WIDGET_ID"], "env": self.values["DG_ENV"]}

    def endpoint_extras(self, token: str) -> Mapping[str, Any]:
        """Returns the message that renews the token in an embedded widget (documented)."""
        return {"system_message": {"name": "auth_token", "payload": token}}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the vendor's script (documented)."""
        return ("https://chat.digitalgenius.com/init.js",)
