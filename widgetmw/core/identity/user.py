"""The signed-in user."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from widgetmw.core.errors import UserTypeError, UserValueError

if TYPE_CHECKING:
    from uuid import UUID

Scalar: TypeAlias = str | int | float | bool

_NO_ATTRIBUTES: Mapping[str, Scalar] = MappingProxyType({})


class User:
    """The signed-in user. Immutable; its ``repr`` shows the id only.

    Args:
        id: the app's identifier of the user: a non-empty string, or an ``int`` or ``UUID``, which becomes one. It must
            come from the app's own session.
        name: display name, or ``None``.
        email: email address, or ``None``.
        attributes: further data for the vendors that accept it: text, finite numbers and booleans by name.
        email_verified: whether the app knows that the address is the user's; ``None`` if it does not say.

    Raises:
        TypeError: a value has another type; the message names the field, never its value.
        ValueError: the id is empty, a number is not finite, or a text cannot be encoded as UTF-8.
    """

    __slots__ = ("attributes", "email", "email_verified", "id", "name")

    id: str
    name: str | None
    email: str | None
    attributes: Mapping[str, Scalar]
    email_verified: bool | None

    def __init__(
        self,
        id: str | int | UUID,
        name: str | None = None,
        email: str | None = None,
        attributes: Mapping[str, Scalar] = _NO_ATTRIBUTES,
        email_verified: bool | None = None,
    ) -> None:
        if email_verified is not None and not isinstance(email_verified, bool):
            raise UserTypeError(f"User.email_verified must be a boolean or None, not {type(email_verified).__name__}")
        set_field = object.__setattr__
        set_field(self, "id", _id(id))
        set_field(self, "name", None if name is None else _text("User.name", name))
        set_field(self, "email", None if email is None else _text("User.email", email))
        set_field(self, "attributes", _NO_ATTRIBUTES if attributes is _NO_ATTRIBUTES else _attributes(attributes))
        set_field(self, "email_verified", email_verified)

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
            and self.email_verified is other.email_verified
            and (self.attributes is other.attributes or _is_same(self.attributes, other.attributes))
        )

    def __hash__(self) -> int:
        return hash((self.id, self.name, self.email))

    def __reduce__(self) -> tuple[type[User], tuple[Any, ...]]:
        return User, (self.id, self.name, self.email, dict(self.attributes), self.email_verified)


def _is_same(one: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> bool:
    # 1, 1.0 and True are equal in Python, and so are 0.0 and -0.0, but in a token they differ
    return one == other and all(repr(value) == repr(other[key]) for key, value in one.items())


def _id(value: object) -> str:
    if isinstance(value, str):
        if not value:
            raise UserValueError("User.id must not be empty")
        return _text("User.id", value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    # Whoever made a UUID has imported the module. Importing it here would cost every startup 2 ms.
    if "uuid" in sys.modules and isinstance(value, sys.modules["uuid"].UUID):
        return str(value)
    raise UserTypeError(f"User.id must be a string, an int or a UUID, not {type(value).__name__}")


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise UserTypeError(f"{field} must be a string, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserValueError(f"{field} holds a lone surrogate, which UTF-8 cannot encode") from None
    return str.__str__(value)


def _attributes(attributes: object) -> Mapping[str, Scalar]:
    if not isinstance(attributes, Mapping):
        raise UserTypeError(f"User.attributes must be a mapping, not {type(attributes).__name__}")
    if not attributes:
        return _NO_ATTRIBUTES
    return MappingProxyType({_text("a key of User.attributes", k): _scalar(k, v) for k, v in attributes.items()})


def as_text(value: Scalar) -> str:
    """Returns an attribute as text; booleans are written as in JSON."""
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
            raise UserValueError(f"{field} must be a finite number")
        return float(value)
    raise UserTypeError(f"{field} must be text, a number or a boolean, not {type(value).__name__}")
