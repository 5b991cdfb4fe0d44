"""The oldest supported browsers, simulated by removing what they lack, and tabs that stop at a bad moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import sign_out
from tests.browser.simulation import pass_time, wait_until
from tests.browser.site import Form, Site
from tests.browser.user_data import NO_USER_DATA, WIDGET_PAGE, user_data
from tests.combinations import combine

Profile = Callable[..., BrowserContext]

#: What came to browsers after Chrome and Edge 85, Firefox 79 and Safari 14.
NEWER = """
for (const name of ["navigation", "reportError", "structuredClone", "trustedTypes"]) delete window[name];
delete AbortSignal.timeout;
delete AbortSignal.any;
delete AbortSignal.prototype.throwIfAborted;
delete AbortController.prototype.reason;
for (const type of [Array, String]) delete type.prototype.at;
for (const name of ["findLast", "findLastIndex", "toSorted", "toSpliced", "with"]) delete Array.prototype[name];
delete Object.hasOwn;
delete Object.groupBy;
delete Promise.any;
delete Promise.withResolvers;
delete String.prototype.replaceAll;
delete Document.prototype.prerendering;
"""
WITHOUT_TABS = "delete window.BroadcastChannel; Object.defineProperty(navigator, 'locks', {value: undefined});"
WITHOUT = {"chrome-85": NEWER, "safari-14": NEWER + WITHOUT_TABS}


@combine(browser_name=WITHOUT, form=["inline", "external"])
def test_the_oldest_browsers_renew_and_sign_out(profile: Profile, site: Site, browser_name: str, form: Form) -> None:
    site.form, site.token_lifetime = form, 20
    site.head, site.body = WIDGET_PAGE
    context = profile("ann", clock=True)
    context.add_init_script(WITHOUT[browser_name])
    page = context.new_page()
    page.goto(site.url)
    first = page.evaluate("widgetmw.get('orlo').token")
    for _ in range(40):
        site.clock_offset += 1
        context.clock.run_for(1000)
        page.mouse.move(1, 1)
        page.wait_for_function("seen.pending === 0")
    assert page.evaluate("widgetmw.get('orlo').token") != first
    assert len(site.token_requests) >= 2
    page.evaluate("widgetmw.signOut()")
    assert user_data(page) == NO_USER_DATA | {"storage": {}}


@pytest.mark.parametrize("missing", WITHOUT.values(), ids=WITHOUT)
def test_the_oldest_browsers_notice_new_content(profile: Profile, site: Site, missing: str) -> None:
    context = profile("ann", clock=True)
    context.add_init_script(missing)
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    page.evaluate("document.body.replaceChildren(document.createElement('main'))")
    for _ in range(12):
        context.clock.run_for(500)
        page.wait_for_function("seen.pending === 0")
    assert page.evaluate("seen.signedout") == 1


def test_a_lock_that_cannot_be_requested_does_not_stop_renewal(profile: Profile, site: Site) -> None:
    context = profile("ann")
    failing = "{request: () => { throw new DOMException('no', 'SecurityError'); }}"
    context.add_init_script(f"Object.defineProperty(navigator, 'locks', {{value: {failing}}});")
    page = context.new_page()
    page.goto(site.url)
    for _ in range(2):
        assert page.evaluate("widgetmw.refresh('orlo').then(({provider}) => provider)") == "orlo"


def test_a_tab_that_stops_with_the_lock_delays_the_others_by_seconds(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    stopped, page = context.new_page(), context.new_page()
    for each in (stopped, page):
        each.goto(site.url)
    stopped.evaluate("void navigator.locks.request('widgetmw_5eed', () => new Promise(() => {}))")
    stopped.wait_for_function("navigator.locks.query().then(({held}) => held.length)")
    page.evaluate("window.fresh = widgetmw.refresh('orlo').then(({provider}) => provider); 0")
    context.clock.run_for(4000)
    assert site.token_requests == []
    context.clock.run_for(5000)
    assert page.evaluate("fresh") == "orlo"


def test_many_tabs_behind_a_stopped_one_cause_no_storm(profile: Profile, site: Site) -> None:
    site.token_lifetime = 20
    context = profile("ann", clock=True)
    pages = [context.new_page() for _ in range(5)]
    for page in pages:
        page.goto(site.url)
    pages[0].evaluate("void navigator.locks.request('widgetmw_5eed', () => new Promise(() => {}))")
    for _ in range(30):
        site.clock_offset += 2
        context.clock.run_for(2000)
        for page in pages[1:]:
            page.wait_for_function("seen.pending === 0")
    assert 1 <= len(site.token_requests) <= 10


@pytest.mark.parametrize(
    "call", ["signOut()", "refresh('orlo')", "getToken('digitalgenius').then(() => Promise.reject())"]
)
def test_calls_settle_if_the_page_never_finishes_loading(profile: Profile, site: Site, call: str) -> None:
    site.head = "<script>window.loading = true;</script>"
    site.body = "<script src='/never.js'></script>"
    context = profile("ann", clock=True)
    page = context.new_page()
    held = []
    page.route("**/never.js", lambda route: held.append(route))
    page.goto(site.url, wait_until="commit")
    wait_until(page, lambda: held)
    page.evaluate(f"window.settle = () => {{ window.settled = true; }}; widgetmw.{call}.then(settle, settle); 0")
    context.clock.run_for(6000)
    page.wait_for_function("settled")


def test_a_sign_out_while_the_runtime_is_blocked_is_done_by_the_next_page(profile: Profile, site: Site) -> None:
    site.vendors = ("hissuno",)
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    page.evaluate("localStorage['hissuno_sessions_p-1_ann'] = '[1]'")
    page.route("**/runtime.js*", lambda route: route.abort())
    page.goto(site.url)
    page.evaluate("widgetmw.signOut().catch(() => 0); 0")
    sign_out(context)
    page.unroute("**/runtime.js*")
    page.goto(site.url)
    pass_time(page, site, 6)
    assert page.evaluate("[seen.signedout, localStorage['hissuno_sessions_p-1_ann'] ?? null]") == [1, None]
