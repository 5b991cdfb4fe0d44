from __future__ import annotations

import logging
import re

import pytest

from tests.generated import reasons_table
from widgetmw.core.reasons import SkipReason


@pytest.mark.parametrize("reason", SkipReason)
def test_every_reason_has_a_public_code_a_meaning_and_a_remedy(reason: SkipReason) -> None:
    assert re.fullmatch(r"[a-z_]+", reason.code)
    assert reason.name == reason.code.upper()
    assert reason.text.endswith(".")
    assert reason.remedy.endswith(".")


def test_what_every_site_sends_is_not_logged() -> None:
    assert SkipReason.NOT_HTML.log_level is SkipReason.SIGNING_OUT.log_level is SkipReason.MINT_FAILED.log_level is None
    assert SkipReason.ANONYMOUS.log_level == logging.DEBUG
    assert SkipReason.SHARED_CACHE.log_level == logging.WARNING


def test_the_table_has_a_row_for_each_in_the_order_of_the_codes() -> None:
    codes = re.findall(r"^\| `(\w+)` \|", reasons_table(SkipReason), re.MULTILINE)
    assert codes == sorted(reason.code for reason in SkipReason)
