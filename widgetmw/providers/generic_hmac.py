"""``hmac``: the keyed hash of a message about the user, for an in-house or unlisted widget, from settings alone."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from widgetmw.core.env.variable import refuse_quotes
from widgetmw.provider import TRUST_EMAILS, HmacProvider, User, Variable, email_refusal, hmac_key, one_of, parse_text
from widgetmw.providers.placeholders import Template, rests_on_email

MESSAGE_MISSING: Final = "message_missing"
_KEY: Final = "WIDGETMW_HMAC_KEY"
_ENCODING: Final = "WIDGETMW_HMAC_KEY_ENCODING"
_MESSAGE: Final = "WIDGETMW_HMAC_MESSAGE"
_ALGORITHM: Final = "WIDGETMW_HMAC_ALGORITHM"


def _hex_key(text: str) -> bytes:
    if not re.fullmatch(r"([0-9A-Fa-f]{2})+", text):
        raise ValueError("must be pairs of hexadecimal digits")
    return bytes.fromhex(text)


def _base64_key(text: str) -> bytes:
    """Parses both alphabets, with or without padding."""
    digits = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9+/_-]+", digits) or len(digits) % 4 == 1:
        raise ValueError("must be base64 text")
    return b64decode(digits + "=" * (-len(digits) % 4), altchars=b"-_" if re.search("[-_]", digits) else None)


_KEY_PARSERS: Final[Mapping[str, Callable[[str], bytes]]] = {"utf-8": hmac_key, "hex": _hex_key, "base64": _base64_key}


def _message(text: str) -> Template:
    refuse_quotes(text.strip())  # they would be a part of the message
    template = Template(parse_text(text))
    if not template.names:
        raise ValueError("must have a placeholder: otherwise all users would have the same message")
    return template


class Hmac(HmacProvider):
    """Signs the configured message, which is also in the token's ``message``.

    It has no script: a page reads the token with ``widgetmw.get("hmac")``. A message of the email address alone is
    signed only for an address that is vouched for, as :class:`widgetmw.provider.EmailHmacProvider` does.
    """

    name = "hmac"
    variables: ClassVar[tuple[Variable[Any], ...]] = (
        Variable(_KEY, "the shared key; signs", str, required=True, from_file=True, secret=True),
        Variable(_ENCODING, "how the key is written: `utf-8`, `hex` or `base64`", one_of(*_KEY_PARSERS), "utf-8"),
        Variable(
            _MESSAGE,
            "what is signed: a text with placeholders, such as `{email}` or `{id}:{attributes.tenant}`",
            _message,
            Template("{id}"),
            default_text="`{id}`",
        ),
        Variable(
            _ALGORITHM,
            "`sha1`, `sha256`, `sha384` or `sha512`",
            one_of("sha1", "sha256", "sha384", "sha512"),
            "sha256",
        ),
        TRUST_EMAILS,
    )
    key_variable = _KEY
    script: ClassVar[str | None] = ""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.digest: str = values[_ALGORITHM]
        self._message: Template = values[_MESSAGE]
        encoding = values[_ENCODING]
        try:
            self._key = _KEY_PARSERS[encoding](values[_KEY])
        except ValueError as error:
            raise ValueError(f"{_KEY} {error}, since {_ENCODING} is {encoding}") from None

    def cannot_serve(self, user: User) -> str:
        """Returns ``email_missing``, ``email_unverified`` or ``message_missing``; empty if it can be signed."""
        if rests_on_email(self._message.names):
            return email_refusal(user, self.values)
        return MESSAGE_MISSING if self._message.is_blank(user) else ""

    def message(self, user: User) -> str:
        return self._message.text(user)

    def extra_values(self, user: User) -> Mapping[str, str]:
        """Returns the message, which some widgets need beside its hash."""
        return {"message": self.message(user)}

    def warnings(self) -> tuple[str, ...]:
        """Warns of a message that two users may share."""
        notes = super().warnings()
        if set(self._message.names) == {"name"}:
            notes += (f"{_MESSAGE} is made of the name alone, which two users may share: use {{id}}",)
        if self._message.has_adjacent_placeholders:
            notes += (f"{_MESSAGE} has placeholders without a character between them: two users may share a message",)
        return notes
