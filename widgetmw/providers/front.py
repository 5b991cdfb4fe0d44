"""Front Chat: an HMAC of the user's id, with which the widget identifies the visitor.

Source: dev.frontapp.com, "Identify users", "Chat Widget SDK Reference", "Content Security Policy".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from widgetmw.provider import HmacProvider, Origin, User, Variable, parse_text, signing_key

_ASSETS = "https://chat-assets.frontapp.com"


class Front(HmacProvider):
    """Signs the user's id: the vendor requires that as soon as an id is handed over, also with an email address.

    So a user without an address is served, too. The name of the option, ``userId``, is not in what we could read.
    """

    name = "front"
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("FRONT_CHAT_ID", "the chat's id (public)", parse_text, required=True),
        signing_key("FRONT_SECRET", "the verification secret of the chat channel; signs"),
    )
    key_variable = "FRONT_SECRET"
    embeddable = True

    def extra_values(self, user: User) -> Mapping[str, str]:
        """Returns the id that was signed, and what agents see besides, which is not signed."""
        known = {"userId": user.id, "email": user.email, "name": user.name}
        return {name: value for name, value in known.items() if value}

    def browser_config(self) -> dict[str, str]:
        return {"chatId": self.values["FRONT_CHAT_ID"]}

    def script_urls(self) -> tuple[str, ...]:
        """Returns the URL of the vendor's bundle: its host is documented, its path is from their snippet."""
        return (f"{_ASSETS}/v1/chat.bundle.js",)

    def origins(self) -> tuple[Origin, ...]:
        """Returns the documented hosts, as far as we could read the page, for all regions."""
        servers = (f"https://{region}-chat-server.frontapp.com" for region in ("us-west-1", "us-west-2", "eu-west-1"))
        connect = (_ASSETS, "https://chat.frontapp.com", *servers, "wss://front-us-realtime.ably.io")
        return (Origin("script-src", _ASSETS), Origin("connect-src", " ".join(connect)))
