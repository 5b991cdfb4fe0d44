"""Benchmarks: what the package costs, as ratios to named baselines measured in the same run (``make bench``)."""
