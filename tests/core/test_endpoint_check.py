from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from widgetmw import User, identify
from widgetmw.core.endpoint_check import EndpointCheck
from widgetmw.core.events import Events
from widgetmw.core.identity.original_state import ORIGINAL_STATE
from widgetmw.core.identity.request_identity import acquire, identity_of

ADA = User("ada")


def user_of_session(request: dict[str, Any]) -> User | None:
    return User(request["session"]) if "session" in request else None


async def async_user_of_session(request: dict[str, Any]) -> User | None:
    return user_of_session(request)


def run_awaitable(awaitable: Any) -> None:
    with pytest.raises(StopIteration):
        awaitable.__await__().send(None)


class Array:
    """Refuses to say whether it is true, as arrays of NumPy do."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


def request_with(added: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns a request to which the keys of ``added`` were added inside of the middleware."""
    request = dict(before or {})
    acquire(request, object())
    return request | added


def test_a_session_that_is_set_further_inside_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    check = EndpointCheck(Events())
    for _ in range(2):
        check.run(request_with({"session": "ada"}), user_of_session)
    assert len(caplog.messages) == 1
    assert "depends on 'session'" in caplog.text
    assert check.remaining == 0


def test_what_was_removed_further_inside_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    request = request_with({"session": "ada"}, before={"HTTP_IF_NONE_MATCH": "1", "HTTP_RANGE": "2", "x": 1})
    del request["HTTP_IF_NONE_MATCH"], request["HTTP_RANGE"]
    EndpointCheck(Events()).run(request, user_of_session)
    assert "depends on 'session'" in caplog.text


def test_a_request_that_a_layer_further_out_has_seen_too_is_checked(caplog: pytest.LogCaptureFixture) -> None:
    request: dict[str, Any] = {}
    identity_of(request)
    request["session"] = "ada"  # further out, too
    acquire(request, object())
    EndpointCheck(Events()).run(request, user_of_session)
    assert caplog.messages == []
    EndpointCheck(Events()).run(request | {"user": "ada"}, lambda request: User(request["user"]))
    assert "depends on 'user'" in caplog.text


@pytest.mark.parametrize("before", [{}, {"session": "ada"}])
def test_async_resolvers_are_waited_for(before: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    request = request_with({"session": "ada", "user": "ada"}, before)
    run_awaitable(EndpointCheck(Events()).run(request, async_user_of_session))
    assert ("depends on" in caplog.text) is not bool(before)


def test_a_resolver_that_fails_without_the_session_finds_no_user(caplog: pytest.LogCaptureFixture) -> None:
    EndpointCheck(Events()).run(request_with({"session": "ada"}), lambda request: User(request["session"]))
    assert "depends on 'session'" in caplog.text


def test_pages_whose_user_the_endpoint_finds_are_not_named(caplog: pytest.LogCaptureFixture) -> None:
    check = EndpointCheck(Events())
    identified = request_with({"session": "ada"})
    identify(identified, ADA)
    for request in (request_with({}, before={"session": "ada"}), request_with({"x": 1}), identified):
        check.run(request, user_of_session)
    check.run(request_with({"other": "ada", "session": "ada"}), lambda request: ADA)
    assert caplog.messages == []


def test_only_the_first_pages_are_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    check = EndpointCheck(Events())
    for _ in range(10):
        assert check.remaining
        check.run(request_with({"x": 1}), user_of_session)
    assert not check.remaining


def test_a_plugin_compares_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    check, request = EndpointCheck(Events()), request_with({"session": "ada"})
    identity_of(request).resolved = ADA
    check.run(request, user_of_session)
    assert check.remaining == 9
    assert caplog.messages == []
    check.sees_inner_user = True
    check.compare(request, user_of_session)
    assert "(a mounted app or a route)" in caplog.text
    assert check.remaining == 0


def test_the_user_of_a_page_is_the_one_that_came_with_the_request(caplog: pytest.LogCaptureFixture) -> None:
    check, nobody = EndpointCheck(Events()), SimpleNamespace(is_authenticated=False)
    resolve = check.wrap_resolver(lambda request: request.get("user"), {"user": "ada"})
    assert resolve({"user": "ada"}) == resolve({"user": "eve"}) == "ada"
    assert resolve({}) is resolve({"user": None}) is None
    assert caplog.messages == []
    resolve = check.wrap_resolver(lambda request: request["user"], {"user": nobody})
    assert resolve({"user": "eve"}) is resolve({"user": "eve"}) is nobody
    (line,) = caplog.messages
    assert "has set another user" in line


def test_what_did_not_come_with_the_request_is_hidden() -> None:
    check, request = EndpointCheck(Events()), request_with({"session": "eve", "user": "eve"})
    shown = check.with_original_identity(request, {"session": None, "user": "ada"})
    assert (shown.get("session"), shown["user"]) == (None, "ada")
    assert check.with_original_identity(request, {"session": "eve", "user": "eve"}) is request


@pytest.mark.parametrize(
    ("arrived", "state", "expected"),
    [
        ({}, {"user": "5"}, 1),
        ({"user": None}, {"user": "5"}, 1),
        ({}, {"current_user": SimpleNamespace(is_authenticated=True)}, 1),
        ({}, {"user": SimpleNamespace(is_authenticated=False)}, 0),
        ({}, {"db": object(), "user": None}, 0),
        ({"user": ADA}, {"user": ADA}, 0),
        ({}, None, 0),
    ],
)
def test_a_user_whom_a_route_puts_into_the_state_is_reported(
    arrived: dict[str, Any], state: Any, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    EndpointCheck(Events()).warn_if_replaced(state, arrived)
    assert caplog.text.count("endpoint_without_user") == expected


def user_of_state(request: dict[str, Any]) -> User | None:
    user_id = request.get("state", {}).get("user")
    return User(user_id) if user_id else None


@pytest.mark.parametrize(("before", "expected"), [({}, 1), ({"user": "ada"}, 0)])
def test_a_user_whom_an_inner_layer_puts_into_the_state_is_reported(
    before: dict[str, Any], expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    request = request_with({}, {"state": {**before}, ORIGINAL_STATE: before})
    request["state"]["user"] = "ada"
    EndpointCheck(Events()).run(request, user_of_state)
    assert caplog.text.count("'state.user'") == expected


def test_a_state_may_hold_values_that_are_neither_true_nor_false(caplog: pytest.LogCaptureFixture) -> None:
    EndpointCheck(Events()).warn_if_replaced({"weights": Array(), "user": "5"}, {})
    assert "endpoint_without_user" in caplog.text
