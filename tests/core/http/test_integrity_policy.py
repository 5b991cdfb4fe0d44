"""The Integrity-Policy header."""

from __future__ import annotations

import pytest

from tests.growth import assert_linear
from widgetmw.core.http.integrity_policy import requires_integrity


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("blocked-destinations=(script)", True),
        ("blocked-destinations=(style script), endpoints=(integrity)", True),
        ("endpoints=(script-reports), blocked-destinations = ( script )", True),
        ("blocked-destinations=(style)", False),
        ("blocked-destinations=(scripts)", False),
        ("blocked-destinations=()", False),
        ("endpoints=(script)", False),
        ("blocked-destinations=script", False),
        ("blocked-destinations=(script", False),
        ("", False),
    ],
)
def test_which_policies_block_linked_scripts(value: str, expected: bool) -> None:
    assert requires_integrity([value]) is expected
    assert requires_integrity(["blocked-destinations=(style)", value]) is expected


@pytest.mark.parametrize("part", ["blocked-destinations=(", "blocked-destinations= ", "blocked-destinations=(x", "  "])
def test_any_value_takes_linear_time(part: str) -> None:
    assert_linear(lambda value: requires_integrity([value]), lambda size: part * size, 20_000)
