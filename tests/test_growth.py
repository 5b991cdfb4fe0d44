from __future__ import annotations

import pytest

from tests.growth import RATIO, assert_linear


def count_to(number: int) -> int:
    return sum(range(number))


def test_linear_time_passes() -> None:
    assert_linear(count_to, 5_000, 5_000 * RATIO)


def test_quadratic_time_fails() -> None:
    with pytest.raises(AssertionError, match="times the input takes"):
        assert_linear(lambda number: [count_to(number) for _ in range(number)], 60, 60 * RATIO)
