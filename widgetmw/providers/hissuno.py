"""Hissuno: an HS256 token that a React component takes as a prop."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any, ClassVar

from widgetmw.provider import JwtProvider, User, Variable, as_text, parse_int, parse_text, regex, signing_key

_chat_url = regex(r"https?://[^\s?#\"'<>\\]+/chat", "an http(s) URL that ends in /chat")


class Hissuno(JwtProvider):
    """Signs ``{"userId", "userMetadata"}``.

    Source: the vendor's published code. ``userId`` must be a non-empty string. ``userMetadata`` is an object of
    strings, and is always sent: with a token that lacks it, the vendor uses the metadata that the browser sends.
    """

    name = "hissuno"
    reserved_names: ClassVar[frozenset[str]] = frozenset({"name", "email"})  # of userMetadata, where the attributes go
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("HISSUNO_PROJECT_ID", "the project's id", parse_text, required=True),
        signing_key("HISSUNO_SECRET_KEY", "the whole `sk_live_…` text; signs"),
        Variable("HISSUNO_API_URL", "where the component sends messages; ends in `/chat`", _chat_url),
        Variable("HISSUNO_TOKEN_TTL", "lifetime of a token in seconds", parse_int(1), 86_400),
    )
    config_variable = "HISSUNO_WIDGET_CONFIG"
    key_variable = "HISSUNO_SECRET_KEY"
    lifetime_variable = "HISSUNO_TOKEN_TTL"

    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the id, and name, email and attributes as strings."""
        metadata = {key: as_text(value) for key, value in self.custom_attributes(user).items()}
        metadata |= {key: text for key, text in (("name", user.name), ("email", user.email)) if text}
        return {"userId": user.id, "userMetadata": metadata}

    def browser_config(self) -> Mapping[str, str]:
        """Returns the component's props that are the same for all users."""
        props = {"projectId": self.values["HISSUNO_PROJECT_ID"]}
        if self.values["HISSUNO_API_URL"]:
            props["apiUrl"] = self.values["HISSUNO_API_URL"]
        return props

    def warnings(self) -> tuple[str, ...]:
        """Warns of a key that does not look like the vendor's."""
        key: bytes = self.values["HISSUNO_SECRET_KEY"]
        if key.startswith(b"sk_live_"):
            return super().warnings()
        return (*super().warnings(), "HISSUNO_SECRET_KEY does not begin with sk_live_")

    @classmethod
    def example_variables(cls) -> dict[str, str]:
        return {**super().example_variables(), "HISSUNO_SECRET_KEY": f"sk_live_{token_hex(32)}"}
