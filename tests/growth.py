"""Checks how the cost of work grows with its input. It compares CPU time with CPU time, so load changes nothing."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PARTS = 8
ROUNDS = 6


def assert_linear(work: Callable[[T], object], make: Callable[[int], T], size: int) -> None:
    """Asserts that one large input costs about as much as the same amount in small inputs.

    Args:
        work: what is measured.
        make: builds an input from its size.
        size: of the large input; the small ones are an eighth of it.

    Quadratic work costs eight times as much on the large input, so half of that is the limit.
    """
    small, large = make(size // PARTS), make(size)
    in_parts = in_one = float("inf")
    gc.disable()
    try:
        for _ in range(ROUNDS):  # the fastest of some runs, since other programs disturb caches
            in_parts = min(in_parts, _cpu_seconds(work, small, PARTS))
            in_one = min(in_one, _cpu_seconds(work, large, 1))
            if in_one < PARTS / 2 * in_parts:
                return
    finally:
        gc.enable()
    raise AssertionError(
        f"one input of {size} costs {in_one / in_parts:.1f} times as much as {PARTS} of {size // PARTS}"
    )


def _cpu_seconds(work: Callable[[T], object], argument: T, times: int) -> float:
    start = time.thread_time()
    for _ in range(times):
        work(argument)
    return time.thread_time() - start
