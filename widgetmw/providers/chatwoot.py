"""Chatwoot: an HMAC of the user's id, which its server compares.

Source: the published code of Chatwoot 4.4.0 (``contacts_controller.rb``, ``contact_identify_action.rb``,
``web_widget.rb``, ``entrypoints/sdk.js`` and ``sdk/``), whose SDK was also run in a browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from widgetmw.provider import HmacProvider, Origin, User, Variable, regex, signing_key

_url = regex(r"https?://[^\s/?#@\"'\\;,]+(/[^\s?#\"'\\]*)?", "a URL such as https://chat.shop.example")
_identifier = regex(r"[A-Za-z0-9_-]+", "an id of letters, digits, - and _")


def _base_url(text: str) -> str:
    return _url(text).rstrip("/")


class Chatwoot(HmacProvider):
    """Signs the user's id. Chatwoot does not verify the name and the email address beside it."""

    name = "chatwoot"
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable(
            "CHATWOOT_BASE_URL", "URL of the installation, such as `https://app.chatwoot.com`", _base_url, required=True
        ),
        Variable("CHATWOOT_WEBSITE_TOKEN", "the inbox's website token (public)", _identifier, required=True),
        signing_key("CHATWOOT_HMAC_TOKEN", "the inbox's HMAC token of the identity validation; signs"),
    )
    key_variable = "CHATWOOT_HMAC_TOKEN"
    embeddable = True

    def extra_values(self, user: User) -> Mapping[str, str]:
        """Returns the id that was signed, and what agents see. Their SDK requires a name or an email address."""
        known = {"name": user.name or ("" if user.email else user.id), "email": user.email}
        return {"identifier": user.id, **{key: value for key, value in known.items() if value}}

    def browser_config(self) -> Mapping[str, str]:
        return {"baseUrl": self.values["CHATWOOT_BASE_URL"], "websiteToken": self.values["CHATWOOT_WEBSITE_TOKEN"]}

    def script_urls(self) -> tuple[str, ...]:
        return (f"{self.values['CHATWOOT_BASE_URL']}/packs/js/sdk.js",)

    def cookies(self) -> tuple[str, ...]:
        """Returns the cookies that name the browser's conversation, and the user who is identified in it."""
        return ("cw_conversation", f"cw_user_{self.values['CHATWOOT_WEBSITE_TOKEN']}")

    def origins(self) -> tuple[Origin, ...]:
        """Returns what their code loads: the SDK, a frame, a sound, and a style element without a nonce."""
        url = urlsplit(self.values["CHATWOOT_BASE_URL"])
        host = f"{url.scheme}://{url.netloc}"
        sources = {"script-src": host, "frame-src": host, "connect-src": host, "style-src": "'unsafe-inline'"}
        return tuple(Origin(directive, source, is_documented=False) for directive, source in sources.items())

    @classmethod
    def example_variables(cls) -> dict[str, str]:
        return {**super().example_variables(), "CHATWOOT_BASE_URL": "https://chat.shop.example"}
