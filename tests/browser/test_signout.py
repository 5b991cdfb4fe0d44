"""Signing out: nothing of the person stays in page, storage or another tab; and nobody else loses a thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Visit, sign_in
from tests.browser.simulation import DAY, HOUR, live, settle, until
from tests.browser.site import Reply, Site, answer
from tests.browser.traces import CONNECTED, KEPT, NOTHING, STORED, converse, traces

Profile = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def connected(site: Site) -> None:
    site.head, site.body = CONNECTED


def unauthorized(user: str | None) -> Reply:
    return answer(401, {"error": "not_authenticated"})


def test_sign_out_by_the_page_cleans_up_once(visit: Visit) -> None:
    page = visit("ann")
    converse(page)
    # at once: in the same task
    assert page.evaluate("[widgetmw.signOut() instanceof Promise, widgetmw.get('orlo')]") == [True, None]
    page.evaluate("widgetmw.signOut()")
    assert traces(page) == NOTHING


def test_listeners_hear_that_the_token_is_gone(visit: Visit) -> None:
    page = visit("ann")
    page.evaluate(
        "window.snaps = []; widgetmw.subscribe('hissuno', () => snaps.push(window.HISSUNO_WIDGET_CONFIG ?? null)); 0"
    )
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
    settle(page)
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
    assert refused == "widgetmw: signed out"
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
    until(page, lambda: held_back)
    page.evaluate("widgetmw.signOut()")
    held_back[0].continue_()
    assert page.evaluate("late") == "widgetmw: signed out"
    settle(page)
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
        # what one tab stores or removes, the browser shows to the next one a little later
        page.wait_for_function("(kept) => Object.keys(localStorage).sort().join() === kept", arg=",".join(sorted(KEPT)))
        assert traces(page) == NOTHING


def test_two_people_in_two_browsers_are_apart(profile: Profile, site: Site) -> None:
    ann, bob = (profile(user).new_page() for user in ("ann", "bob"))
    for page in (ann, bob):
        page.goto(site.url)
    ann.evaluate("widgetmw.signOut()")
    assert bob.evaluate("[HISSUNO_WIDGET_CONFIG.userId, seen.signedout]") == ["bob", 0]
