"""Signing out: no data of the user stays in page, storage or other tabs, and no other user loses data."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Visit, sign_in, sign_out
from tests.browser.simulation import (
    DAY,
    HOUR,
    MINUTE,
    REAL_TIMEOUT,
    await_promise,
    pass_time,
    wait_for_requests,
    wait_until,
)
from tests.browser.site import KEY, Delivery, Response, Site, json_response
from tests.browser.user_data import CONVERSATIONS, NO_USER_DATA, UNRELATED, WIDGET_PAGE, store_conversations, user_data

Profile = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def connected(site: Site) -> None:
    site.head, site.body = WIDGET_PAGE


def unauthorized(user: str | None) -> Response:
    return json_response(401, {"error": "not_authenticated"})


def test_sign_out_by_the_page_cleans_up_once(visit: Visit) -> None:
    page = visit("ann")
    store_conversations(page)
    # Synchronously, in the same task.
    assert page.evaluate("[widgetmw.signOut() instanceof Promise, widgetmw.get('orlo')]") == [True, None]
    page.evaluate("widgetmw.signOut()")
    assert user_data(page) == NO_USER_DATA


def test_listeners_are_called_when_the_token_is_gone(visit: Visit) -> None:
    page = visit("ann")
    page.evaluate(
        "window.snaps = []; widgetmw.subscribe('hissuno', () => snaps.push(window.HISSUNO_WIDGET_CONFIG ?? null)); 0"
    )
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("snaps") == [None]


def test_no_request_follows_a_sign_out(visit: Visit, site: Site) -> None:
    site.token_lifetime = 60
    page = visit("ann", clock=True)
    page.evaluate("widgetmw.signOut()")
    pass_time(page, site, HOUR, step=MINUTE)
    assert site.token_requests == []


def test_a_confirmed_401_ends_the_session(visit: Visit, site: Site) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    store_conversations(page)
    site.endpoint_override = unauthorized
    pass_time(page, site, 30, step=0.5)
    assert user_data(page) == NO_USER_DATA
    first, second = (request.at for request in site.token_requests)
    assert 2 <= second - first <= 6
    pass_time(page, site, DAY, step=HOUR)
    assert len(site.token_requests) == 2


@pytest.mark.parametrize("second", ["tokens", "unavailable"])
def test_a_single_401_does_not_end_the_session(visit: Visit, site: Site, second: str) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    store_conversations(page)
    responses = iter([unauthorized, lambda user: json_response(503, {}) if second == "unavailable" else None])
    site.endpoint_override = lambda user: next(responses, lambda user: None)(user)
    pass_time(page, site, 60, step=0.5)
    assert len(site.token_requests) >= 3
    assert page.evaluate("[seen.signedout, vendor.resets, localStorage['hissuno_sessions_p-1_ann']]") == [0, 0, "[1]"]
    assert page.evaluate("seen.tokens.length") >= 4


def test_a_401_in_an_anonymous_browser_has_no_effect(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    page = visit(None, clock=True)
    store_conversations(page)
    wait_for_requests(page)
    pass_time(page, site, DAY, step=HOUR)
    assert len(site.token_requests) == 1
    found = user_data(page)
    assert (found["resets"], found["giosg"], found["events"], found["cookie"]) == (0, [], 0, False)
    assert found["storage"] == CONVERSATIONS | {"dg_session": "conversation"}


def test_refresh_after_a_sign_in_starts_renewal_in_an_anonymous_page(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.token_lifetime = 20
    page = visit(None, clock=True)
    wait_for_requests(page)
    message = await_promise(page, site, "widgetmw.refresh('orlo').catch((error) => error.message)")
    assert message == "widgetmw: signed out"
    sign_in(page.context, site, "ann")
    assert await_promise(page, site, "widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
    before = len(site.token_requests)
    pass_time(page, site, 60, step=1)
    assert len(site.token_requests) >= before + 3


def test_sign_out_in_an_anonymous_page_keeps_the_chat(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    page = visit(None)
    store_conversations(page)
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[seen.signedout, vendor.resets, localStorage.dg_session]") == [0, 0, "conversation"]


def test_a_response_pending_at_sign_out_is_discarded(visit: Visit, site: Site) -> None:
    page = visit("ann")
    held_back: list[Any] = []
    page.route("**/_widgetmw/token", lambda route: held_back.append(route))
    page.evaluate("window.late = widgetmw.refresh('orlo').catch((error) => error.message); 0")
    wait_until(page, lambda: held_back)
    page.evaluate("widgetmw.signOut()")
    held_back[0].continue_()
    assert page.evaluate("late") == "widgetmw: signed out"
    wait_for_requests(page)
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
    store_conversations(pages[0])
    # The browser takes a moment to show one tab's changes of the storage to the others.
    pages[1].wait_for_function("(names) => names.every((name) => name in localStorage)", arg=list(CONVERSATIONS))
    pages[1].evaluate("widgetmw.signOut()")
    for page in pages:
        page.wait_for_function("seen.signedout")
        page.wait_for_function(
            "(kept) => Object.keys(localStorage).sort().join() === kept",
            arg=",".join(sorted([*UNRELATED, f"{KEY}:time"])),
        )
        assert user_data(page) == NO_USER_DATA


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_tabs_that_open_together_after_a_sign_out_all_clean_up(
    profile: Profile, site: Site, delivery: Delivery
) -> None:
    """As when a browser that was closed opens its tabs again, without the session's cookie."""
    site.delivery = delivery
    context = profile("ann", clock=True)
    pages = [context.new_page() for _ in range(3)]
    pages[0].goto(site.url)
    wait_for_requests(pages[0])
    store_conversations(pages[0])
    sign_out(context)
    for page in pages:
        page.goto(site.url)
    for _ in range(6):
        pass_time(pages[0], site, 1)
        for page in pages:
            wait_for_requests(page)
    for page in pages:
        assert user_data(page) == NO_USER_DATA
    assert page.context.cookies() == []


