"""Crisp: an HMAC of the email address that marks it as verified.

Source: docs.crisp.chat, "Identity Verification", "Session Continuity", "Cookie Policies", "Crisp Domain Names".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from widgetmw.provider import TRUST_EMAILS, EmailHmacProvider, Origin, User, Variable, regex, signing_key

_CLIENT = "https://client.crisp.chat"
_identifier = regex(r"[A-Za-z0-9_-]+", "an id of letters, digits, - and _")


class Crisp(EmailHmacProvider):
    """Signs the email address as it is: Crisp documents no folding of case."""

    name = "crisp"
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable("CRISP_WEBSITE_ID", "the website's id", _identifier, required=True),
        signing_key("CRISP_SECRET", "the secret of the identity verification; signs"),
        TRUST_EMAILS,
    )
    key_variable = "CRISP_SECRET"
    embeddable = True

    def extra_values(self, user: User) -> Mapping[str, str | None]:
        """Returns the address that was signed, and the name, which is shown to agents and not signed."""
        return {"email": user.email, **({"name": user.name} if user.name else {})}

    def browser_config(self) -> dict[str, str]:
        return {"websiteId": self.values["CRISP_WEBSITE_ID"]}

    def script_urls(self) -> tuple[str, ...]:
        return (f"{_CLIENT}/l.js",)

    def cookies(self) -> tuple[str, ...]:
        """Returns the cookie of the session. Its name is our inference; that there is one is documented."""
        return (f"crisp-client/session/{self.values['CRISP_WEBSITE_ID']}",)

    def origins(self) -> tuple[Origin, ...]:
        """Returns the sources that Crisp documents."""
        return (
            Origin("script-src", _CLIENT),
            Origin("style-src", f"{_CLIENT} 'unsafe-inline'"),
            Origin("font-src", _CLIENT),
            Origin("media-src", _CLIENT),
            Origin("img-src", f"{_CLIENT} https://image.crisp.chat https://storage.crisp.chat data:"),
            Origin("connect-src", f"{_CLIENT} https://storage.crisp.chat wss://client.relay.crisp.chat"),
            Origin("worker-src", "blob:"),
        )
