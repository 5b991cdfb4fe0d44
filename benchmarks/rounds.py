"""Cases measured side by side, in interleaved rounds.

A machine's speed drifts: it heats up, and others use it. Cases that are measured one after the other, as most
benchmark tools do it, differ by that drift. Here each round runs a batch of every case, one behind the other, in an
order that turns; what is reported is the median over the rounds of what two cases differ by *within* a round.
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
"""Runs an operation so many times, and returns how many seconds that took.

In process these are seconds of the thread's own time at work (``time.thread_time``): what the system gives to other
programs meanwhile does not count.
"""

_RESAMPLES = 200
_MOST = 1 << 20
_WARMTH = 8


@dataclass(frozen=True)
class Estimate:
    """A measured number.

    Attributes:
        value: the median over the rounds.
        low: where the interval begins in which the median lies, with 95 % confidence (bootstrap over the rounds).
        high: where it ends.
        least: the same of each case's fastest round, which is less disturbed by other programs; ``None`` where that
            makes no sense.
    """

    value: float
    low: float
    high: float
    least: float | None = None

    @property
    def noise(self) -> float:
        """Half the interval, as a part of the value."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else 0.0


def exact(value: float) -> Estimate:
    """A number that was counted, not timed."""
    return Estimate(value, value, value)


def spread(values: Sequence[float]) -> Estimate:
    """The median of a few values, with the smallest and the largest of them as its interval."""
    return Estimate(median(values), min(values), max(values))


class Rounds:
    """What the rounds took.

    Args:
        times: microseconds per operation, by case; each with one number per round.
    """

    def __init__(self, times: Mapping[str, Sequence[float]]) -> None:
        self.times = times
        self.count = len(next(iter(times.values())))

    def cost(self, case: str, without: str | None = None) -> Estimate:
        """Returns microseconds per operation, less those of another case."""
        return self._estimate(lambda rounds: self._median(case, without, rounds), self._least(case, without))

    def ratio(self, case: str, base: str, without: str | None = None) -> Estimate:
        """Returns how many times a base's cost a case costs; both less those of a case without either."""

        def of(rounds: Sequence[int]) -> float:
            return _divided(self._median(case, without, rounds), self._median(base, without, rounds))

        return self._estimate(of, _divided(self._least(case, without), self._least(base, without)))

    def _median(self, case: str, without: str | None, rounds: Sequence[int]) -> float:
        times = self.times[case]
        if without is None:
            return median([times[i] for i in rounds])
        others = self.times[without]
        return median([times[i] - others[i] for i in rounds])

    def _least(self, case: str, without: str | None) -> float:
        return min(self.times[case]) - (min(self.times[without]) if without else 0.0)

    def _estimate(self, of: Callable[[Sequence[int]], float], least: float) -> Estimate:
        chance = random.Random(0)
        rounds = range(self.count)
        found = sorted(of(chance.choices(rounds, k=self.count)) for _ in range(_RESAMPLES))
        return Estimate(of(rounds), found[_RESAMPLES // 40], found[-1 - _RESAMPLES // 40], least)


def _divided(number: float, by: float) -> float:
    return number / by if by else float("inf")


def interleaved(cases: Mapping[str, Batch], effort: Effort) -> Rounds:
    """Measures cases side by side."""
    counts = {name: _count(batch, effort.batch) for name, batch in cases.items()}
    times: dict[str, list[float]] = {name: [] for name in cases}
    names = list(cases)
    gc.collect()
    gc.freeze()  # what is there before is no business of the cases'
    try:
        for turn in range(effort.rounds):
            start = turn % len(names)
            for name in names[start:] + names[:start]:
                gc.collect()
                cases[name](counts[name] // _WARMTH + 1)  # the case before has left its own code and data in the caches
                times[name].append(cases[name](counts[name]) / counts[name] * 1e6)
    finally:
        gc.unfreeze()
    return Rounds(times)


def _count(batch: Batch, seconds: float) -> int:
    """How many operations take about so long; warms the case up on the way."""
    batch(1)  # the first may import and learn what no other has to
    count = 1
    took = batch(count)
    while took < seconds and count < _MOST:
        count = min(_MOST, max(count * 2, round(count * seconds / took) if took else count * 2))
        took = batch(count)
    return count
