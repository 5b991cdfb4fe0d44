from __future__ import annotations

import re

import pytest

from tests.generated import reasons_table
from widgetmw.core.proxy.reasons import ProxyReason


@pytest.mark.parametrize("reason", ProxyReason)
def test_every_reason_has_a_public_code_a_meaning_and_a_remedy(reason: ProxyReason) -> None:
    assert re.fullmatch(r"[a-z_]+", reason.code)
    assert reason.name == reason.code.upper()
    assert reason.text.endswith(".")
    assert reason.remedy.endswith(".")


def test_the_table_has_a_row_for_each_in_the_order_of_the_codes() -> None:
    codes = re.findall(r"^\| `(\w+)` \|", reasons_table(ProxyReason), re.MULTILINE)
    assert codes == sorted(reason.code for reason in ProxyReason)
