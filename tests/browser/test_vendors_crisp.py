"""Crisp's script against a stand-in for its widget."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Loader, Open, sign_in
from tests.browser.fake_vendors import CRISP, CRISP_SNIPPET, script
from tests.browser.simulation import LATE_SIGN_OUT, PENDING, wait_until
from tests.browser.site import POLICIES, Site

LOADER = "https://client.crisp.chat/l.js"
RESET = ["do", "session:reset"]


@pytest.fixture
def loader() -> Loader:
    return Loader(LOADER, CRISP)


@pytest.fixture
def site(site: Site) -> Site:
    """A site whose tokens do not expire, with a second vendor that must stay untouched."""
    site.vendors = ("crisp", "hissuno")
    site.token_lifetime = float("inf")
    site.token_fields["crisp"] = lambda user: {"email": f"{user}@shop.example", "name": user.title()}
    site.head = script(CRISP_SNIPPET)
    return site


def identified(page: Page, user: str) -> list[object]:
    """Returns the calls that identify the user, whose token is the page's."""
    token = page.evaluate("widgetmw.get('crisp').token")
    return [["set", "user:email", [f"{user}@shop.example", token]], ["set", "user:nickname", [user.title()]]]


def calls_of(page: Page, user: str) -> list[object]:
    """Returns the calls of the page, once the user is identified."""
    # Not `wait_for_function`, which a policy of the page may forbid.
    wait_until(page, lambda: page.evaluate("window.vendor?.email") == f"{user}@shop.example")
    calls: list[object] = page.evaluate("vendor.calls")
    return calls


PAGES = {
    "snippet in the head": (script(CRISP_SNIPPET), "", ()),
    "snippet at the end": ("", script(CRISP_SNIPPET), ()),
    "snippet added late": (
        "",
        script(f"addEventListener('load', () => setTimeout(() => {{ {CRISP_SNIPPET} }}));"),
        (),
    ),
    "embedded": ("", "", ("crisp",)),
    "snippet and embedded": (script(CRISP_SNIPPET), "", ("crisp",)),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_user_is_identified_once(open_page: Open, site: Site, name: str) -> None:
    site.head, site.body, site.embed = PAGES[name]
    page = open_page("ann")
    assert calls_of(page, "ann") == identified(page, "ann")
    # The site's key has changed.
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('crisp').then(() => 0)")
    assert page.evaluate("vendor.calls.slice(2)") == identified(page, "ann")


def test_without_a_snippet_the_calls_wait_in_a_queue(open_page: Open, site: Site) -> None:
    site.head = ""
    page = open_page("ann")
    page.wait_for_function("window.$crisp?.length")
    assert page.evaluate("$crisp") == identified(page, "ann")


def test_another_user_is_identified_after_the_reset(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('crisp').then(() => 0)")
    assert calls_of(page, "bob")[2:] == [RESET, *identified(page, "bob")]
    sign_in(page.context, site, "cleo")
    page.goto(site.url)
    assert calls_of(page, "cleo") == [RESET, *identified(page, "cleo")]


def test_another_user_who_comes_before_the_widget_is_identified_after_the_reset(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    site.head = ""
    page.reload()
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('crisp').then(() => 0)")
    page.evaluate(CRISP_SNIPPET)
    assert calls_of(page, "bob") == [RESET, *identified(page, "bob")]


def test_a_sign_out_removes_the_cookie_also_where_the_widget_is_not_loaded(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    site.head = ""
    page.reload()
    page.evaluate("widgetmw.signOut()")
    assert "crisp-client" not in page.evaluate("document.cookie")
    assert page.evaluate(PENDING) == "crisp"  # the name of the cookie is not documented


def test_a_sign_out_ends_the_conversation_in_every_tab(open_page: Open) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    page.evaluate("window.CRISP_TOKEN_ID = 'ann-s-own'")
    other = open_page("ann", page.context)
    calls_of(other, "ann")
    page.evaluate("widgetmw.signOut()")
    for tab in (page, other):
        tab.wait_for_function("vendor.calls.at(-1)[1] === 'session:reset'")
    assert page.evaluate(f"[vendor.email, window.CRISP_TOKEN_ID ?? null, {PENDING} ?? null]") == ["", None, None]


def test_a_sign_out_that_is_noticed_late_hides_the_chat_and_leaves_the_next_users_conversation_alone(
    open_page: Open, site: Site
) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    open_page(None, page.context).evaluate(LATE_SIGN_OUT)
    page.wait_for_function("seen.signedout")
    assert page.evaluate("vendor.calls.slice(2)") == [["do", "chat:hide"]]
    # The email address would become that of the conversation which the widget still holds.
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('crisp').then(() => 0)")
    assert page.evaluate("vendor.calls.length") == 3
    page.reload()
    calls_of(page, "bob")


@pytest.mark.parametrize("name", ["snippet in the head", "embedded"])
def test_if_the_script_never_loads_the_clean_up_is_left_to_the_next_page(
    open_page: Open, loader: Loader, site: Site, name: str
) -> None:
    site.head, site.body, site.embed = PAGES[name]
    page = open_page("ann")
    calls_of(page, "ann")
    loader.block(page)
    page.reload()
    page.wait_for_function("window.$crisp?.length")
    assert page.evaluate("[HISSUNO_WIDGET_CONFIG.userId, $crisp[0][1]]") == ["ann", "user:email"]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(f"[{PENDING}, $crisp]") == ["crisp", []]
    loader.serve(page)
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    assert calls_of(page, "bob") == [RESET, *identified(page, "bob")]
    wait_until(page, lambda: page.evaluate(PENDING) is None)


def test_an_anonymous_visitor_gets_the_widget_alone(open_page: Open, site: Site) -> None:
    site.embed = ("crisp",)
    site.head = ""
    page = open_page(None)
    page.wait_for_function("window.vendor")
    assert page.evaluate("[vendor.calls, CRISP_WEBSITE_ID]") == [[], "site-1"]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_strict_policy_is_respected(open_page: Open, site: Site, policy: str) -> None:
    site.embed, site.head = ("crisp",), ""
    # The loader needs the nonce, or its host in the policy.
    site.use_policy(policy, "; script-src 'self' https://client.crisp.chat" if policy == "self" else "")
    page = open_page("ann")
    assert calls_of(page, "ann") == identified(page, "ann")
    page.evaluate("widgetmw.signOut()")
    wait_until(page, lambda: page.evaluate("vendor.calls.at(-1)[1]") == "session:reset")
    assert page.evaluate("[vendor.email, seen.violations]") == ["", []]
