from __future__ import annotations

from typing import Any

from widgetmw.core.identity.original_state import ORIGINAL_STATE, with_original_state


class Array:
    """Refuses to say whether it is true, as arrays of NumPy do."""

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


def shown(state: dict[str, Any], original: dict[str, Any]) -> Any:
    return with_original_state({"state": state, ORIGINAL_STATE: original})["state"]


def test_what_routes_have_changed_or_added_is_not_shown() -> None:
    original = {"user": "ada", "limit": 1}
    assert shown({"user": "eve", "limit": 1, "users": ["eve"]}, original) == original


def test_what_routes_have_emptied_stays_empty_since_that_may_be_a_sign_out() -> None:
    assert shown({"user": None, "limit": 1}, {"user": "ada", "limit": 1}) == {"user": None, "limit": 1}


def test_a_scope_whose_state_is_unchanged_is_returned_as_it_is() -> None:
    original = {"user": "ada"}
    scope: dict[str, Any] = {"state": {**original}, ORIGINAL_STATE: original}
    assert with_original_state(scope) is scope
    without: dict[str, Any] = {"state": {"user": "eve"}}
    assert with_original_state(without) is without


def test_what_a_resolver_adds_to_the_state_reaches_the_layers_of_the_app() -> None:
    state = {"user": "eve"}
    shown(state, {"user": "ada"})["db"] = "session"
    assert state == {"user": "eve", "db": "session"}


def test_a_state_may_hold_values_that_are_neither_true_nor_false() -> None:
    original = {"weights": Array(), "user": "ada"}
    assert shown({**original, "weights": Array(), "user": "eve"}, original) == original
