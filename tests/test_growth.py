"""The check of growth itself."""

from __future__ import annotations

import pytest

from tests.growth import assert_linear


def pairs(items: range) -> int:
    return sum(1 for _ in items for _ in items)


def test_linear_work_passes() -> None:
    assert_linear(sum, range, 100_000)


def test_quadratic_work_is_noticed() -> None:
    with pytest.raises(AssertionError, match="times as much"):
        assert_linear(pairs, range, 1600)
