"""Measures cases side by side, in interleaved rounds.

A machine's speed drifts: it heats up, and other programs use it. If cases are measured one after the other, as in most
benchmark tools, that drift shows up as a difference between them. Here each round runs a batch of every case, in an
order that rotates. The result is the median, over all rounds, of the difference *within* a round.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from benchmarks.effort import Effort

Batch: TypeAlias = Callable[[int], float]
"""Runs an operation a number of times and returns the seconds it took.

In process, these are the CPU seconds of the thread (``time.thread_time``), so other programs do not count.
"""

_RESAMPLES = 200
_MAX_COUNT = 1 << 20
_WARM_UP_SHARE = 8


@dataclass(frozen=True)
class Estimate:
    """A measured figure.

    Attributes:
        value: Median over the rounds.
        low: Lower end of the 95 % confidence interval of the median (bootstrap over the rounds).
        high: Upper end of it.
        fastest: The figure computed from each case's fastest round, which other programs disturb least; ``None`` if
            that makes no sense.
    """

    value: float
    low: float
    high: float
    fastest: float | None = None

    @property
    def noise(self) -> float:
        """Half the width of the interval, relative to the value."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else 0.0


def exact(value: float) -> Estimate:
    """Returns the estimate of a number that was counted, not timed."""
    return Estimate(value, value, value)


def spread(values: Sequence[float]) -> Estimate:
    """Returns the median of a few values, with the smallest and the largest as the interval."""
    return Estimate(median(values), min(values), max(values))


class Rounds:
    """The times of all rounds.

    Args:
        times: Microseconds per operation, by case; one number per round.
    """

    def __init__(self, times: Mapping[str, Sequence[float]]) -> None:
        self.times = times
        self.count = len(next(iter(times.values())))

    def cost(self, case: str, without: str | None = None) -> Estimate:
        """Returns microseconds per operation, minus those of another case."""
        return self._estimate(lambda rounds: self._median(case, without, rounds), self._fastest(case, without))

    def ratio(self, case: str, base: str, without: str | None = None) -> Estimate:
        """Returns the cost of a case divided by that of a base case; both minus the cost of a case without either."""

        def of(rounds: Sequence[int]) -> float:
            return _divide(self._median(case, without, rounds), self._median(base, without, rounds))

        return self._estimate(of, _divide(self._fastest(case, without), self._fastest(base, without)))

    def _median(self, case: str, without: str | None, rounds: Sequence[int]) -> float:
        times = self.times[case]
        if without is None:
            return median([times[i] for i in rounds])
        others = self.times[without]
        return median([times[i] - others[i] for i in rounds])

    def _fastest(self, case: str, without: str | None) -> float:
        return min(self.times[case]) - (min(self.times[without]) if without else 0.0)

    def _estimate(self, of: Callable[[Sequence[int]], float], fastest: float) -> Estimate:
        chance = random.Random(0)
        rounds = range(self.count)
        found = sorted(of(chance.choices(rounds, k=self.count)) for _ in range(_RESAMPLES))
        return Estimate(of(rounds), found[_RESAMPLES // 40], found[-1 - _RESAMPLES // 40], fastest)


def _divide(number: float, by: float) -> float:
    return number / by if by else float("inf")


def run_interleaved(cases: Mapping[str, Batch], effort: Effort) -> Rounds:
    """Measures cases in interleaved rounds."""
    counts = {name: _count(batch, effort.batch) for name, batch in cases.items()}
    times: dict[str, list[float]] = {name: [] for name in cases}
    names = list(cases)
    gc.collect()
    gc.freeze()  # objects from before are not collected during the rounds
    try:
        for turn in range(effort.rounds):
            start = turn % len(names)
            for name in names[start:] + names[:start]:
                gc.collect()
                cases[name](counts[name] // _WARM_UP_SHARE + 1)  # warm the caches, which hold the previous case
                times[name].append(cases[name](counts[name]) / counts[name] * 1e6)
    finally:
        gc.unfreeze()
    return Rounds(times)


def _count(batch: Batch, seconds: float) -> int:
    """Returns how many operations take about that long; warms the case up as well."""
    batch(1)  # the first call may import modules and fill caches
    count = 1
    took = batch(count)
    while took < seconds and count < _MAX_COUNT:
        count = min(_MAX_COUNT, max(count * 2, round(count * seconds / took) if took else count * 2))
        took = batch(count)
    return count
