"""Orlo's tokens and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from widgetmw.provider import JwtProvider, User, Variable, parse_int, parse_text, regex, rsa_key, signing_key

PLACEHOLDERS = TOKEN, WIDGET = "JWT_TOKEN", "WIDGET_ID"  # the placeholders of the dashboard
_mobile_url = regex(rf"https?://\S*{TOKEN}\S*", f"an http(s) URL that holds {TOKEN}")


def _snippet(text: str) -> str:
    # imported late: only a site that has a snippet pays for it
    from widgetmw.providers.orlo.snippet import as_function

    return as_function(text)


def _customer_data_snippet(text: str) -> str:
    if TOKEN not in text:
        raise ValueError(f"must hold the placeholder {TOKEN}")
    return _snippet(text)


def _pasted(name: str, help: str, parse: Callable[[str], str]) -> Variable[str]:
    """Returns the variable of a text from the dashboard, which is read once, at startup."""
    return Variable(name, help, parse, from_file=True, watched=False)


class Orlo(JwtProvider):
    """Signs ``{"name", "isLoggedIn": true}``, the email if it is known, and the attributes as custom data.

    Source: the vendor's documentation. That the algorithm is RS256 is inferred from its RSA keys. Whether the vendor
    knows ``iat`` and ``exp`` is unknown, so a lifetime of 0 omits them.
    """

    name = "orlo"
    algorithm = "RS256"
    reserved_names: ClassVar[frozenset[str]] = JwtProvider.reserved_names | {"name", "email", "isLoggedIn"}
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        signing_key("ORLO_PRIVATE_KEY", "RSA private key in PEM, 2048 bits or more; signs", rsa_key),
        Variable("ORLO_WIDGET_ID", "the widget's id, in place of the snippets' `WIDGET_ID`", parse_text),
        _pasted(
            "ORLO_CUSTOMER_DATA_SNIPPET",
            "JavaScript of the dashboard that hands over the token, with `JWT_TOKEN`",
            _customer_data_snippet,
        ),
        _pasted("ORLO_EMBED_SNIPPET", "JavaScript of the dashboard that embeds the chat", _snippet),
        _pasted("ORLO_MOBILE_URL", "URL of the dashboard for mobile apps, with `JWT_TOKEN`", _mobile_url),
        Variable("ORLO_TOKEN_TTL", "lifetime of a token in seconds; `0`: no `iat` and `exp`", parse_int(0), 3600),
    )
    key_variable = "ORLO_PRIVATE_KEY"
    lifetime_variable = "ORLO_TOKEN_TTL"

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.embeddable: bool = values["ORLO_EMBED_SNIPPET"] is not None
        for name in ("ORLO_MOBILE_URL", "ORLO_CUSTOMER_DATA_SNIPPET", "ORLO_EMBED_SNIPPET"):
            # a snippet is a function by now, whose parameters are the placeholders
            text = (values[name] or "").removeprefix(f"function({TOKEN},{WIDGET})")
            if WIDGET in text and not values["ORLO_WIDGET_ID"]:
                raise ValueError(f"ORLO_WIDGET_ID is not set, and {name} holds {WIDGET}")

    def payload(self, user: User) -> Mapping[str, Any]:
        """Returns the customer data; the name is required, and falls back to the id."""
        email = {"email": user.email} if user.email else {}
        return {**self.custom_attributes(user), "name": user.name or user.id, "isLoggedIn": True, **email}

    def browser_config(self) -> Mapping[str, str]:
        return {"widgetId": self.values["ORLO_WIDGET_ID"]} if self.values["ORLO_WIDGET_ID"] else {}

    def endpoint_extras(self, token: str) -> Mapping[str, Any]:
        url = self.values["ORLO_MOBILE_URL"]
        if not url:
            return {}
        return {"mobile_url": url.replace(TOKEN, token).replace(WIDGET, self.values["ORLO_WIDGET_ID"] or "")}

    def snippets(self) -> Mapping[str, str]:
        """Returns the configured snippets as functions of the token and the widget's id."""
        both = {"data": self.values["ORLO_CUSTOMER_DATA_SNIPPET"], "embed": self.values["ORLO_EMBED_SNIPPET"]}
        return {name: code for name, code in both.items() if code}

    def warnings(self) -> tuple[str, ...]:
        """Warns if the widget never receives the token."""
        if self.values["ORLO_CUSTOMER_DATA_SNIPPET"]:
            return super().warnings()
        return (*super().warnings(), "set ORLO_CUSTOMER_DATA_SNIPPET, or Orlo's widget never receives the token")
