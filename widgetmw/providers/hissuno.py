"""Hissuno: an HS256 token that a React component takes as a prop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widgetmw.core.env.variable import Variable, parse_int, parse_text, regex
from widgetmw.core.identity.user import User, as_text
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.providers.signing import describe_key, hmac_key, key_warnings, lifespan, sign, verify

_chat_url = regex(r"https?://[^\s?#\"'<>\\]+/chat", "an http(s) URL that ends in /chat")


class Hissuno(Provider):
    """Mints ``{"userId", "userMetadata"}``.

    Source: the vendor's published code. ``userId`` must be a non-empty string; ``userMetadata`` is an object of
    strings and always there, since a token without it lets the browser's own metadata through.
    """

    name = "hissuno"
    claims = frozenset({"name", "email"})  # of userMetadata, which is where attributes go
    variables = (
        Variable("HISSUNO_PROJECT_ID", "the project's id", parse_text, required=True),
        Variable(
            "HISSUNO_SECRET_KEY",
            "the whole `sk_live_…` text; signs",
            hmac_key,
            required=True,
            from_file=True,
            secret=True,
        ),
        Variable("HISSUNO_API_URL", "where the component sends messages; ends in `/chat`", _chat_url),
        Variable("HISSUNO_TOKEN_TTL", "lifetime of a token in seconds", parse_int(1), 86_400, "`86400`"),
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._key: bytes = values["HISSUNO_SECRET_KEY"]
        self._browser_config = {"projectId": values["HISSUNO_PROJECT_ID"]}
        if values["HISSUNO_API_URL"]:
            self._browser_config["apiUrl"] = values["HISSUNO_API_URL"]
        self.lifetime: int | None = values["HISSUNO_TOKEN_TTL"]

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs the identity and what is known of the user, as strings."""
        facts = {key: as_text(value) for key, value in self.custom_attributes(user).items()}
        own = {"name": user.name, "email": user.email}
        facts.update({key: value for key, value in own.items() if value})
        payload = {"userId": user.id, "userMetadata": facts, **lifespan(issued_at, expires_at)}
        return MintedToken(sign("HS256", self._key, payload))

    def verify(self, value: str) -> None:
        """Checks the signature."""
        verify("HS256", self._key, value)

    def describe_key(self) -> str:
        """Size of the shared key."""
        return describe_key("HS256", self._key)

    def warnings(self) -> tuple[str, ...]:
        """Whether the key is short."""
        return key_warnings("HISSUNO_SECRET_KEY", self._key)

    def browser_config(self) -> Mapping[str, str]:
        """The component's props that are the same for everybody."""
        return self._browser_config
