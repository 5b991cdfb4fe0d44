"""How long something took: durations by bucket, as Prometheus and OpenTelemetry count them."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

# An HMAC takes about 20 microseconds, an RSA signature 300, and a vendor's class from elsewhere may ask a server.
BOUNDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)


class Histogram:
    """Durations in seconds by bucket.

    Attributes:
        counts: how many durations fell into each bucket, up to and including its bound in ``BOUNDS``; the last number
            is of those above all bounds.
        sum: of all durations.
    """

    def __init__(self) -> None:
        self.counts: list[int] = [0] * (len(BOUNDS) + 1)
        self.sum: float = 0.0

    def observe(self, seconds: float) -> None:
        """Adds one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def add(self, other: Histogram) -> None:
        """Adds the durations of another histogram."""
        self.counts = [ours + theirs for ours, theirs in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum
