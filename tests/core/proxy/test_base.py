from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from widgetmw import User
from widgetmw.core.errors import ResolverError
from widgetmw.core.proxy.base import (
    HeaderValues,
    Proxy,
    ProxyIdentity,
    ProxyIdentityError,
    is_printable,
    load_proxy,
    registered_names,
)
from widgetmw.core.proxy.reasons import ProxyReason


class Minimal(Proxy):
    name = "minimal"
    header_names = ("x-user",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.hidden = values

    def read_identity(self, headers: HeaderValues, now: float) -> ProxyIdentity:
        return ProxyIdentity(User(headers["x-user"][0]))


def test_every_registered_proxy_can_be_loaded_by_its_name() -> None:
    for name in registered_names():
        kind = load_proxy(name)
        assert issubclass(kind, Proxy)
        assert kind.name == name


def test_an_unknown_name_cannot_be_loaded() -> None:
    with pytest.raises(KeyError):
        load_proxy("minimal")


def test_a_proxy_needs_no_keys_and_is_trusted_by_its_address_unless_it_says_otherwise() -> None:
    proxy = Minimal({})
    assert not proxy.is_signed
    assert proxy.required_variables == proxy.optional_variables == ()
    assert proxy.describe_trust() == "trusted by its address alone"


def test_the_repr_of_a_proxy_shows_none_of_its_values() -> None:
    assert repr(Minimal({"WIDGETMW_PROXY_KEYS": "hidden"})) == "<Minimal>"


def test_an_identity_keeps_its_meaning_for_ever_unless_it_expires() -> None:
    identity = Minimal({}).read_identity({"x-user": ["ada-1"]}, now=0.0)
    assert identity == (User("ada-1"), False, float("inf"))


def test_an_identity_error_is_a_resolver_error_that_names_its_reason() -> None:
    error = ProxyIdentityError(ProxyReason.ASSERTION_KEY)
    assert isinstance(error, ResolverError)
    assert error.reason is ProxyReason.ASSERTION_KEY
    assert "assertion_key: No configured key" in str(error)


@pytest.mark.parametrize("value", ["ada-1", "Zoë Łukasz", "李", "a b", "a,b", " ada "])
def test_printable_text_can_be_part_of_an_identity(value: str) -> None:
    assert is_printable(value)


@pytest.mark.parametrize(
    "value", ["", " ", "\t", "a\nb", "a\x00", "a\u200bb", "a\u00a0b", "a\ud800", None, 7, True, b"a"]
)
def test_anything_else_cannot(value: object) -> None:
    assert not is_printable(value)