def test_a_tab_without_a_user_follows_a_sign_out_since_its_widget_may_show_the_conversation(
    profile: Profile, site: Site
) -> None:
    """As when the widget starts once the tab has lost its user to the next one, whose conversation the vendor has."""
    site.vendors = ("digitalgenius",)
    context = profile("ann")
    tab, other = context.new_page(), context.new_page()
    site.head, _ = WIDGET_PAGE
    for user, resets in (("ann", 0), ("bob", 1)):
        sign_in(context, site, user)
        (tab if user == "ann" else other).goto(site.url)
        tab.wait_for_function("(times) => seen.signedout === times", arg=resets)
    other.evaluate("widgetmw.signOut()")
    tab.wait_for_function("seen.signedout === 2")
    assert tab.evaluate("vendor.resets") == 2


def test_a_tab_that_still_sees_the_signed_out_user_in_the_storage_ends_no_second_session(
    profile: Profile, site: Site
) -> None:
    """What another tab stores arrives after its messages, in a busy browser."""
    context = profile("ann", clock=True)  # so that only the message lets the tab ask again
    other = context.new_page()
    other.goto(site.url)
    site.delivery = "fetch"
    site.endpoint_override = lambda user: None if user == "bob" else json_response(503, {})
    tab = context.new_page()
    tab.add_init_script(f"""
      const old = localStorage.getItem("{KEY}");
      const {{getItem}} = Storage.prototype;
      Storage.prototype.getItem = function (name) {{
        return name === "{KEY}" ? old : getItem.call(this, name);
      }};
    """)
    tab.goto(site.url)
    wait_until(tab, lambda: site.token_requests)
    wait_for_requests(tab)
    pass_time(tab, site, 0.5, step=0.5)  # until the tab lets go of its lock
    sign_in(context, site, "bob")
    site.delivery = "inline"
    other.goto(site.url)
    tab.wait_for_function("widgetmw.get('orlo')")
    assert tab.evaluate("seen.signedout") == 1


def test_a_tab_whose_requests_have_failed_asks_at_once_after_a_sign_out_in_another_tab(
    profile: Profile, site: Site
) -> None:
    context = profile("ann", clock=True)
    other = context.new_page()
    other.goto(site.url)
    site.delivery = "fetch"
    site.endpoint_override = lambda user: json_response(503, {})
    tab = context.new_page()
    tab.goto(site.url)
    pass_time(tab, site, 20)
    failed = len(site.token_requests)
    site.endpoint_override = lambda user: None
    other.evaluate("widgetmw.signOut()")
    pass_time(tab, site, 0.2, step=0.2)  # the tab may still hold its lock after a request
    wait_until(tab, lambda: len(site.token_requests) > failed)
    assert failed > 1


def test_a_refresh_survives_the_sign_out_of_another_tab(profile: Profile, site: Site) -> None:
    site.delivery = "fetch"
    context = profile()
    page, other = context.new_page(), context.new_page()
    page.goto(site.url)
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    sign_in(context, site, "ann")
    other.goto(site.url)
    other.wait_for_function("widgetmw.get('orlo')")
    sign_in(context, site, "bob")
    arrived, answered = Event(), Event()

    def wait(user: str | None) -> None:
        arrived.set()
        answered.wait(REAL_TIMEOUT)

    site.endpoint_override = wait
    page.evaluate("widgetmw.refresh('hissuno').then(() => { window.refreshed = HISSUNO_WIDGET_CONFIG.userId; }); 0")
    wait_until(page, arrived.is_set)
    other.evaluate("widgetmw.signOut()")
    page.wait_for_function("seen.signedout")
    answered.set()
    page.wait_for_function("window.refreshed === 'bob'")


def test_two_users_in_two_browsers_are_independent(profile: Profile, site: Site) -> None:
    ann, bob = (profile(user).new_page() for user in ("ann", "bob"))
    for page in (ann, bob):
        page.goto(site.url)
    ann.evaluate("widgetmw.signOut()")
    assert bob.evaluate("[HISSUNO_WIDGET_CONFIG.userId, seen.signedout]") == ["bob", 0]
