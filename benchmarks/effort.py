"""How long to measure: for a stored result, for a quick comparison, or only to check that the code runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much to measure.

    Attributes:
        name: Its name on the command line.
        rounds: Number of rounds; each round runs every case.
        batch: Minimum seconds for which one case runs in one round.
        scale: Factor for the counts that a section has of its own.
    """

    name: str
    rounds: int
    batch: float
    scale: float

    def scaled(self, count: int, minimum: int = 1) -> int:
        """Returns a section's own count, scaled to this effort."""
        return max(minimum, round(count * self.scale))


FULL = Effort("full", 101, 0.004, 1)
QUICK = Effort("quick", 31, 0.002, 0.1)
TINY = Effort("tiny", 3, 0.0, 0.001)
EFFORTS = {effort.name: effort for effort in (FULL, QUICK, TINY)}
