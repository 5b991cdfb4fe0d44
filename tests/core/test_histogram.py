from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from widgetmw.core.histogram import BOUNDS, Histogram


def test_a_duration_counts_in_the_first_bucket_whose_bound_it_does_not_exceed() -> None:
    histogram = Histogram()
    for seconds in (0.0, BOUNDS[0], 0.0003, 2.0):
        histogram.observe(seconds)
    assert histogram.counts == [2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert histogram.sum == BOUNDS[0] + 0.0003 + 2.0


@given(st.lists(st.floats(0, 10)), st.lists(st.floats(0, 10)))
def test_two_histograms_add_up(some: list[float], others: list[float]) -> None:
    one, two, both = Histogram(), Histogram(), Histogram()
    for seconds in some:
        one.observe(seconds)
    for seconds in others:
        two.observe(seconds)
    for seconds in (*some, *others):
        both.observe(seconds)
    one.add(two)
    assert one.counts == both.counts
    assert abs(one.sum - both.sum) < 1e-6
