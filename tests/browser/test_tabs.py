"""Many tabs of one browser, and fetch delivery."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import fake_vendors
from tests.browser.conftest import Visit
from tests.browser.fake_vendors import script
from tests.browser.simulation import MINUTE, has_valid_token, pass_time, wait_for_requests
from tests.browser.site import CHANNEL, KEY, Form, Site, json_response
from tests.combinations import ALL

TABS = 10 if ALL else 5
EMBEDDED = script(fake_vendors.DIGITALGENIUS_EMBEDDED)


def test_many_tabs_make_one_renewal(profile: Callable[..., BrowserContext], site: Site) -> None:
    site.token_lifetime = 12
    context = profile("ann", clock=True)
    pages = [context.new_page() for _ in range(TABS)]
    for page in pages:
        page.goto(site.url)
    while not site.token_requests:
        site.clock_offset += 1
        context.clock.run_for(1000)
        for page in pages:
            wait_for_requests(page)
    for page in pages:
        page.wait_for_function("seen.tokens.length")
    assert len(site.token_requests) == 1
    assert len({page.evaluate("widgetmw.get('orlo').token") for page in pages}) == 1


def test_many_tabs_that_wake_together_make_one_renewal(profile: Callable[..., BrowserContext], site: Site) -> None:
    site.delivery = "fetch"
    context = profile("ann")
    pages = [context.new_page() for _ in range(TABS)]
    for page in pages:
        page.goto("about:blank")
    site.endpoint_override = lambda user: time.sleep(1.5)
    for page in pages:
        page.goto(site.url, wait_until="commit")
    for page in pages:
        page.wait_for_function("window.seen && seen.tokens.length")
    assert len(site.token_requests) <= 2


def test_without_locks_and_channel_every_tab_renews_for_itself(
    profile: Callable[..., BrowserContext], site: Site
) -> None:
    site.token_lifetime = 5
    context = profile("ann")
    context.add_init_script("delete window.BroadcastChannel; delete Navigator.prototype.locks;")
    pages = [context.new_page() for _ in range(2)]
    for page in pages:
        page.goto(site.url)
    for page in pages:
        page.wait_for_function("seen.tokens.length")
    assert len(site.token_requests) == 2


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_with_fetch_delivery_every_vendor_receives_its_token(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    site.delivery = "fetch"
    site.head = EMBEDDED
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a>'
    page = visit("ann")
    page.wait_for_function("seen.tokens.length === 4")
    tokens = site.tokens("ann", relative=False)
    assert page.evaluate("vendor.messages.at(-1).payload") == tokens["digitalgenius"]["token"]
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    assert page.evaluate("orloData") == [[tokens["orlo"]["token"], "o-1"]]
    assert page.get_attribute("#chat", "href") == tokens["giosg"]["url"]
    assert tokens["orlo"]["token"] not in page.content()


def test_fetch_delivery_retries_if_the_endpoint_was_down_at_first(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.endpoint_override = lambda user: json_response(503, {"error": "token_unavailable"})
    page = visit("ann", clock=True)
    pass_time(page, site, 20, step=1)
    assert page.evaluate("widgetmw.get('orlo')") is None
    site.endpoint_override = lambda user: None
    pass_time(page, site, MINUTE, step=1)
    assert has_valid_token(page, site)


def test_a_channel_that_does_not_work_stops_nothing(profile: Callable[..., BrowserContext], site: Site) -> None:
    context = profile("ann")
    context.add_init_script("BroadcastChannel.prototype.postMessage = () => { throw Error('no channel'); };")
    pages = [context.new_page() for _ in range(2)]
    for page in pages:
        page.goto(site.url)
        assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
    pages[0].evaluate("widgetmw.signOut()")
    for page in pages:
        page.wait_for_function("seen.signedout")


FORGED = ["null", "{}", "7", "{type: 'tokens'}", "{type: 'tokens', response: null}", "{type: 'failure'}"]


def test_messages_that_are_not_ours_have_no_effect(visit: Visit, site: Site) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    page.evaluate(
        f"""async () => {{
          const [theirs, seen] = [new BroadcastChannel("{CHANNEL}"), new BroadcastChannel("{CHANNEL}")];
          const all = [{", ".join(FORGED)}];
          for (const message of all) theirs.postMessage(message);
          for (const _ of all) await new Promise((resolve) => {{ seen.onmessage = resolve; }});
        }}"""
    )
    pass_time(page, site, 40, step=1)
    assert has_valid_token(page, site)


def test_a_tab_shows_nothing_of_its_user_once_another_tab_has_loaded_the_page_of_the_next_one(
    profile: Callable[..., BrowserContext], site: Site
) -> None:
    site.vendors = ("digitalgenius",)
    site.head = EMBEDDED
    context = profile("ann")
    page, other = context.new_page(), context.new_page()
    for tab in (page, other):
        tab.goto(site.url)
    # What the other tab stores names the next user. It may be visible here before the message arrives.
    other.evaluate(f"localStorage['{KEY}'] = 'salt.of-bob'")
    page.wait_for_function(f"localStorage['{KEY}'] === 'salt.of-bob'")
    message = "{type: 'signout', user: null, at: Date.now(), pending: []}"
    other.evaluate(f"new BroadcastChannel('{CHANNEL}').postMessage({message})")
    page.wait_for_function("seen.signedout")
    assert page.evaluate("vendor.resets") == 1
