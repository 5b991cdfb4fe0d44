"""Who is signed in, as far as a chat widget needs to know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Scalar: TypeAlias = str | int | float | bool

_NOTHING: Mapping[str, Scalar] = MappingProxyType({})


class User:
    """The signed-in person. Immutable; its ``repr`` shows the id and nothing else.

    Args:
        id: what the app knows the person by; a non-empty string. It must come from the app's own session.
        name: display name, or ``None``.
        email: email address, or ``None``.
        attributes: further facts for the vendors that take them; text, finite numbers and booleans.

    Raises:
        TypeError: a value is of another type; the message names the field, never its value.
        ValueError: the id is empty, a number is not finite, or a text cannot be written as UTF-8.
    """

    __slots__ = ("attributes", "email", "id", "name")

    id: str
    name: str | None
    email: str | None
    attributes: Mapping[str, Scalar]

    def __init__(
        self,
        id: str,
        name: str | None = None,
        email: str | None = None,
        attributes: Mapping[str, Scalar] = _NOTHING,
    ) -> None:
        put = object.__setattr__
        put(self, "id", _text("User.id", id))
        if not self.id:
            raise ValueError("User.id must not be empty")
        put(self, "name", None if name is None else _text("User.name", name))
        put(self, "email", None if email is None else _text("User.email", email))
        put(self, "attributes", _NOTHING if attributes is _NOTHING else _attributes(attributes))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"User is immutable: cannot set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"User is immutable: cannot delete {name}")

    def __repr__(self) -> str:
        return f"User(id={self.id!r})"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, User):
            return NotImplemented
        return (
            self.id == other.id
            and self.name == other.name
            and self.email == other.email
            and (self.attributes is other.attributes or _same(self.attributes, other.attributes))
        )

    def __hash__(self) -> int:
        return hash((self.id, self.name, self.email))

    def __reduce__(self) -> tuple[type[User], tuple[Any, ...]]:
        return User, (self.id, self.name, self.email, dict(self.attributes))


def _same(one: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> bool:
    # 1, 1.0 and True are equal in Python, 0.0 and -0.0 too; they are different in a token
    return one == other and all(repr(value) == repr(other[key]) for key, value in one.items())


def _text(field: str, value: object) -> str:
    if type(value) is not str:
        if not isinstance(value, str):
            raise TypeError(f"{field} must be a string, not {type(value).__name__}")
        value = str.__str__(value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{field} holds a lone surrogate, which UTF-8 cannot carry") from None
    return value


def _attributes(attributes: object) -> Mapping[str, Scalar]:
    if not isinstance(attributes, Mapping):
        raise TypeError(f"User.attributes must be a mapping, not {type(attributes).__name__}")
    if not attributes:
        return _NOTHING
    return MappingProxyType({_text("a key of User.attributes", k): _scalar(k, v) for k, v in attributes.items()})


def as_text(value: Scalar) -> str:
    """Writes an attribute as text, booleans as JSON has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _scalar(key: str, value: object) -> Scalar:
    field = f"User.attributes[{key!r}]"
    if isinstance(value, str):
        return _text(field, value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{field} must be a finite number")
        return float(value)
    raise TypeError(f"{field} must be text, a number or a boolean, not {type(value).__name__}")
