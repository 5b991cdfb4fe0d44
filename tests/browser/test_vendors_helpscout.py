"""Help Scout's script against a stand-in for Beacon."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Loader, Open, sign_in
from tests.browser.fake_vendors import HELPSCOUT, HELPSCOUT_SNIPPET, script
from tests.browser.simulation import PENDING, sign_out_elsewhere, wait_until
from tests.browser.site import POLICIES, Site

LOADER = "https://beacon-v2.helpscout.net/**"
INIT = ["init", "beacon-1"]
LOGOUT = ["logout", {"endActiveChat": True}]
DESTROY = ["destroy", None]


@pytest.fixture
def loader() -> Loader:
    return Loader(LOADER, HELPSCOUT)


@pytest.fixture
def site(site: Site) -> Site:
    """A site whose tokens do not expire, with a second vendor that must stay untouched."""
    site.vendors = ("helpscout", "hissuno")
    site.token_lifetime = float("inf")
    site.token_fields["helpscout"] = lambda user: {"email": f"{user}@shop.example", "name": user.title()}
    site.head = script(HELPSCOUT_SNIPPET)
    return site


def identified(page: Page, user: str) -> list[object]:
    """Returns the call that identifies the user, whose token is the page's."""
    token = page.evaluate("widgetmw.get('helpscout').token")
    return ["identify", {"email": f"{user}@shop.example", "name": user.title(), "signature": token}]


def calls_of(page: Page, user: str) -> list[object]:
    """Returns the calls of the page, once the user is identified."""
    # Not `wait_for_function`, which a policy of the page may forbid.
    wait_until(page, lambda: page.evaluate("window.vendor?.user") == f"{user}@shop.example")
    calls: list[object] = page.evaluate("vendor.calls")
    return calls


PAGES = {
    "snippet in the head": (script(HELPSCOUT_SNIPPET), "", ()),
    "snippet at the end": ("", script(HELPSCOUT_SNIPPET), ()),
    "snippet added late": (
        "",
        script(f"addEventListener('load', () => setTimeout(() => {{ {HELPSCOUT_SNIPPET} }}));"),
        (),
    ),
    "embedded": ("", "", ("helpscout",)),
    "snippet and embedded": (script(HELPSCOUT_SNIPPET), "", ("helpscout",)),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_user_is_identified_once(open_page: Open, site: Site, name: str) -> None:
    site.head, site.body, site.embed = PAGES[name]
    page = open_page("ann")
    assert calls_of(page, "ann") == [INIT, identified(page, "ann")]
    # The site's key has changed.
    page.evaluate("widgetmw.refresh('helpscout').then(() => 0)")
    assert page.evaluate("vendor.calls.slice(2)") == [identified(page, "ann")]


def test_another_user_is_identified_after_the_logout(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('helpscout').then(() => 0)")
    assert calls_of(page, "bob")[2:] == [LOGOUT, identified(page, "bob")]
    sign_in(page.context, site, "cleo")
    page.goto(site.url)
    assert calls_of(page, "cleo") == [INIT, LOGOUT, identified(page, "cleo")]


def test_another_user_who_comes_before_the_widget_is_identified_after_the_logout(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    site.head = ""
    page.reload()
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('helpscout').then(() => 0)")
    page.evaluate(HELPSCOUT_SNIPPET)
    assert calls_of(page, "bob") == [INIT, LOGOUT, identified(page, "bob")]


def test_a_sign_out_ends_the_chat_in_every_tab(open_page: Open) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    other = open_page("ann", page.context)
    calls_of(other, "ann")
    page.evaluate("widgetmw.signOut()")
    for tab in (page, other):
        tab.wait_for_function("vendor.user === null")
        assert tab.evaluate("vendor.calls.at(-1)") == LOGOUT
    assert page.evaluate(f"[localStorage.beacon_user ?? null, {PENDING} ?? null]") == [None, None]


@pytest.mark.parametrize(("age", "expected"), [(0, [LOGOUT]), (10_000, [DESTROY])])
def test_a_sign_out_of_another_tab_ends_the_chat_here_or_hides_it_if_it_is_noticed_late(
    open_page: Open, site: Site, age: int, expected: list[object]
) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    sign_out_elsewhere(page, site, "helpscout", age)
    wait_until(page, lambda: page.evaluate("vendor.calls.slice(2)") == expected)


@pytest.mark.parametrize("name", ["snippet in the head", "embedded"])
def test_if_the_script_never_loads_the_clean_up_is_left_to_the_next_page(
    open_page: Open, loader: Loader, site: Site, name: str
) -> None:
    site.head, site.body, site.embed = PAGES[name]
    page = open_page("ann")
    calls_of(page, "ann")
    loader.block(page)
    page.reload()
    assert page.evaluate("[HISSUNO_WIDGET_CONFIG.userId, Beacon.readyQueue[1].method]") == ["ann", "identify"]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(f"[{PENDING}, JSON.stringify(Beacon.readyQueue).includes('ann')]") == ["helpscout", False]
    loader.serve(page)
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    assert calls_of(page, "bob") == [INIT, LOGOUT, identified(page, "bob")]
    wait_until(page, lambda: page.evaluate(PENDING) is None)


def test_an_anonymous_visitor_gets_the_widget_alone(open_page: Open, site: Site) -> None:
    site.embed = ("helpscout",)
    site.head = ""
    page = open_page(None)
    page.wait_for_function("window.vendor")
    assert page.evaluate("vendor.calls") == [INIT]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_strict_policy_is_respected(open_page: Open, site: Site, policy: str) -> None:
    site.use_policy(policy)
    if policy == "nonce":  # which our loader carries
        site.embed, site.head = ("helpscout",), ""
    else:  # the vendor's host would have to be listed, so the site serves the script itself
        site.serve_script("/beacon.js", HELPSCOUT)
        snippet = HELPSCOUT_SNIPPET.replace("https://beacon-v2.helpscout.net", "/beacon.js")
        site.head = site.serve_script("/snippet.js", snippet)
    page = open_page("ann")
    assert calls_of(page, "ann") == [INIT, identified(page, "ann")]
    page.evaluate("widgetmw.signOut()")
    wait_until(page, lambda: page.evaluate("vendor.user") is None)
    assert page.evaluate("seen.violations") == []
