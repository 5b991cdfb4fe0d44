"""Toy Chat: a token that the page's configuration carries, and a method that takes a new one."""

from collections.abc import Mapping

from widgetmw.provider import JwtProvider, Scalar, User, Variable, hmac_key, parse_int, parse_text


class ToyChat(JwtProvider):
    """Signs ``{"sub", "name"}`` and the user's attributes."""

    name = "toy"
    variables = (
        Variable("TOY_APP_ID", "the app's id", parse_text, required=True),
        Variable("TOY_KEY", "the shared key; signs", hmac_key, required=True, from_file=True, secret=True),
        Variable("TOY_TOKEN_TTL", "lifetime of a token in seconds", parse_int(1), 600),
    )
    key_variable = "TOY_KEY"
    lifetime_variable = "TOY_TOKEN_TTL"
    reserved_names = JwtProvider.reserved_names | {"sub", "name"}

    def payload(self, user: User) -> Mapping[str, Scalar]:
        """Returns what the token says about the user."""
        return {**self.custom_attributes(user), "sub": user.id, "name": user.name or user.id}

    def browser_config(self) -> Mapping[str, str]:
        """Returns what the script needs to know."""
        return {"appId": self.values["TOY_APP_ID"]}
