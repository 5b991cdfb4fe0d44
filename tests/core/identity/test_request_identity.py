from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from widgetmw import User, identify
from widgetmw.core.identity.request_identity import (
    IDENTITY_KEY,
    UNSET,
    acquire,
    identity_of,
    is_owner,
    link_request,
    may_be_authenticated,
    release,
)

ADA = User("ada")


def test_one_middleware_at_a_time_is_responsible_for_a_request() -> None:
    request: dict[str, Any] = {}
    outer, inner = object(), object()
    assert acquire(request, outer) is identity_of(request)
    assert acquire(request, inner) is None
    assert is_owner(request, outer)
    assert not is_owner(request, inner)
    release(request)
    assert acquire(request, inner) is not None


def test_a_reused_request_forgets_the_prefetched_user_and_keeps_what_was_said() -> None:
    request: dict[str, Any] = {}
    identify(request, ADA)
    identity = identity_of(request)
    identity.resolved = User("eve")
    assert acquire(request, object()) is identity
    assert identity.resolved is UNSET
    assert identity.explicit is ADA


def test_a_copy_of_a_request_shares_its_identity() -> None:
    request: dict[str, Any] = {}
    acquire(request, object())
    identify(dict(request), None)
    assert identity_of(request).explicit is None


def test_linked_requests_share_their_identity() -> None:
    scope: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    link_request(scope, meta)
    identify(meta, ADA)
    assert identity_of(scope).explicit is ADA


@pytest.mark.parametrize("name", ["asgi.scope", "wsgi_environ"])
def test_the_identity_crosses_a_bridge_that_names_the_other_side(name: str) -> None:
    outer: dict[str, Any] = {}
    identify(outer, ADA)
    inner: dict[str, Any] = {name: outer}
    assert acquire(inner, object()) is outer[IDENTITY_KEY]


class Hostile:
    @property
    def is_authenticated(self) -> bool:
        raise RuntimeError


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, False),
        ({"REMOTE_USER": "ada"}, True),
        ({"REMOTE_USER": ""}, False),
        ({"user": SimpleNamespace(is_authenticated=True)}, True),
        ({"user": SimpleNamespace(is_authenticated=False)}, False),
        ({"user": object()}, True),
        ({"user": Hostile()}, True),
    ],
)
def test_a_request_may_be_authenticated_when_unsure(request_: dict[str, Any], expected: bool) -> None:
    assert may_be_authenticated(request_) is expected


def test_a_request_that_was_identified_as_anonymous_may_have_been_authenticated_before() -> None:
    request: dict[str, Any] = {}
    identify(request, None)
    assert may_be_authenticated(request)


def test_identify_accepts_only_a_user_or_none() -> None:
    with pytest.raises(TypeError, match="identify takes a User or None, not str"):
        identify({}, "ada")  # type: ignore[arg-type]
