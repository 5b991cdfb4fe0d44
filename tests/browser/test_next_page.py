"""The next page: anonymous, for the same user, or for another; and what the browser remembers in between."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Tab, Visit, sign_in, sign_out
from tests.browser.fake_vendors import script
from tests.browser.simulation import DAY, HOUR, pass_time, sleep
from tests.browser.site import KEY, Form, Site
from tests.browser.user_data import GIOSG_CLEANUP, NO_USER_DATA, WIDGET_PAGE, store_conversations, user_data

Profile = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def connected(site: Site) -> None:
    site.head, site.body = WIDGET_PAGE


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_the_page_after_a_redirecting_sign_out_cleans_up_once(profile: Profile, site: Site, form: Form) -> None:
    site.form = form
    site.body += script("addEventListener('widgetmw:signedout', () => { window.notified = true; });")
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    store_conversations(page)
    sign_out(context)
    page.goto(site.url)
    assert user_data(page)["events"] == 0  # the page alone is no proof of a sign-out
    pass_time(page, site, 6, step=0.5)
    assert user_data(page) == NO_USER_DATA
    assert page.evaluate("notified")
    assert len(site.token_requests) == 2
    page.goto(site.url)
    assert page.evaluate("[window.widgetmw, document.cookie]") == [None, ""]


def test_a_page_that_only_cleans_up_carries_no_configuration(tab: Tab, site: Site) -> None:
    site.head = ""
    page = tab("ann")
    page.goto(site.url)
    sign_out(page.context)
    page.goto(site.url)
    assert (
        page.evaluate("[window.DG_CHAT_WIDGET_CONFIG, window.DG_SDK_CONFIG, window.HISSUNO_WIDGET_CONFIG]")
        == [None] * 3
    )


def test_a_clean_up_that_needs_the_widget_runs_on_the_next_page_with_the_widget(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    connected, site.head = site.head, ""
    sign_out(context)
    page.goto(site.url)
    pass_time(page, site, 6, step=0.5)
    assert page.evaluate("[seen.signedout, localStorage.dg_session]") == [1, "conversation"]
    assert page.evaluate("document.cookie") == f"{KEY}=1"  # until the clean-up has run
    page.goto(site.url)
    pass_time(page, site, 6, step=0.5)
    assert page.evaluate("[seen.signedout, document.cookie]") == [0, f"{KEY}=1"]

    site.head = connected
    sign_in(context, site, "bob")
    page.goto(site.url)
    assert page.evaluate("[vendor.resets, localStorage.dg_session]") == [1, None]
    assert page.evaluate("vendor.messages") == [
        {"name": "auth_token", "payload": page.evaluate("widgetmw.get('digitalgenius').token")}
    ]
    assert page.evaluate("Object.keys(localStorage).sort()") == [KEY, f"{KEY}:time"]
    page.goto(site.url)
    assert page.evaluate("vendor.resets") == 0


def test_the_next_page_of_the_same_user_keeps_everything(tab: Tab, site: Site) -> None:
    page = tab("ann")
    page.goto(site.url)
    store_conversations(page)
    page.goto(site.url + "/next")
    assert page.evaluate("[seen.signedout, vendor.resets, localStorage['hissuno_sessions_p-1_ann']]") == [0, 0, "[1]"]


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_a_new_page_of_another_user_cleans_up(profile: Profile, site: Site, delivery: str) -> None:
    site.delivery = delivery  # type: ignore[assignment]
    context = profile("ann")
    old, new = context.new_page(), context.new_page()
    old.goto(site.url)
    old.wait_for_function("widgetmw.get('orlo')")
    store_conversations(old)
    sign_in(context, site, "bob")
    new.goto(site.url)
    new.wait_for_function("widgetmw.get('orlo')")
    found = user_data(new)
    token = new.evaluate("widgetmw.get('digitalgenius').token")
    assert (found["resets"], found["events"], found["giosg"]) == (1, 1, GIOSG_CLEANUP)
    assert found["hissuno"]["userId"] == "bob"
    assert found["metadata"] == {"auth_token": token}
    assert new.evaluate("vendor.messages") == [{"name": "auth_token", "payload": token}]
    assert {name for name in found["storage"] if "ann" in name} == {"hissuno_sessions_p-2_ann"}
    # the tab of the previous user
    old.wait_for_function("seen.signedout")
    assert user_data(old)["tokens"] == 0
    assert new.evaluate("document.cookie.includes('widgetmw_5eed=1')")
    new.goto(site.url)
    new.wait_for_function("widgetmw.get('orlo')")
    assert new.evaluate("[seen.signedout, vendor.resets]") == [0, 0]


def test_a_response_for_another_user_replaces_the_first_user(visit: Visit, site: Site) -> None:
    page = visit("ann")
    store_conversations(page)
    sign_in(page.context, site, "bob")
    assert page.evaluate("widgetmw.refresh('hissuno').then(() => HISSUNO_WIDGET_CONFIG.userId)") == "bob"
    found = user_data(page)
    assert (found["resets"], found["events"], found["giosg"], found["tokens"]) == (1, 1, GIOSG_CLEANUP, 4)
    assert "hissuno_sessions_p-1_ann" not in found["storage"]
    assert "user=bob" in found["link"]


# --- what is remembered ---------------------------------------------------------------------------


def test_cookie_and_storage_do_not_identify_the_user(visit: Visit, profile: Profile, site: Site) -> None:
    site.head = ""
    page = visit("ann")
    cookie = next(cookie for cookie in page.context.cookies(site.url) if cookie["name"] == KEY)
    assert (cookie["value"], cookie["path"], cookie["sameSite"]) == ("1", "/", "Lax")
    assert 29 * DAY < cookie["expires"] - time.time() < 31 * DAY
    storage = page.evaluate("({...localStorage})")
    assert sorted(storage) == [KEY, f"{KEY}:time"]
    assert "ann" not in str(storage)
    other = visit("ann", context=profile("ann")).evaluate("({...localStorage})")
    assert other != storage  # salted


BLOCKED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"


def test_without_storage_the_cookie_alone_triggers_the_clean_up(profile: Profile, site: Site) -> None:
    site.vendors = ("giosg", "orlo")
    site.head = ""
    context = profile("ann", clock=True)
    context.add_init_script(BLOCKED)
    page = context.new_page()
    page.goto(site.url)
    page.goto(site.url)
    assert page.evaluate("[seen.signedout, Boolean(widgetmw.get('giosg'))]") == [0, True]
    sign_out(context)
    page.goto(site.url)
    pass_time(page, site, 6, step=0.5)
    assert page.evaluate("[seen.signedout, document.cookie]") == [1, ""]
    assert page.evaluate("_giosg._e.map((call) => [...call])") == GIOSG_CLEANUP


def test_a_tab_that_slept_through_a_sign_out_holds_no_token_afterwards(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    sleep(page, site, 10 * HOUR)
    sign_out(page.context)
    page.mouse.move(2, 2)
    for _ in range(10):
        pass_time(page, site, 1)
    assert user_data(page)["tokens"] == 0
