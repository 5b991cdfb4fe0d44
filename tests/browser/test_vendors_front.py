"""Front's script against a stand-in for Front Chat."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Loader, Open, sign_in
from tests.browser.fake_vendors import FRONT, script
from tests.browser.simulation import PENDING, sign_out_elsewhere, wait_until
from tests.browser.site import POLICIES, Site

BUNDLE = "https://chat-assets.frontapp.com/v1/chat.bundle.js"
OWN = {"chatId": "chat-1", "useDefaultLauncher": False, "customFields": {"plan": "gold"}}
OURS = {"chatId": "chat-1", "useDefaultLauncher": True}
INIT = "FrontChat('init', {chatId: 'chat-1', useDefaultLauncher: false, customFields: {plan: 'gold'}});"
SNIPPET = f'<script src="{BUNDLE}"></script>' + script(INIT)
SHUTDOWN = ["shutdown", {"clearSession": True}]
HIDDEN = ["shutdown", {"clearSession": False}]


@pytest.fixture
def loader() -> Loader:
    return Loader(BUNDLE, FRONT)


@pytest.fixture
def site(site: Site) -> Site:
    """A site whose tokens do not expire, with a second vendor that must stay untouched."""
    site.vendors = ("front", "hissuno")
    site.token_lifetime = float("inf")
    site.token_fields["front"] = lambda user: {"userId": user, "email": f"{user}@shop.example"}
    site.head = SNIPPET
    return site


def identity(page: Page, user: str) -> dict[str, str]:
    """Returns what identifies the user, whose token is the page's."""
    token = page.evaluate("widgetmw.get('front').token")
    return {"userId": user, "email": f"{user}@shop.example", "userHash": token}


def calls_of(page: Page, user: str | None) -> list[object]:
    """Returns the calls of the page, once the widget runs and has this visitor."""
    # Not `wait_for_function`, which a policy of the page may forbid.
    wait_until(page, lambda: page.evaluate("window.vendor?.isRunning && [vendor.user]") == [user])
    calls: list[object] = page.evaluate("vendor.calls")
    return calls


LATE = f"Object.assign(document.createElement('script'), {{src: '{BUNDLE}', onload() {{ {INIT} }}}})"
STARTED_LATER = {
    "when the bundle has loaded": script(f"addEventListener('load', () => document.head.append({LATE}));"),
    "when the page has loaded": f'<script src="{BUNDLE}"></script>'
    + script(f"addEventListener('load', () => setTimeout(() => {{ {INIT} }}));"),
}


def test_a_widget_that_the_page_has_started_gets_the_identity(open_page: Open) -> None:
    page = open_page("ann")
    assert calls_of(page, "ann") == [["init", OWN], ["identity", identity(page, "ann")]]
    # The site's key has changed.
    page.evaluate("widgetmw.refresh('front').then(() => 0)")
    assert page.evaluate("vendor.calls.slice(2)") == [["identity", identity(page, "ann")]]


@pytest.mark.parametrize("when", STARTED_LATER)
def test_a_widget_that_the_page_starts_later_is_started_with_the_identity(
    open_page: Open, site: Site, when: str
) -> None:
    site.head = STARTED_LATER[when]
    page = open_page("ann")
    assert calls_of(page, "ann")[-1] == ["init", {**OWN, **identity(page, "ann")}]


def test_a_widget_that_the_page_removes_and_adds_again_gets_the_identity(open_page: Open) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    page.evaluate("FrontChat('shutdown', {clearSession: true}); delete window.FrontChat; 0")
    page.evaluate(f"document.head.append({LATE})")
    assert calls_of(page, "ann") == [["init", {**OWN, **identity(page, "ann")}]]


def test_our_own_loader_starts_the_widget_with_the_identity(open_page: Open, site: Site) -> None:
    site.head, site.embed = "", ("front",)
    page = open_page("ann")
    assert calls_of(page, "ann") == [["init", {**OURS, **identity(page, "ann")}]]


def test_a_page_that_starts_the_widget_gets_no_second_init(open_page: Open, site: Site) -> None:
    site.embed = ("front",)
    page = open_page("ann")
    assert calls_of(page, "ann") == [["init", OWN], ["identity", identity(page, "ann")]]


