"""Signing out: nothing of the person stays in the page, in storage, or in another tab; and nobody else loses a thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import standins
from tests.browser.conftest import Visit, sign_in, sign_out
from tests.browser.simulation import DAY, HOUR, live, settle, sleep
from tests.browser.site import Site, answer
from tests.browser.standins import script

STORED = {
    "hissuno_chat_p-1_abc": "hello",
    "hissuno_sessions_p-1_ann": "[1]",
    "hissuno_chat_p-2_abc": "another project",
    "hissuno_sessions_p-2_ann": "another project",
    "theme": "dark",
}
KEPT = {name: STORED[name] for name in ("hissuno_chat_p-2_abc", "hissuno_sessions_p-2_ann", "theme")}
CLOSED = [["visitor", "removeAll"], ["chat", "close", {"all": True, "hide": True, "clearHistory": True}]]

Profile = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def connected(site: Site) -> None:
    """Pages with a widget, a link and an open conversation."""
    site.head = script("window.DG_CHAT_WIDGET_CONFIG = {theme: 'dark'};" + standins.DIGITALGENIUS_EMBEDDED)
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a>'


def converse(page: Page) -> None:
    page.evaluate("(stored) => Object.assign(localStorage, stored)", STORED)


def unauthorized(user: str | None) -> Any:
    return answer(401, {"error": "not_authenticated"})


def traces(page: Page) -> dict[str, Any]:
    """What there is of a person in a page and its storage."""
    found: dict[str, Any] = page.evaluate(
        """() => ({
          tokens: ["digitalgenius", "hissuno", "orlo", "giosg"].map((name) => widgetmw.get(name)).filter(Boolean).length,
          metadata: DG_CHAT_WIDGET_CONFIG.metadata ?? {},
          resets: vendor.resets,
          hissuno: window.HISSUNO_WIDGET_CONFIG ?? null,
          giosg: (window._giosg?._e ?? []).map((call) => [...call]).filter((call) => call[1] !== "submit"),
          link: document.getElementById("chat").getAttribute("href"),
          cookie: document.cookie.includes("widgetmw"),
          storage: {...localStorage},
          events: seen.signedout,
        })"""
    )
    return found


NOTHING = {
    "tokens": 0,
    "metadata": {},
    "resets": 1,
    "hissuno": None,
    "giosg": CLOSED,
    "link": None,
    "cookie": False,
    "storage": KEPT,
    "events": 1,
}


def test_sign_out_by_the_page_cleans_up_once(visit: Visit) -> None:
    page = visit("ann")
    converse(page)
    # at once: in the same task
    assert page.evaluate("[widgetmw.signOut() instanceof Promise, widgetmw.get('orlo')]") == [True, None]
    page.evaluate("widgetmw.signOut()")
    assert traces(page) == NOTHING


def test_listeners_hear_that_the_token_is_gone(visit: Visit) -> None:
    page = visit("ann")
    page.evaluate("window.snaps = []; widgetmw.subscribe('hissuno', () => snaps.push(window.HISSUNO_WIDGET_CONFIG ?? null)); 0")
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("snaps") == [None]


def test_no_request_follows_a_sign_out(visit: Visit, site: Site) -> None:
    site.life = 60
    page = visit("ann", clock=True)
    page.evaluate("widgetmw.signOut()")
    live(page, site, HOUR, step=30)
    assert site.asked == []


def test_a_confirmed_401_ends_it(visit: Visit, site: Site) -> None:
    site.life = 20
    page = visit("ann", clock=True)
    converse(page)
    site.script = unauthorized
    live(page, site, 30, step=0.5)
    assert traces(page) == NOTHING
    first, second = (request.at for request in site.asked)
    assert 2 <= second - first <= 6
    live(page, site, DAY, step=HOUR)
    assert len(site.asked) == 2


@pytest.mark.parametrize("second", ["tokens", "unavailable"])
def test_a_single_401_ends_nothing(visit: Visit, site: Site, second: str) -> None:
    site.life = 20
    page = visit("ann", clock=True)
    converse(page)
    answers = iter([unauthorized, lambda user: answer(503, {}) if second == "unavailable" else None])
    site.script = lambda user: next(answers, lambda user: None)(user)
    live(page, site, 60, step=0.5)
    assert len(site.asked) >= 3
    assert page.evaluate("[seen.signedout, vendor.resets, localStorage['hissuno_sessions_p-1_ann']]") == [0, 0, "[1]"]
    assert page.evaluate("seen.tokens.length") >= 4


def test_a_401_where_nobody_was_signed_in_is_silent_and_cleans_nothing(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    page = visit(None, clock=True)
    converse(page)
    page.wait_for_timeout(300)
    live(page, site, DAY, step=HOUR)
    assert len(site.asked) == 1
    found = traces(page)
    assert (found["resets"], found["giosg"], found["events"], found["cookie"]) == (0, [], 0, False)
    assert found["storage"] == STORED | {"dg_session": "conversation"}


def test_refresh_starts_a_runtime_that_had_nobody_signed_in(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.life = 20
    page = visit(None, clock=True)
    settle(page)
    refused = page.evaluate("widgetmw.refresh('orlo').catch((error) => error.message)")
    assert refused == "widgetmw: nobody is signed in"
    sign_in(page.context, site, "ann")
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
    asked = len(site.asked)
    live(page, site, 60, step=1)
    assert len(site.asked) >= asked + 3


def test_sign_out_where_nobody_was_signed_in_keeps_the_anonymous_chat(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    page = visit(None)
    converse(page)
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[seen.signedout, vendor.resets, localStorage.dg_session]") == [0, 0, "conversation"]


def test_an_answer_under_way_at_sign_out_revives_nobody(visit: Visit, site: Site) -> None:
    page = visit("ann")
    held_back: list[Any] = []
    page.route("**/_widgetmw/token", lambda route: held_back.append(route))
    page.evaluate("window.late = widgetmw.refresh('orlo').catch((error) => error.message); 0")
    page.wait_for_timeout(200)
    page.evaluate("widgetmw.signOut()")
    held_back[0].continue_()
    assert page.evaluate("late") == "widgetmw: signed out"
    page.wait_for_timeout(300)
    assert page.evaluate("[widgetmw.get('orlo'), document.cookie.includes('widgetmw')]") == [None, False]


# --- other tabs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["", "BroadcastChannel"])
def test_other_tabs_follow(profile: Profile, site: Site, missing: str) -> None:
    context = profile("ann")
    if missing:
        context.add_init_script(f"delete window.{missing};")
    pages = [context.new_page() for _ in range(3)]
    for page in pages:
        page.goto(site.url)
    converse(pages[0])
    pages[1].evaluate("widgetmw.signOut()")
    for page in pages:
        page.wait_for_function("seen.signedout")
        assert traces(page) == NOTHING


def test_two_people_in_two_browsers_are_apart(profile: Profile, site: Site) -> None:
    ann, bob = (profile(user).new_page() for user in ("ann", "bob"))
    for page in (ann, bob):
        page.goto(site.url)
    ann.evaluate("widgetmw.signOut()")
    assert bob.evaluate("[HISSUNO_WIDGET_CONFIG.userId, seen.signedout]") == ["bob", 0]


# --- the page after -----------------------------------------------------------------------------------------------------


def test_the_page_after_a_redirecting_sign_out_cleans_up_once(profile: Profile, site: Site) -> None:
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    converse(page)
    sign_out(context)
    page.goto(site.url)
    assert traces(page) == NOTHING
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
    assert page.evaluate("[window.DG_CHAT_WIDGET_CONFIG, window.DG_SDK_CONFIG, window.HISSUNO_WIDGET_CONFIG]") == [None] * 3


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


# --- what is remembered -------------------------------------------------------------------------------------------------


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
