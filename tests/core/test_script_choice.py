"""Which script a page gets under its policies."""

from __future__ import annotations

import re

import pytest

from tests.core.http.test_response_headers import POOL
from tests.core.test_engine import SETTINGS, FakeRequest, inject, page_of
from widgetmw import User, testing
from widgetmw.core.engine import Engine
from widgetmw.core.reasons import SkipReason

INTEGRITY = ("Integrity-Policy", "blocked-destinations=(script), endpoints=(reports)")
SELF_ONLY = ("Content-Security-Policy", "script-src 'self'")


def linked(script: bytes | SkipReason) -> list[bytes]:
    assert isinstance(script, bytes)
    return re.findall(rb"<script[^>]* src=[^>]*>", script)


@pytest.mark.parametrize("name", ["Integrity-Policy", "Integrity-Policy-Report-Only"])
def test_under_an_integrity_policy_the_page_holds_the_runtime_or_its_hash(name: str) -> None:
    engine, header = Engine(SETTINGS), (name, INTEGRITY[1])
    assert len(linked(inject(engine, FakeRequest(), User("ada")))) == 1
    assert linked(inject(engine, FakeRequest(), User("ada"), header)) == []
    (runtime,) = linked(inject(engine, FakeRequest(), User("ada"), header, SELF_ONLY))
    assert b' crossorigin integrity="sha256-' in runtime


def test_a_vendors_loader_is_left_out_only_if_an_integrity_policy_is_enforced() -> None:
    engine = Engine(testing.settings("digitalgenius", WIDGETMW_EMBED="digitalgenius"))
    for name, embeds in (("Integrity-Policy-Report-Only", True), ("Integrity-Policy", False)):
        script = inject(engine, FakeRequest(), User("ada"), (name, INTEGRITY[1]))
        assert isinstance(script, bytes)
        assert (b'"embed":["digitalgenius"]' in script) is embeds
        assert engine.events.counts["note:integrity_blocks_loader"] == (0 if embeds else 1)


def test_after_a_base_of_another_origin_the_page_links_no_script() -> None:
    def after_base(*headers: tuple[str, str]) -> bytes | SkipReason:
        page = page_of(engine, *headers)
        page.note_foreign_base()
        return engine.prepare_page(FakeRequest(), page, [POOL[0], *headers], User("ada")) or page.script

    engine = Engine(SETTINGS)
    assert linked(after_base()) == []
    assert linked(after_base(("Content-Security-Policy", "script-src 'nonce-abc'"))) == []
    assert after_base(SELF_ONLY) is SkipReason.BASE_OF_OTHER_ORIGIN
    assert after_base(SELF_ONLY, INTEGRITY) is SkipReason.BASE_OF_OTHER_ORIGIN
