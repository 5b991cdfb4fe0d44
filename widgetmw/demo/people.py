"""The people who can sign in. Together they cover what a real user table contains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from widgetmw import User


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the sample shop.

    ``key`` identifies the person in the sign-in form. ``about`` explains what this person demonstrates.
    """

    key: str
    user: User
    about: str

    @property
    def label(self) -> str:
        """The display name: the user's name, or the id if there is none."""
        return self.user.name or self.user.id

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = [word for word in self.label.split() if word[0].isalpha()]
        return "".join(word[0] for word in words[:2]).upper() or self.label[0]


_ALL = (
    Person(
        "ada",
        User(
            id="1001",
            name="Ada Okafor",
            email="ada@example.com",
            attributes={"Plan": "Business", "Open orders": 2, "Newsletter": True},
        ),
        "A typical customer: a name, an email address and a few attributes.",
    ),
    Person(
        "zoe",
        User(
            id="1002",
            name='Zoë </script><b>"O\'Neil"</b> 🦊',
            email="zoe+shop&chat@example.com",
            attributes={"Note": "<img src=x onerror=alert(1)>", "City": "Besançon", "Rating": 4.5},
        ),
        "A name that tries to break out of a script. It is shown as plain text everywhere.",
    ),
    Person(
        "layla",
        User(
            id="1003",
            name="ليلى حداد",
            email="layla@example.com",
            attributes={"Language": "العربية", "Open orders": 1},
        ),
        "A name written from right to left.",
    ),
    Person(
        "guest",
        User(id="guest-7f3a"),
        "Only an id, no name or email address. For vendors that need an address, this user stays anonymous.",
    ),
)

PEOPLE: Mapping[str, Person] = MappingProxyType({person.key: person for person in _ALL})
