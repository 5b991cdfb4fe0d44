from __future__ import annotations

import pytest

from widgetmw.core.memo import Memo


def test_a_value_is_computed_once() -> None:
    calls: list[str] = []
    memo = Memo(lambda key: calls.append(key) or key.upper())
    assert [memo["a"], memo["a"], memo["b"]] == ["A", "A", "B"]
    assert calls == ["a", "b"]


def test_it_is_cleared_when_full() -> None:
    memo = Memo(lambda key: key, limit=2)
    for key in "abc":
        assert memo[key] == key
    assert dict(memo) == {"c": "c"}


def test_an_error_is_not_remembered() -> None:
    divisors = iter([0, 7])
    memo = Memo(lambda key: 49 // next(divisors))
    with pytest.raises(ZeroDivisionError):
        memo["a"]
    assert memo["a"] == 7
