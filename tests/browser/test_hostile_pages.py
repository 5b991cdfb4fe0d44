"""Markup and scripts of others in the page, and answers that make no sense."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import Visit
from tests.browser.simulation import live
from tests.browser.site import Form, Site

PLANTED = {
    "url": "/evil",
    "user": "eve",
    "now": 9_999_999_999,
    "vendors": {
        "digitalgenius": {"page": {}, "token": {"provider": "digitalgenius", "token": "EVE", "expires_at": 1e10}}
    },
}


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_a_data_block_of_somebody_elses_is_none_of_ours(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    site.body = f'<script type="application/json" data-widgetmw>{json.dumps(PLANTED)}</script>'
    page = visit("ann")
    page.wait_for_function("widgetmw.refresh.name !== undefined && document.readyState === 'complete'")
    page.evaluate("widgetmw.refresh('digitalgenius')")
    assert page.evaluate("seen.signedout") == 0
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.metadata.auth_token") != "EVE"
    page.evaluate(
        "(text) => { const block = document.createElement('script'); block.type = 'application/json';"
        " block.dataset.widgetmw = ''; block.textContent = text; document.body.append(block); }",
        json.dumps(PLANTED),
    )
    assert page.evaluate("widgetmw.get('digitalgenius').token") != "EVE"


def test_enumerable_properties_of_all_objects_do_no_harm(visit: Visit, site: Site) -> None:
    site.head = "<script>Object.prototype.foo = 'bar'; Object.prototype.each = function () {};</script>"
    page = visit("ann")
    assert page.evaluate("widgetmw.refresh('orlo').then((found) => found.provider)") == "orlo"


def test_first_answers_with_tokens_that_have_expired_are_no_error(visit: Visit, site: Site) -> None:
    site.delivery, site.life = "fetch", -60
    page = visit("ann", clock=True)
    live(page, site, 3)
    assert page.evaluate("widgetmw.get('digitalgenius')") is None
    assert len(site.asked) < 6
