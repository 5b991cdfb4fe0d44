from __future__ import annotations

import copy
import pickle
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest

from widgetmw import User


class Number(IntEnum):
    ONE = 1


def test_repr_shows_the_id_and_nothing_else() -> None:
    user = User("u1", "Ada Lovelace", "ada@example.com", {"plan": "gold"})
    assert repr(user) == str(user) == f"{user}" == "User(id='u1')"


@pytest.mark.parametrize(
    ("id", "text"), [(42, "42"), (0, "0"), (-7, "-7"), (UUID(int=1), str(UUID(int=1))), (Number.ONE, "1")]
)
def test_an_int_or_a_uuid_becomes_a_string(id: Any, text: str) -> None:
    user = User(id)
    assert (user.id, type(user.id)) == (text, str)
    assert user == User(text)


@pytest.mark.parametrize("bad", [None, True, b"u1", 1.0, ["u1"], object()])
def test_an_id_of_another_type_is_a_type_error(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"User\.id must be a string"):
        User(bad)


def test_an_empty_id_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"User\.id must not be empty"):
        User("")


@pytest.mark.parametrize("field", ["id", "name", "email"])
def test_a_lone_surrogate_is_refused_and_not_shown(field: str) -> None:
    with pytest.raises(ValueError, match="surrogate") as caught:
        User(**{"id": "u", field: "secret\ud800text"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("attributes", [{"a": "x\udfff"}, {"\ud800": "x"}])
def test_a_lone_surrogate_in_attributes_is_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="surrogate"):
        User("u", attributes=attributes)


@pytest.mark.parametrize("value", [None, b"x", [1], {"a": 1}, object(), 1j])
def test_an_attribute_of_another_type_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(TypeError, match="plan"):
        User("u", attributes={"plan": value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_cannot_write_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        User("u", attributes={"score": value})


def test_keys_of_attributes_are_strings() -> None:
    with pytest.raises(TypeError, match="key"):
        User("u", attributes={1: "x"})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="mapping"):
        User("u", attributes=[("a", 1)])  # type: ignore[arg-type]


def test_a_user_is_immutable_in_every_part() -> None:
    given = {"plan": "gold"}
    user = User("u", "Ada", attributes=given)
    given["plan"] = "lead"
    assert user.attributes["plan"] == "gold"
    with pytest.raises(AttributeError):
        user.name = "Eve"
    with pytest.raises(AttributeError):
        del user.name
    with pytest.raises(TypeError):
        user.attributes["plan"] = "lead"  # type: ignore[index]


def test_one_and_true_are_different_attributes() -> None:
    users = [User("u", attributes={"a": value}) for value in (1, True, 1.0, "1")]
    assert all((a == b) == (a is b) for a in users for b in users)


def test_equal_users_are_equal_and_hash_alike() -> None:
    a, b = (User("u", "Ada", None, {"x": 1, "y": "z"}) for _ in range(2))
    assert a == b
    assert hash(a) == hash(b)
    assert a != User("u", "Ada", None, {"x": 1})
    assert a != "u"


def test_text_of_an_enum_is_taken_as_plain_text() -> None:
    class Id(StrEnum):
        ADA = "ada"

    user = User(Id.ADA)
    assert user.id == "ada"
    assert type(user.id) is str


def test_a_user_survives_pickle_and_copy() -> None:
    user = User("u", "Ada", "a@example.com", {"n": 1})
    assert pickle.loads(pickle.dumps(user)) == user
    assert copy.deepcopy(user) == user


def test_whether_an_address_is_verified_is_part_of_the_user() -> None:
    users = [User("u", email="a@b", email_verified=value) for value in (None, True, False)]
    assert [user.email_verified for user in users] == [None, True, False]
    assert all((one == other) is (one is other) for one in users for other in users)
    assert [pickle.loads(pickle.dumps(user)) for user in users] == users
    assert all(repr(user) == "User(id='u')" for user in users)


@pytest.mark.parametrize("value", [1, 0, "true"])
def test_email_verified_is_a_boolean(value: object) -> None:
    with pytest.raises(TypeError, match=r"User\.email_verified must be a boolean or None"):
        User("u", email="a@b", email_verified=value)  # type: ignore[arg-type]