def test_another_user_gets_a_session_of_their_own(open_page: Open, site: Site) -> None:
    site.head = STARTED_LATER["when the bundle has loaded"]
    page = open_page("ann")
    calls_of(page, "ann")
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('front').then(() => 0)")
    # What the page has said of ann is not for bob.
    options = {name: value for name, value in OWN.items() if name != "customFields"}
    assert calls_of(page, "bob")[1:] == [SHUTDOWN, ["init", {**options, **identity(page, "bob")}]]
    # The widget resumes bob's session before the page knows better: cleo is identified in a new one only.
    sign_in(page.context, site, "cleo")
    page.goto(site.url)
    assert calls_of(page, "cleo") == [["init", OWN], SHUTDOWN, ["init", {**OWN, **identity(page, "cleo")}]]


def test_another_user_who_comes_before_the_widget_gets_a_session_of_their_own(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    site.head = ""
    page.reload()
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('front').then(() => 0)")
    page.evaluate(f"document.head.append({LATE})")
    assert calls_of(page, "bob") == [["init", OWN], SHUTDOWN, ["init", {**OWN, **identity(page, "bob")}]]


def test_a_sign_out_clears_the_session_in_every_tab(open_page: Open) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    other = open_page("ann", page.context)
    calls_of(other, "ann")
    page.evaluate("widgetmw.signOut()")
    for tab in (page, other):
        wait_until(tab, lambda tab=tab: tab.evaluate("vendor.calls.slice(2)") == [SHUTDOWN])  # type: ignore[misc]
        assert tab.evaluate("vendor.isRunning") is False
    assert page.evaluate("localStorage.front_user") is None
    wait_until(page, lambda: page.evaluate(PENDING) is None)


@pytest.mark.parametrize(("age", "expected"), [(0, [SHUTDOWN]), (10_000, [HIDDEN])])
def test_a_sign_out_of_another_tab_ends_the_chat_here_or_hides_it_if_it_is_noticed_late(
    open_page: Open, site: Site, age: int, expected: list[object]
) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    sign_out_elsewhere(page, site, "front", age)
    wait_until(page, lambda: page.evaluate("vendor.calls.slice(2)") == expected)


@pytest.mark.parametrize("age", [0, 10_000])
def test_a_widget_that_is_shut_down_clears_the_session_of_the_next_user(open_page: Open, site: Site, age: int) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    sign_out_elsewhere(page, site, "front", age)
    wait_until(page, lambda: page.evaluate("vendor.isRunning") is False)
    sign_in(page.context, site, "bob")
    other = open_page("bob", page.context)
    calls_of(other, "bob")
    other.close()
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(f"[vendor.user, localStorage.front_user ?? null, {PENDING} ?? null]") == [None, None, None]


def test_if_the_bundle_never_loads_the_clean_up_is_left_to_the_next_page(
    open_page: Open, loader: Loader, site: Site
) -> None:
    site.head, site.embed = "", ("front",)
    page = open_page("ann")
    calls_of(page, "ann")
    loader.block(page)
    page.reload()
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(PENDING) == "front"
    loader.serve(page)
    # An anonymous visitor, who keeps the widget.
    page.context.clear_cookies(name="session")
    page.goto(site.url)
    wait_until(page, lambda: page.evaluate("window.vendor?.calls.length") == 3)
    assert page.evaluate("vendor.calls") == [["init", OURS], SHUTDOWN, ["init", OURS]]
    assert page.evaluate(f"[vendor.user, {PENDING} ?? null]") == [None, None]


def test_an_anonymous_visitor_gets_the_widget_without_an_identity(open_page: Open, site: Site) -> None:
    site.head, site.embed = "", ("front",)
    assert calls_of(open_page(None), None) == [["init", OURS]]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_strict_policy_is_respected(open_page: Open, site: Site, policy: str) -> None:
    site.use_policy(policy)
    if policy == "nonce":  # which our loader carries
        site.embed, site.head = ("front",), ""
    else:  # the vendor's host would have to be listed, so the site serves the bundle itself
        site.head = site.serve_script("/bundle.js", FRONT + INIT)
    page = open_page("ann")
    calls_of(page, "ann")
    page.evaluate("widgetmw.signOut()")
    wait_until(page, lambda: page.evaluate("vendor.isRunning") is False)
    assert page.evaluate("seen.violations") == []
