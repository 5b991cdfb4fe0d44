from __future__ import annotations

from typing import Any

import pytest

from widgetmw import User, identify
from widgetmw.core.endpoint_check import IN_MOUNT, EndpointCheck
from widgetmw.core.events import Events
from widgetmw.core.identity.request_identity import identity_of

ADA = User("ada")


def user_of_session(request: dict[str, Any]) -> User | None:
    return User(request["session"]) if "session" in request else None


async def async_user_of_session(request: dict[str, Any]) -> User | None:
    return user_of_session(request)


def run_awaitable(awaitable: Any) -> None:
    with pytest.raises(StopIteration):
        awaitable.__await__().send(None)


def test_a_session_that_is_set_further_inside_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    check = EndpointCheck(Events())
    for _ in range(2):
        check.run({}, {"session": "ada"}, user_of_session)
    assert len(caplog.messages) == 1
    assert "depends on 'session'" in caplog.text
    assert check.remaining == 0


@pytest.mark.parametrize("before", [{}, {"session": "ada"}])
def test_async_resolvers_are_waited_for(before: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    awaitable = EndpointCheck(Events()).run(before, {"session": "ada", "user": "ada"}, async_user_of_session)
    run_awaitable(awaitable)
    assert ("depends on" in caplog.text) is not bool(before)


def test_a_resolver_that_fails_without_the_session_finds_no_user(caplog: pytest.LogCaptureFixture) -> None:
    EndpointCheck(Events()).run({}, {"session": "ada"}, lambda request: User(request["session"]))
    assert "depends on 'session'" in caplog.text


def test_pages_whose_user_the_endpoint_finds_are_not_named(caplog: pytest.LogCaptureFixture) -> None:
    check = EndpointCheck(Events())
    identified: dict[str, Any] = {"session": "ada"}
    identify(identified, ADA)
    for request in ({"session": "ada"}, {"x": 1}, identified):
        check.run({"session": "ada"} if len(request) == 1 else {}, request, user_of_session)
    check.run({}, {"other": "ada", "session": "ada"}, lambda request: ADA)
    assert caplog.messages == []


def test_only_the_first_pages_are_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    check = EndpointCheck(Events())
    for _ in range(10):
        assert check.remaining
        check.run({}, {"x": 1}, user_of_session)
    assert not check.remaining


def test_a_plugin_compares_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    check, request = EndpointCheck(Events()), {"session": "ada"}
    identity_of(request).resolved = ADA
    check.run({}, request, user_of_session)
    assert check.remaining == 9
    assert caplog.messages == []
    check.compare({}, request, user_of_session, IN_MOUNT)
    assert "a mounted app or a route sets" in caplog.text
    assert check.remaining == 0
