"""Hostile markup and scripts in the page, and responses that make no sense."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import Visit
from tests.browser.simulation import pass_time
from tests.browser.site import Form, Response, Site

PLANTED = {
    "url": "/evil",
    "user": "eve",
    "now": 9_999_999_999,
    "vendors": {
        "digitalgenius": {"page": {}, "token": {"provider": "digitalgenius", "token": "EVE", "expires_at": 1e10}}
    },
}


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_a_planted_data_block_is_ignored(visit: Visit, site: Site, form: Form) -> None:
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


def test_a_script_placed_after_one_that_extends_all_objects_starts(visit: Visit, site: Site) -> None:
    html = f"<!doctype html><body><script>Object.prototype.legacy = null;</script>{site.script_tags('ann')}</body>"
    site.pages["/placed"] = lambda user: Response(200, html.encode(), {"Content-Type": "text/html"})
    page = visit("ann", "/placed")
    assert page.evaluate("widgetmw.refresh('orlo').then((found) => found.provider)") == "orlo"


def test_a_first_response_with_expired_tokens_is_not_an_error(visit: Visit, site: Site) -> None:
    site.delivery, site.token_lifetime = "fetch", -60
    page = visit("ann", clock=True)
    pass_time(page, site, 3)
    assert page.evaluate("widgetmw.get('digitalgenius')") is None
    assert len(site.token_requests) < 6
