"""Circumstances: https, a runtime that does not come, networks that are slow, pages that meddle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route

from tests.browser.conftest import Visit, sign_in
from tests.browser.simulation import HOUR, MINUTE, is_valid, live, most_in_a_minute, sleep
from tests.browser.site import Form, Site
from tests.browser.standins import script
from tests.browser.test_storms import MISBEHAVIOURS

Profile = Callable[..., BrowserContext]


def test_on_https_the_cookie_is_secure(profile: Profile, site: Site) -> None:
    context = profile()

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix("https://site.test")
        message: Any = {"Cookie": "session=ann"}
        reply = site.serve(path.partition("?")[0], message)
        route.fulfill(status=reply.status, headers=reply.headers, body=reply.body)

    context.route("https://site.test/**", serve)
    page = context.new_page()
    page.goto("https://site.test/")
    page.wait_for_function("document.cookie.includes('widgetmw=1')")
    assert [cookie["secure"] for cookie in context.cookies() if cookie["name"] == "widgetmw"] == [True]
    page.evaluate("widgetmw.signOut()")
    assert context.cookies() == []


@pytest.mark.parametrize("form", ["inline", "external"])
def test_calls_tell_that_the_runtime_did_not_come(visit: Visit, site: Site, form: Form) -> None:
    page = visit(None)
    page.context.route("**/runtime.js*", lambda route: route.abort())
    sign_in(page.context, site, "ann")
    page.goto(site.url)
    calls = "[widgetmw.signOut(), widgetmw.refresh('orlo')]"
    said = page.evaluate(f"Promise.allSettled({calls}).then((all) => all.map((it) => it.reason.message))")
    assert said == ["widgetmw: no runtime"] * 2
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.metadata.auth_token === widgetmw.get('digitalgenius').token")


def test_an_api_frozen_by_the_page_works(visit: Visit, site: Site) -> None:
    site.head = script("Object.freeze(window.widgetmw);")
    page = visit("ann")
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
    assert page.evaluate("[widgetmw.signOut() instanceof Promise, widgetmw.get('orlo')]") == [True, None]


def test_an_element_by_the_name_of_prerendering_delays_nothing(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.head = '<img name="prerendering" alt="">'
    page = visit("ann")
    page.wait_for_function("widgetmw.get('orlo')")


def test_a_network_that_comes_back_wakes_no_idle_tab(visit: Visit, site: Site) -> None:
    site.life = 60
    page = visit("ann", clock=True)
    sleep(page, site, HOUR)
    page.evaluate("dispatchEvent(new Event('online'))")
    live(page, site, 10, active=False)
    assert site.asked == []
    page.mouse.move(5, 5)
    live(page, site, 2, active=False)
    assert is_valid(page, site)


def test_scripts_that_move_the_focus_are_nobodys_use(visit: Visit, site: Site) -> None:
    site.life = 60
    site.body = '<input id="one"><input id="two">'
    page = visit("ann", clock=True)
    live(page, site, 2)
    page.evaluate("setInterval(() => { one.focus(); two.focus(); }, 1000); 0")
    live(page, site, 20 * MINUTE, step=4, active=False)
    asked = len(site.asked)
    live(page, site, 5 * MINUTE, step=4, active=False)
    assert len(site.asked) == asked


def test_a_slow_network_delays_the_token_and_nothing_else(profile: Profile, site: Site) -> None:
    site.delivery = "fetch"
    site.body = '<button onclick="document.title = 1">go</button>'
    page = profile("ann").new_page()
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    conditions = {"offline": False, "latency": 1500, "downloadThroughput": 20_000, "uploadThroughput": 20_000}
    slow.send("Network.emulateNetworkConditions", conditions)
    page.goto(site.url)
    page.click("button")
    assert page.title() == "1"
    page.wait_for_function("widgetmw.get('orlo')")
    assert len(site.asked) == 1


FETCHED = ["unavailable", "no json", "null", "redirect", "already expired", "one second"]


@pytest.mark.parametrize("fault", FETCHED)
def test_with_fetch_delivery_a_broken_endpoint_sees_fewer_than_ten_requests_a_minute(
    visit: Visit, site: Site, fault: str
) -> None:
    site.delivery = "fetch"
    site.script = MISBEHAVIOURS[fault]
    page = visit("ann", clock=True)
    live(page, site, 80, step=2)
    assert 3 <= most_in_a_minute(site.asked) < 10
    site.script = lambda user: None
    live(page, site, 3 * MINUTE, step=5)  # nobody's chat has been signed in here yet: the long back-off holds
    assert is_valid(page, site)
