"""Many tabs of one browser, and pages that fetch their tokens."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import standins
from tests.browser.conftest import Visit
from tests.browser.simulation import MINUTE, is_valid, live
from tests.browser.site import Form, Site, answer
from tests.browser.standins import script

CONNECTED = script(standins.DIGITALGENIUS_EMBEDDED)


def test_twenty_tabs_make_one_renewal(profile: Callable[..., BrowserContext], site: Site) -> None:
    site.life = 12
    context = profile("ann")
    pages = [context.new_page() for _ in range(20)]
    for page in pages:
        page.goto(site.url)
    site.forget()
    for page in pages:
        page.wait_for_function("seen.tokens.length", timeout=30_000)
    assert len(site.asked) == 1
    assert len({page.evaluate("widgetmw.get('orlo').token") for page in pages}) == 1


def test_twenty_tabs_that_wake_together_make_one_renewal(profile: Callable[..., BrowserContext], site: Site) -> None:
    site.delivery = "fetch"
    context = profile("ann")
    pages = [context.new_page() for _ in range(20)]
    for page in pages:
        page.goto("about:blank")
    site.script = lambda user: time.sleep(1.5)
    for page in pages:
        page.goto(site.url, wait_until="commit")
    for page in pages:
        page.wait_for_function("window.seen && seen.tokens.length")
    assert len(site.asked) <= 2


def test_without_locks_and_channel_every_tab_manages_for_itself(
    profile: Callable[..., BrowserContext], site: Site
) -> None:
    site.life = 5
    context = profile("ann")
    context.add_init_script("delete window.BroadcastChannel; delete Navigator.prototype.locks;")
    pages = [context.new_page() for _ in range(2)]
    for page in pages:
        page.goto(site.url)
    for page in pages:
        page.wait_for_function("seen.tokens.length", timeout=15_000)
    assert len(site.asked) == 2


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_fetch_delivery_brings_the_token_by_the_same_ways(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    site.delivery = "fetch"
    site.head = CONNECTED
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a>'
    page = visit("ann")
    page.wait_for_function("seen.tokens.length === 4")
    tokens = site.tokens("ann", relative=False)
    assert page.evaluate("vendor.messages.at(-1).payload") == tokens["digitalgenius"]["token"]
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    assert page.evaluate("orloData") == [[tokens["orlo"]["token"], "o-1"]]
    assert page.get_attribute("#chat", "href") == tokens["giosg"]["url"]
    assert tokens["orlo"]["token"] not in page.content()


def test_fetch_delivery_asks_again_when_the_endpoint_was_down_at_first(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.script = lambda user: answer(503, {"error": "token_unavailable"})
    page = visit("ann", clock=True)
    live(page, site, 20, step=1)
    assert page.evaluate("widgetmw.get('orlo')") is None
    site.script = lambda user: None
    live(page, site, MINUTE, step=1)
    assert is_valid(page, site)
