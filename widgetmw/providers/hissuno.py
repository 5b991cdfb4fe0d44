"""Hissuno: an HS256 token that a React component takes as a prop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widgetmw.core.env.variable import Variable, matching, plain, whole
from widgetmw.core.identity.user import User, as_text
from widgetmw.core.provider import Minted, Provider
from widgetmw.providers.signing import hmac_key, key_facts, key_notes, lifespan, sign, verify

_chat_url = matching(r"https?://[^\s?#\"'<>\\]+/chat", "an http(s) URL that ends in /chat")


class Hissuno(Provider):
    """Mints ``{"userId", "userMetadata"}``.

    Source: the vendor's published code. ``userId`` must be a non-empty string; ``userMetadata`` is an object of
    strings and always there, since a token without it lets the browser's own metadata through.
    """

    name = "hissuno"
    claims = frozenset({"name", "email"})  # of userMetadata, which is where attributes go
    variables = (
        Variable("HISSUNO_PROJECT_ID", "the project's id", plain, required=True),
        Variable(
            "HISSUNO_SECRET_KEY",
            "the whole `sk_live_…` text; signs",
            hmac_key,
            required=True,
            from_file=True,
            secret=True,
        ),
        Variable("HISSUNO_API_URL", "where the component sends messages; ends in `/chat`", _chat_url),
        Variable("HISSUNO_TOKEN_TTL", "lifetime of a token in seconds", whole(1), 86_400, "`86400`"),
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._key: bytes = values["HISSUNO_SECRET_KEY"]
        self._public = {"projectId": values["HISSUNO_PROJECT_ID"]}
        if values["HISSUNO_API_URL"]:
            self._public["apiUrl"] = values["HISSUNO_API_URL"]
        self.lifetime: int | None = values["HISSUNO_TOKEN_TTL"]

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> Minted:
        """Signs the identity and what is known of the user, as strings."""
        facts = {key: as_text(value) for key, value in self.facts(user).items()}
        own = {"name": user.name, "email": user.email}
        facts.update({key: value for key, value in own.items() if value})
        payload = {"userId": user.id, "userMetadata": facts, **lifespan(issued_at, expires_at)}
        return Minted(sign("HS256", self._key, payload))

    def verify(self, value: str) -> None:
        """Checks the signature."""
        verify("HS256", self._key, value)

    def key_facts(self) -> str:
        """Size of the shared key."""
        return key_facts("HS256", self._key)

    def notes(self) -> tuple[str, ...]:
        """Whether the key is short."""
        return key_notes("HISSUNO_SECRET_KEY", self._key)

    def public(self) -> Mapping[str, str]:
        """The component's props that are the same for everybody."""
        return self._public
