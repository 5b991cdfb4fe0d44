"""Asserts that time grows linearly with the input, as a ratio, so that no test depends on the machine's speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Input = TypeVar("Input")

RATIO = 16
"""How much larger the large input must be than the small one."""

_MAX_FACTOR = 6  # between linear (1) and quadratic (16)
_ATTEMPTS = 4


def assert_linear(work: Callable[[Input], object], small: Input, large: Input) -> None:
    """Asserts that the large input takes no longer than sixteen small ones, give or take some noise.

    Measures the CPU time of this thread, which other processes do not add to. A noisy measurement is repeated.
    """
    for _ in range(_ATTEMPTS):
        expected = min(_cpu_time(work, small, RATIO) for _ in range(2))
        actual = min(_cpu_time(work, large, 1) for _ in range(2))
        if actual < _MAX_FACTOR * expected:
            return
    raise AssertionError(f"{RATIO} times the input takes {RATIO * actual / expected:.0f} times as long")


def _cpu_time(work: Callable[[Input], object], data: Input, times: int) -> float:
    start = time.thread_time()
    for _ in range(times):
        work(data)
    return time.thread_time() - start
