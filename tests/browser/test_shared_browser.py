"""One browser, several tabs, several people, several apps: who cleans what, once, and of whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Visit, sign_in, sign_out
from tests.browser.simulation import MINUTE, most_in_a_minute, release_lock, settle, until
from tests.browser.site import Site, answer
from tests.browser.standins import GIOSG_TAG, script
from tests.browser.traces import CLOSED, CONNECTED, converse

Profile = Callable[..., BrowserContext]
OWED = "widgetmw:/_widgetmw/token:owed"
CALLS = "_giosg._e.map((call) => [...call].slice(0, 3))"


# --- a clean-up that waits for a vendor -----------------------------------------------------------


def test_a_clean_up_without_giosgs_tag_is_done_by_the_next_page_that_has_it(profile: Profile, site: Site) -> None:
    site.vendors = ("giosg",)
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    page.goto(site.url)
    assert page.evaluate("[document.cookie, Object.keys(localStorage)]") == ["", []]
    site.head = script(GIOSG_TAG)
    sign_in(context, site, "bob")
    page.goto(site.url)
    token = page.evaluate("widgetmw.get('giosg').token")
    assert page.evaluate(CALLS) == [*CLOSED, ["visitor", "submit", token]]
    page.goto(site.url)
    assert page.evaluate(CALLS) == [["visitor", "submit", token]]


def test_a_clean_up_with_giosgs_script_on_its_way_owes_nothing(profile: Profile, site: Site) -> None:
    site.vendors = ("giosg",)
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    site.head = script(GIOSG_TAG)
    page.goto(site.url)
    assert page.evaluate(CALLS) == CLOSED
    sign_in(context, site, "bob")
    page.goto(site.url)
    assert len(page.evaluate(CALLS)) == 1


def test_a_page_without_a_vendor_hands_its_debt_on(profile: Profile, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    page.goto(site.url)
    sign_in(context, site, "bob")
    site.vendors = ("orlo",)
    page.goto(site.url + "/without")
    site.vendors = ("digitalgenius",)
    site.head, _ = CONNECTED
    page.goto(site.url)
    assert page.evaluate("[vendor.resets, localStorage.length]") == [1, 1]


# --- tabs that come late --------------------------------------------------------------------------


def put_away(page: Page, site: Site) -> None:
    page.goto(site.url + "/chat")


def bring_back(page: Page) -> None:
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.persisted")


def test_a_tab_that_hears_late_leaves_the_next_persons_things_alone(cached: BrowserContext, site: Site) -> None:
    old, new = cached.new_page(), cached.new_page()
    old.goto(site.url)
    put_away(old, site)
    sign_in(cached, site, "bob")
    new.goto(site.url)
    new.evaluate(
        "Object.assign(localStorage, {'hissuno_chat_p-1_b': 'bob', 'hissuno_sessions_p-1_bob': '[2]', dg_session: 'b'})"
    )
    bring_back(old)
    old.wait_for_function("seen.signedout")
    assert old.evaluate("window.HISSUNO_WIDGET_CONFIG?.userId") in (None, "bob")
    kept = old.evaluate("['hissuno_chat_p-1_b', 'hissuno_sessions_p-1_bob', 'dg_session'].map((k) => localStorage[k])")
    assert kept == ["bob", "[2]", "b"]
    put_away(old, site)
    assert new.evaluate(f"localStorage['{OWED}']") is None


def test_storage_cleared_by_the_page_signs_nobody_out(cached: BrowserContext, site: Site) -> None:
    page = cached.new_page()
    page.goto(site.url)
    page.evaluate("localStorage.clear()")
    put_away(page, site)
    bring_back(page)
    until(page, lambda: site.asked)
    settle(page)
    assert page.evaluate("[seen.signedout, widgetmw.get('orlo').provider]") == [0, "orlo"]
    assert len(site.asked) == 1


def test_an_anonymous_page_that_comes_back_after_a_sign_in_asks_again(cached: BrowserContext, site: Site) -> None:
    site.delivery = "fetch"
    sign_out(cached)
    page = cached.new_page()
    page.goto(site.url)
    until(page, lambda: site.asked)
    settle(page)
    release_lock(page)
    put_away(page, site)
    sign_in(cached, site, "ann")
    other = cached.new_page()
    other.goto(site.url)
    other.wait_for_function("widgetmw.get('orlo')")
    bring_back(page)
    page.wait_for_function("widgetmw.get('orlo')")


def test_another_persons_page_leaves_that_persons_own_list_of_chats(profile: Profile, site: Site) -> None:
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    converse(page)
    page.evaluate("localStorage['hissuno_sessions_p-1_bob'] = '[2]'")
    sign_in(context, site, "bob")
    page.goto(site.url)
    found = page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('hissuno_sessions_p-1'))")
    assert found == ["hissuno_sessions_p-1_bob"]


# --- two apps on one host -------------------------------------------------------------------------


def test_an_app_that_nobody_signed_in_to_cleans_nothing_of_its_neighbours(profile: Profile, site: Site) -> None:
    site.head, site.body = CONNECTED
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    converse(page)
    site.facts = {"url": "/two/_widgetmw/token"}
    other = context.new_page()
    sign_out(context)
    other.goto(site.url + "/two/")
    assert other.evaluate("[seen.signedout, vendor.resets]") == [0, 0]
    assert "widgetmw=1" in other.evaluate("document.cookie")
    assert page.evaluate("[seen.signedout, localStorage['hissuno_sessions_p-1_ann']]") == [0, "[1]"]
    site.facts = {}
    page.goto(site.url)
    assert page.evaluate("[seen.signedout, document.cookie]") == [1, ""]


def test_the_cookie_stays_while_a_neighbour_needs_it(profile: Profile, site: Site) -> None:
    context = profile("ann")
    first, second = context.new_page(), context.new_page()
    first.goto(site.url)
    site.facts = {"url": "/two/_widgetmw/token"}
    second.goto(site.url + "/two/")
    second.evaluate("widgetmw.signOut()")
    assert "widgetmw=1" in first.evaluate("document.cookie")
    first.evaluate("widgetmw.signOut()")
    assert "widgetmw" not in first.evaluate("document.cookie")


# --- an endpoint that fails, and many tabs --------------------------------------------------------


def use_all(pages: list[Page], site: Site, seconds: float, step: float) -> None:
    for number in range(round(seconds / step)):
        site.shift += step
        pages[0].context.clock.run_for(round(step * 1000))
        for page in pages:
            page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
            if number % 3 == 0:
                page.evaluate("void widgetmw.refresh('orlo')")
        for page in pages:
            settle(page)


FAULTS: dict[str, Callable[[str | None], Any]] = {
    "unavailable": lambda user: answer(503, {"error": "token_unavailable"}),
    "expired": lambda user: answer(
        200,
        {
            "user": f"mark-of-{user}",
            "tokens": {"orlo": {"token": "x", "expires_at": 5, "refresh_at": 4, "expires_in": 0, "refresh_in": 0}},
        },
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_all_tabs_together_make_fewer_than_ten_requests_a_minute(profile: Profile, site: Site, fault: str) -> None:
    site.life = 20
    context = profile("ann", clock=True)
    pages = [context.new_page() for _ in range(4)]
    for page in pages:
        page.goto(site.url)
    site.script = FAULTS[fault]
    use_all(pages, site, 1.5 * MINUTE, step=4)
    assert len(site.asked) >= 3
    assert most_in_a_minute(site.asked) < 10


def test_a_session_that_flickers_makes_fewer_than_ten_requests_a_minute(visit: Visit, site: Site) -> None:
    site.life = 5
    page = visit("ann", clock=True)
    turn = iter(range(10_000))
    site.script = lambda user: answer(401, {"error": "not_authenticated"}) if next(turn) % 2 == 0 else None
    for number in range(200):
        site.shift += 0.5
        page.context.clock.run_for(500)
        page.mouse.move(number % 50, 10)
        settle(page)
    assert len(site.asked) >= 6
    assert most_in_a_minute(site.asked) < 10
    assert page.evaluate("seen.signedout") == 0


def test_all_tabs_of_nobody_together_make_fewer_than_ten_requests_a_minute(profile: Profile, site: Site) -> None:
    site.delivery = "fetch"
    context = profile(clock=True)
    pages = [context.new_page() for _ in range(4)]
    for page in pages:
        page.goto(site.url)
        settle(page)
    site.asked.clear()
    use_all(pages, site, 1.5 * MINUTE, step=2)
    assert most_in_a_minute(site.asked) < 10
