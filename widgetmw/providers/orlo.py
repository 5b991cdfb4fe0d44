"""Orlo: an RS256 token, handed over by the JavaScript of the customer's dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from widgetmw.core.env.variable import Variable, parse_int, parse_text, regex
from widgetmw.core.identity.user import User
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.providers.signing import describe_key, lifespan, rsa_key, sign, verify

_TOKEN, _WIDGET = "JWT_TOKEN", "WIDGET_ID"  # the placeholders of the dashboard
_mobile_url = regex(rf"https?://\S*{_TOKEN}\S*", f"an http(s) URL that holds {_TOKEN}")


def _snippet(text: str) -> str:
    # reading JavaScript is needed by the few that paste some; the others start without it
    from widgetmw.core.operator_script import as_function

    return as_function(text, (_TOKEN, _WIDGET))


def _data_snippet(text: str) -> str:
    if _TOKEN not in text:
        raise ValueError(f"must hold the placeholder {_TOKEN}")
    return _snippet(text)


class Orlo(Provider):
    """Mints ``{"name", "isLoggedIn": true}``, the email where known, and the attributes as custom data.

    Source: the vendor's documentation. That the signature is RS256 is inferred from its RSA keys; whether it
    knows ``iat`` and ``exp`` is unknown, so a lifetime of 0 leaves them out.
    """

    name = "orlo"
    claims = frozenset({"name", "email", "isLoggedIn", "iat", "nbf", "exp"})
    variables = (
        Variable(
            "ORLO_PRIVATE_KEY",
            "RSA private key in PEM, 2048 bits or more; signs",
            rsa_key,
            required=True,
            from_file=True,
            secret=True,
        ),
        Variable("ORLO_WIDGET_ID", "the widget's id, for the snippets' `WIDGET_ID`", parse_text),
        Variable(
            "ORLO_CUSTOMER_DATA_SNIPPET",
            "JavaScript of the dashboard that hands over the token, with `JWT_TOKEN`",
            _data_snippet,
            from_file=True,
        ),
        Variable("ORLO_EMBED_SNIPPET", "JavaScript of the dashboard that embeds the chat", _snippet, from_file=True),
        Variable(
            "ORLO_MOBILE_URL",
            "URL of the dashboard for mobile apps, with `JWT_TOKEN`",
            _mobile_url,
            from_file=True,
        ),
        Variable(
            "ORLO_TOKEN_TTL",
            "lifetime of a token in seconds; `0`: no `iat` and `exp`",
            parse_int(0),
            3600,
            "`3600`",
        ),
    )

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._key: RSAPrivateKey = values["ORLO_PRIVATE_KEY"]
        self._widget: str = values["ORLO_WIDGET_ID"] or ""
        self._mobile: str = values["ORLO_MOBILE_URL"] or ""
        self._data: str | None = values["ORLO_CUSTOMER_DATA_SNIPPET"]
        self._embed: str | None = values["ORLO_EMBED_SNIPPET"]
        self.lifetime: int | None = values["ORLO_TOKEN_TTL"] or None
        for name in ("ORLO_MOBILE_URL", "ORLO_CUSTOMER_DATA_SNIPPET", "ORLO_EMBED_SNIPPET"):
            if _uses_widget(values[name]) and not self._widget:
                raise ValueError(f"ORLO_WIDGET_ID is not set, and {name} holds {_WIDGET}")

    @property
    def embeddable(self) -> bool:  # type: ignore[override]
        """Whether the embed snippet is configured."""
        return self._embed is not None

    def mint(self, user: User, issued_at: int, expires_at: int | None) -> MintedToken:
        """Signs the customer data."""
        payload = {**self.custom_attributes(user), "name": user.name or user.id, "isLoggedIn": True}
        if user.email:
            payload["email"] = user.email
        return MintedToken(sign("RS256", self._key, {**payload, **lifespan(issued_at, expires_at)}))

    def endpoint_extras(self, value: str) -> Mapping[str, Any]:
        """The mobile URL with the token, where one is configured."""
        url = self._mobile.replace(_TOKEN, value).replace(_WIDGET, self._widget)
        return {"mobile_url": url} if url else {}

    def verify(self, value: str) -> None:
        """Checks the signature with the public half of the key."""
        verify("RS256", self._key, value)

    def describe_key(self) -> str:
        """Size of the RSA key."""
        return describe_key("RS256", self._key)

    def warnings(self) -> tuple[str, ...]:
        """Whether pages can hand the token over at all."""
        if self._data is not None:
            return ()
        return ("ORLO_CUSTOMER_DATA_SNIPPET is not set: pages carry the token, and nothing hands it to the widget",)

    def browser_config(self) -> Mapping[str, str]:
        """The widget's id, where configured."""
        return {"widgetId": self._widget} if self._widget else {}

    def snippets(self) -> Mapping[str, str]:
        """The operator's two snippets as functions of the token and the widget's id."""
        both = {"data": self._data, "embed": self._embed}
        return {name: code for name, code in both.items() if code}


def _uses_widget(text: str | None) -> bool:
    # a snippet is a function by now, whose first words name the placeholders as its parameters
    return text is not None and _WIDGET in text.removeprefix(f"function({_TOKEN},{_WIDGET})")
