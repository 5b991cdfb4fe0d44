"""The people who can sign in. Between them they show what a real user table holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from widgetmw import User


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account at the sample shop.

    ``key`` names the person in the sign-in form, ``about`` says what there is to see.
    """

    key: str
    user: User
    about: str

    @property
    def label(self) -> str:
        """What the shop calls this person: the name, or the id where there is no name."""
        return self.user.name or self.user.id

    @property
    def initials(self) -> str:
        """One or two letters for the round picture."""
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
        "A name, an email address and a few facts about the customer.",
    ),
    Person(
        "zoe",
        User(
            id="1002",
            name='Zoë </script><b>"O\'Neil"</b> 🦊',
            email="zoe+shop&chat@example.com",
            attributes={"Note": "<img src=x onerror=alert(1)>", "City": "Besançon", "Rating": 4.5},
        ),
        "A name that tries to break out of its script. It stays text everywhere.",
    ),
    Person(
        "layla",
        User(
            id="1003",
            name="ليلى حداد",
            email="layla@example.com",
            attributes={"Language": "العربية", "Open orders": 1},
        ),
        "A name in a script that runs from right to left.",
    ),
    Person(
        "guest",
        User(id="guest-7f3a"),
        "Nothing but an id: no name, no email address. The id is enough.",
    ),
)

PEOPLE: Mapping[str, Person] = MappingProxyType({person.key: person for person in _ALL})
