"""The page after: of nobody, of the same person, of another; and what the browser remembers in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Visit, sign_in, sign_out
from tests.browser.simulation import HOUR, live, sleep
from tests.browser.site import Form, Site
from tests.browser.standins import script
from tests.browser.traces import CLOSED, CONNECTED, NOTHING, converse, traces

Profile = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def connected(site: Site) -> None:
    site.head, site.body = CONNECTED


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_the_page_after_a_redirecting_sign_out_cleans_up_once(profile: Profile, site: Site, form: Form) -> None:
    site.form = form
    site.body += script("addEventListener('widgetmw:signedout', () => { window.heard = true; });")
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    converse(page)
    sign_out(context)
    page.goto(site.url)
    assert traces(page) == NOTHING
    assert page.evaluate("heard")
    assert site.asked == []
    page.goto(site.url)
    assert page.evaluate("[window.widgetmw, document.cookie]") == [None, ""]


def test_a_page_that_cleans_up_gives_no_configuration(profile: Profile, site: Site) -> None:
    site.head = ""
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    page.goto(site.url)
    assert (
        page.evaluate("[window.DG_CHAT_WIDGET_CONFIG, window.DG_SDK_CONFIG, window.HISSUNO_WIDGET_CONFIG]")
        == [None] * 3
    )


def test_a_clean_up_that_needs_the_widget_is_done_by_the_next_page_that_has_it(profile: Profile, site: Site) -> None:
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    connected, site.head = site.head, ""
    sign_out(context)
    page.goto(site.url)
    assert page.evaluate("[seen.signedout, localStorage.dg_session, document.cookie]") == [1, "conversation", ""]

    site.head = connected
    sign_in(context, site, "bob")
    page.goto(site.url)
    assert page.evaluate("[vendor.resets, localStorage.dg_session]") == [1, None]
    assert page.evaluate("vendor.messages") == [
        {"name": "auth_token", "payload": page.evaluate("widgetmw.get('digitalgenius').token")}
    ]
    assert page.evaluate("Object.keys(localStorage)") == ["widgetmw:/_widgetmw/token"]
    page.goto(site.url)
    assert page.evaluate("vendor.resets") == 0


def test_the_next_page_of_the_same_person_keeps_everything(profile: Profile, site: Site) -> None:
    page = profile("ann").new_page()
    page.goto(site.url)
    converse(page)
    page.goto(site.url + "/next")
    assert page.evaluate("[seen.signedout, vendor.resets, localStorage['hissuno_sessions_p-1_ann']]") == [0, 0, "[1]"]


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_another_person_in_a_new_page_gets_a_clean_browser(profile: Profile, site: Site, delivery: str) -> None:
    site.delivery = delivery  # type: ignore[assignment]
    context = profile("ann")
    old, new = context.new_page(), context.new_page()
    old.goto(site.url)
    old.wait_for_function("widgetmw.get('orlo')")
    converse(old)
    sign_in(context, site, "bob")
    new.goto(site.url)
    new.wait_for_function("widgetmw.get('orlo')")
    found = traces(new)
    token = new.evaluate("widgetmw.get('digitalgenius').token")
    assert (found["resets"], found["events"], found["giosg"]) == (1, 1, CLOSED)
    assert found["hissuno"]["userId"] == "bob"
    assert found["metadata"] == {"auth_token": token}
    assert new.evaluate("vendor.messages") == [{"name": "auth_token", "payload": token}]
    assert {name for name in found["storage"] if "ann" in name} == {"hissuno_sessions_p-2_ann"}
    # the tab of the person before
    old.wait_for_function("seen.signedout")
    assert traces(old)["tokens"] == 0
    assert new.evaluate("document.cookie.includes('widgetmw=1')")
    new.goto(site.url)
    new.wait_for_function("widgetmw.get('orlo')")
    assert new.evaluate("[seen.signedout, vendor.resets]") == [0, 0]


def test_another_person_in_the_answer_takes_the_place_of_the_first(visit: Visit, site: Site) -> None:
    page = visit("ann")
    converse(page)
    sign_in(page.context, site, "bob")
    assert page.evaluate("widgetmw.refresh('hissuno').then(() => HISSUNO_WIDGET_CONFIG.userId)") == "bob"
    found = traces(page)
    assert (found["resets"], found["events"], found["giosg"], found["tokens"]) == (1, 1, CLOSED, 4)
    assert "hissuno_sessions_p-1_ann" not in found["storage"]
    assert "user=bob" in found["link"]


# --- what is remembered ---------------------------------------------------------------------------


def test_what_is_remembered_names_nobody(visit: Visit, site: Site) -> None:
    site.head = ""
    page = visit("ann")
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "widgetmw")
    assert (cookie["value"], cookie["path"], cookie["sameSite"], cookie["expires"]) == ("1", "/", "Lax", -1)
    storage = page.evaluate("({...localStorage})")
    assert list(storage) == ["widgetmw:/_widgetmw/token"]
    assert "ann" not in str(storage)
    other = visit("ann").evaluate("({...localStorage})")
    assert other != storage  # salted


BLOCKED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"


def test_without_storage_the_cookie_alone_makes_the_next_page_clean_up(profile: Profile, site: Site) -> None:
    site.vendors = ("giosg", "orlo")
    site.head = ""
    context = profile("ann")
    context.add_init_script(BLOCKED)
    page = context.new_page()
    page.goto(site.url)
    page.goto(site.url)
    assert page.evaluate("[seen.signedout, Boolean(widgetmw.get('giosg'))]") == [0, True]
    sign_out(context)
    page.goto(site.url)
    assert page.evaluate("[seen.signedout, document.cookie]") == [1, ""]
    assert page.evaluate("_giosg._e.map((call) => [...call])") == CLOSED


def test_a_tab_that_slept_through_the_sign_out_holds_nothing_afterwards(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    sleep(page, site, 10 * HOUR)
    sign_out(page.context)
    page.mouse.move(2, 2)
    for _ in range(10):
        live(page, site, 1)
    assert traces(page)["tokens"] == 0
