"""What is checked: one configured vendor, and the users that it signs tokens for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from widgetmw.core.errors import SettingsError, WidgetError, describe_error
from widgetmw.core.identity.user import User
from widgetmw.core.provider import MintedToken, Provider
from widgetmw.core.settings import Settings

ISSUED_AT: Final = 1_767_225_600
_HOSTILE: Final = "</script><script>alert(1)</script><!-- \u2028\u2029 \U0001f600 \u202e\u0000 '\"\\&%${x}{id} "
BASE: Final = User("widgetmw-1", "Ada", "ada@example.org", email_verified=True)
OTHER: Final = User("widgetmw-2", "Bob", "bob@example.org", email_verified=True)
USERS: Final[Mapping[str, User]] = {
    "with every field": User(
        "1", "Ada", "ada@example.org", {"plan": "pro", "seats": 3, "trial": False, "x": 1.5}, True
    ),
    "without a name": User("1", email="ada@example.org", email_verified=True),
    "without an email address": User("1", "Ada"),
    "with an id alone": User("1"),
    "with empty texts": User("1", "", "", {"plan": ""}),
    "with an email address that nobody has verified": User("1", "Ada", "ada@example.org", email_verified=False),
    "with markup in every field": User(_HOSTILE, _HOSTILE, _HOSTILE, {_HOSTILE: _HOSTILE, "plan": _HOSTILE}, True),
    "with letters of other scripts": User(
        "\u0416\u05d0", "Zoe\u0308 \u738b", "\u738b@ex\u00e4mple.org", {"\u738b": "\u0416"}, True
    ),
    "with very long texts": User(
        "i" * 5_000, "n" * 20_000, "e" * 5_000 + "@example.org", {"a" * 500: "b" * 20_000}, True
    ),
    "with attributes of odd names": User(
        "1", "Ada", "ada@example.org", {"__proto__": "x", "": "y", "a.b[c]": "z"}, True
    ),
}


@dataclass
class Subject:
    """The variables that configure a vendor, their settings, and notes of what cannot be checked."""

    environ: Mapping[str, str]
    settings: Settings
    notes: list[str] = field(default_factory=list)

    @property
    def provider(self) -> Provider:
        """The configured vendor."""
        return self.settings.vendors[0].provider

    def find_secret(self, *texts: object) -> str:
        """Returns the name of a secret that occurs in a text; empty if none does."""
        for variable in self.provider.variables:
            # the lines of a PEM file, whose first and last one are no secret
            lines = [line for line in self.environ.get(variable.name, "").split("\n") if line and "-----" not in line]
            if variable.secret and any(line in str(text) for line in lines for text in texts):
                return variable.name
        return ""

    def mint(self, user: User) -> MintedToken:
        """Returns a token, issued at ``ISSUED_AT``."""
        lifetime = self.provider.lifetime
        return self.provider.mint(user, ISSUED_AT, None if lifetime is None else ISSUED_AT + lifetime)


def cause(error: Exception) -> str:
    """Returns what an error says, as the end of a sentence; of one that is not ours also where it was raised."""
    if isinstance(error, WidgetError):
        return f"failed: {error}"
    return f"ended with {describe_error(error)} ({error})"


def settings_error(environ: Mapping[str, str]) -> str:
    """Returns the problems of settings; empty if there are none."""
    try:
        Settings.from_env(environ)
    except SettingsError as error:
        return str(error)
    return ""
