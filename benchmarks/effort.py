"""How long to measure: for a result that is kept, for a look in between, or to see that the code runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        name: of the effort.
        rounds: of all cases, interleaved.
        batch: seconds that one case runs for in one round, at least.
        scale: of the counts that a section has of its own.
    """

    name: str
    rounds: int
    batch: float
    scale: float

    def of(self, count: int, least: int = 1) -> int:
        """Returns a section's own count at this effort."""
        return max(least, round(count * self.scale))


FULL = Effort("full", 101, 0.004, 1)
QUICK = Effort("quick", 31, 0.002, 0.1)
TINY = Effort("tiny", 3, 0.0, 0.001)
EFFORTS = {effort.name: effort for effort in (FULL, QUICK, TINY)}
