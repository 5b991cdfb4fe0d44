"""The placeholders of the generic vendors' settings: ``{id}``, ``{name}``, ``{email}`` and ``{attributes.x}``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from widgetmw.provider import Scalar, User, as_text

ATTRIBUTE: Final = "attributes."
_PLACEHOLDER: Final = re.compile(r"\{(id|name|email|attributes\.[^{}]+)\}")
_KNOWN: Final = "{id}, {name}, {email} and {attributes.x}"


class Template:
    """A text with placeholders. What they stand for is never expanded again.

    Attributes:
        names: of the placeholders, in order.
        has_adjacent_placeholders: whether nothing stands between two of them.

    Raises:
        ValueError: the text has a brace that does not belong to a known placeholder.
    """

    def __init__(self, text: str) -> None:
        # text and name by turns; the first and the last part are text, possibly empty
        self._parts = _PLACEHOLDER.split(text)
        self.names: tuple[str, ...] = tuple(self._parts[1::2])
        self.has_adjacent_placeholders: bool = "" in self._parts[2:-2:2]
        if any(brace in part for part in self._parts[::2] for brace in "{}"):
            raise ValueError(f"must use braces only for {_KNOWN}")

    def value(self, user: User) -> Scalar | None:
        """Returns the value of a placeholder that is the whole text, ``None`` if it is missing; else the text."""
        if len(self.names) == 1 and self._parts[0] == self._parts[2] == "":
            return _field(user, self.names[0])
        return self.text(user)

    def text(self, user: User) -> str:
        """Returns the text; a missing value is empty."""
        parts = self._parts.copy()
        parts[1::2] = self._values(user)
        return "".join(parts)

    def is_blank(self, user: User) -> bool:
        """Whether every value is missing or empty."""
        return not any(self._values(user))

    def _values(self, user: User) -> list[str]:
        return ["" if (value := _field(user, name)) is None else as_text(value) for name in self.names]


def _field(user: User, name: str) -> Scalar | None:
    if name.startswith(ATTRIBUTE):
        return user.attributes.get(name.removeprefix(ATTRIBUTE))
    return getattr(user, name) or None  # an empty name or email is a missing one


def compile_claims(claim: Any) -> Any:
    """Returns a JSON value with templates for texts.

    Raises:
        ValueError: a text or a name has a brace that does not belong to a known placeholder.
    """
    if isinstance(claim, dict):
        if any(Template(name).names for name in claim):
            raise ValueError("must have placeholders in values only, not in names")
        return {name: compile_claims(value) for name, value in claim.items()}
    if isinstance(claim, list):
        return [compile_claims(value) for value in claim]
    return Template(claim) if isinstance(claim, str) else claim


def fill_claims(claim: Any, user: User) -> Any:
    """Returns the JSON value for a user, without the members whose value is missing."""
    if isinstance(claim, Template):
        return claim.value(user)
    if isinstance(claim, Mapping):
        return {name: value for name, each in claim.items() if _is_there(value := fill_claims(each, user), each)}
    if isinstance(claim, list):
        return [value for each in claim if _is_there(value := fill_claims(each, user), each)]
    return claim


def _is_there(value: Any, claim: Any) -> bool:
    return value is not None or claim is None  # a null of the operator's own stays


def names_in(claim: Any) -> Iterator[str]:
    """Yields the names of all placeholders."""
    if isinstance(claim, Template):
        yield from claim.names
    for each in claim.values() if isinstance(claim, Mapping) else claim if isinstance(claim, list) else ():
        yield from names_in(each)


def rests_on_email(names: tuple[str, ...]) -> bool:
    """Whether the email address alone tells one user from another: a name may be anybody's."""
    return "email" in names and set(names) <= {"name", "email"}
