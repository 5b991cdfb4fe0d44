"""Leaves out combinations of parameters: `make test` runs each value of a test, `make servers` all combinations."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import cycle, islice, product
from typing import Any

import pytest

ALL = bool(os.environ.get("ALL_PAIRS"))


def only_with_all(test: Callable[..., Any]) -> Callable[..., Any]:
    """Leaves a test out of `make test`, because it takes seconds for what another test there shows in part."""
    return pytest.mark.only_with_all(test)


def leave_out(items: list[pytest.Item]) -> None:
    """Removes the tests that `make test` leaves out."""
    items[:] = [item for item in items if ALL or not item.get_closest_marker("only_with_all")]


def combine(indirect: Sequence[str] = (), **values: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrizes a test with each value of each parameter, whose others alternate."""
    choices = [list(each) for each in values.values()]
    longest = max(len(each) for each in choices)
    rows = product(*choices) if ALL else zip(*(islice(cycle(each), longest) for each in choices), strict=True)
    return pytest.mark.parametrize(tuple(values), list(rows), indirect=indirect)


def take_turns(items: list[pytest.Item], subject: Callable[[pytest.Function], Hashable | None]) -> list[pytest.Item]:
    """Leaves a test with many parameters one of them for each subject, for example each server.

    The subjects take turns with the parameters. Tests without a subject are kept.
    """
    tests: defaultdict[tuple[str, Hashable], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and (of_test := subject(item)):
            tests[item.nodeid.partition("[")[0], of_test].append(item)
    numbers = {each: number for number, each in enumerate(dict.fromkeys(of_test for _, of_test in tests))}
    left_out = {
        item for (_, of_test), each in tests.items() for item in each if item is not each[numbers[of_test] % len(each)]
    }
    return items if ALL else [item for item in items if item not in left_out]


def parameter(item: pytest.Function, name: str) -> Any:
    """Returns the value of a parameter of the test; ``None`` if it has no such parameter."""
    return item.callspec.params.get(name) if hasattr(item, "callspec") else None
