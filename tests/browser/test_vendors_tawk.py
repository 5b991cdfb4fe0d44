"""tawk.to's script against a stand-in for the widget."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.browser.conftest import Loader, Open, sign_in
from tests.browser.fake_vendors import TAWK, TAWK_SNIPPET, script
from tests.browser.simulation import PENDING, sign_out_elsewhere, wait_until
from tests.browser.site import POLICIES, Site

LOADER = "https://embed.tawk.to/property-1/widget-1"
WIDGET = TAWK.replace("REFUSAL", "null")
CONNECTED = ["connected"]
START = [["start", {"showWidget": True}], CONNECTED]
LOGOUT = [["logout"], ["shutdown"]]
HIDDEN = [["hideWidget"], ["shutdown"]]


@pytest.fixture
def loader() -> Loader:
    return Loader(LOADER, WIDGET)


@pytest.fixture
def site(site: Site) -> Site:
    """A site whose tokens do not expire, with a second vendor that must stay untouched."""
    site.vendors = ("tawk", "hissuno")
    site.token_lifetime = float("inf")
    site.token_fields["tawk"] = lambda user: {"userId": user, "name": user.title()}
    site.head = script(TAWK_SNIPPET)
    return site


def login(page: Page, user: str) -> list[object]:
    """Returns the call that logs the user in, whose token is the page's."""
    token = page.evaluate("widgetmw.get('tawk').token")
    return ["login", {"userId": user, "name": user.title(), "hash": token}]


def calls_of(page: Page, user: str | None) -> list[object]:
    """Returns the calls of the page, once the widget is connected and has this visitor."""
    # Not `wait_for_function`, which a policy of the page may forbid.
    wait_until(page, lambda: page.evaluate("window.vendor?.isConnected && [vendor.user]") == [user])
    calls: list[object] = page.evaluate("vendor.calls")
    return calls


LATE = script(f"addEventListener('load', () => setTimeout(() => {{ {TAWK_SNIPPET} }}));")
PAGES = {"in the head": (script(TAWK_SNIPPET), ""), "at the end": ("", script(TAWK_SNIPPET)), "late": ("", LATE)}


@pytest.mark.parametrize("place", PAGES)
def test_the_user_is_logged_in_beside_the_pages_own_snippet(open_page: Open, site: Site, place: str) -> None:
    site.head, site.body = PAGES[place]
    page = open_page("ann")
    calls = calls_of(page, "ann")
    assert sorted(calls, key=str) == sorted([login(page, "ann"), CONNECTED], key=str)
    assert page.evaluate("Tawk_API.autoStart") is None
    # The site's key has changed.
    page.evaluate("widgetmw.refresh('tawk').then(() => 0)")
    wait_until(page, lambda: page.evaluate("vendor.calls.length") == 3)
    assert page.evaluate("vendor.calls[2]") == login(page, "ann")


def test_our_own_loader_connects_after_the_login(open_page: Open, site: Site) -> None:
    site.head, site.embed = "", ("tawk",)
    page = open_page("ann")
    assert calls_of(page, "ann") == [login(page, "ann"), *START]
    loader = f"document.querySelector('script[src=\"{LOADER}\"]')"
    assert page.evaluate(f"['charset', 'crossorigin', 'async'].map((name) => {loader}.getAttribute(name))") == [
        "UTF-8",
        "*",
        "",
    ]
    assert page.evaluate("Tawk_LoadStart instanceof Date")


def test_a_page_with_the_snippet_gets_no_second_loader(open_page: Open, site: Site) -> None:
    site.embed = ("tawk",)
    page = open_page("ann")
    assert ["start", {"showWidget": True}] not in calls_of(page, "ann")
    assert page.evaluate("document.querySelectorAll('script[src*=\"tawk.to\"]').length") == 1


@pytest.mark.parametrize("when", ["before", "after", "wrapped"])
def test_the_pages_own_callbacks_are_called(open_page: Open, site: Site, when: str) -> None:
    own = "for (const name of ['onBeforeLoad', 'onLoad']) Tawk_API[name] = () => owned.push(name);"
    code = {
        "before": "window.owned = [];" + own,
        "after": f"window.owned = []; addEventListener('DOMContentLoaded', () => {{ {own} }});",
        "wrapped": "window.owned = [];" + own + "addEventListener('DOMContentLoaded', () => {"
        "  const old = Tawk_API.onLoad; Tawk_API.onLoad = () => { old(); owned.push('wrapper'); };"
        "});",
    }[when]
    site.head = script("window.Tawk_API = {};" + code) + script(TAWK_SNIPPET)
    page = open_page("ann")
    calls_of(page, "ann")
    expected = ["onBeforeLoad", "onLoad", *(["wrapper"] if when == "wrapped" else [])]
    wait_until(page, lambda: page.evaluate("owned.length") >= len(expected))
    assert page.evaluate("owned") == expected


def test_a_login_that_is_refused_is_reported_and_the_visitor_keeps_the_widget(
    profile: Callable[..., BrowserContext], site: Site
) -> None:
    site.head, site.embed = "", ("tawk",)
    page = profile("ann").new_page()
    Loader(LOADER, TAWK.replace("REFUSAL", "'401 Secure Mode is off'")).serve(page)
    messages: list[ConsoleMessage] = []
    page.on("console", lambda message: messages.append(message))
    page.goto(site.url)
    assert calls_of(page, None)[1:] == START
    wait_until(page, lambda: messages)
    assert [message.text for message in messages] == ["widgetmw: tawk: Error: login failed: 401 Secure Mode is off"]
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"


def test_another_user_is_logged_in_after_the_logout(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('tawk').then(() => 0)")
    assert calls_of(page, "bob")[2:] == [*LOGOUT, login(page, "bob"), *START]
    sign_in(page.context, site, "cleo")
    page.goto(site.url)
    calls = calls_of(page, "cleo")
    assert [call for call in calls if call != CONNECTED] == [*LOGOUT, login(page, "cleo"), START[0]]


def test_another_user_who_comes_before_the_widget_is_logged_in_after_the_logout(open_page: Open, site: Site) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    site.head = ""
    page.reload()
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('tawk').then(() => 0)")
    page.evaluate(TAWK_SNIPPET)
    assert [call for call in calls_of(page, "bob") if call != CONNECTED] == [*LOGOUT, login(page, "bob"), START[0]]


def test_a_sign_out_removes_the_cookies_also_where_the_widget_is_not_loaded(open_page: Open, site: Site) -> None:
    site.head = ""
    page = open_page("ann")
    for name in ("twk_uuid_property-1", "twk_idm_key"):
        page.evaluate(f"document.cookie = '{name}=1; path=/'; 0")
    page.evaluate("widgetmw.signOut()")
    assert "twk_" not in page.evaluate("document.cookie")


def test_a_sign_out_closes_the_chat_in_every_tab(open_page: Open) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    other = open_page("ann", page.context)
    calls_of(other, "ann")
    page.evaluate("widgetmw.signOut()")
    for tab in (page, other):
        wait_until(tab, lambda tab=tab: tab.evaluate("vendor.calls.slice(2)") == LOGOUT)  # type: ignore[misc]
        assert tab.evaluate("vendor.isConnected") is False
    assert page.evaluate("localStorage.twk_user") is None
    wait_until(page, lambda: page.evaluate(PENDING) is None)


@pytest.mark.parametrize(("age", "expected"), [(0, LOGOUT), (10_000, HIDDEN)])
def test_a_sign_out_of_another_tab_ends_the_chat_here_or_hides_it_if_it_is_noticed_late(
    open_page: Open, site: Site, age: int, expected: list[object]
) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    sign_out_elsewhere(page, site, "tawk", age)
    wait_until(page, lambda: page.evaluate("vendor.calls.slice(2)") == expected)


def test_if_the_script_never_loads_the_clean_up_is_left_to_the_next_page(
    open_page: Open, loader: Loader, site: Site
) -> None:
    page = open_page("ann")
    calls_of(page, "ann")
    loader.block(page)
    page.reload()
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(PENDING) == "tawk"
    loader.serve(page)
    # An anonymous visitor, who keeps the widget.
    page.context.clear_cookies(name="session")
    page.goto(site.url)
    wait_until(page, lambda: page.evaluate("window.vendor?.calls.length") == 5)
    assert page.evaluate("vendor.calls") == [CONNECTED, *LOGOUT, *START]
    assert page.evaluate(f"[vendor.user, {PENDING} ?? null]") == [None, None]


def test_an_anonymous_visitor_gets_the_widget_alone(open_page: Open, site: Site) -> None:
    site.head, site.embed = "", ("tawk",)
    assert calls_of(open_page(None), None) == [CONNECTED]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_strict_policy_is_respected(open_page: Open, site: Site, policy: str) -> None:
    site.use_policy(policy)
    if policy == "nonce":  # which our loader carries
        site.embed, site.head = ("tawk",), ""
    else:  # the vendor's host would have to be listed, so the site serves the script itself
        site.serve_script("/widget.js", WIDGET)
        site.head = site.serve_script("/snippet.js", TAWK_SNIPPET.replace(LOADER, "/widget.js"))
    page = open_page("ann")
    assert login(page, "ann") in calls_of(page, "ann")
    page.evaluate("widgetmw.signOut()")
    wait_until(page, lambda: page.evaluate("vendor.isConnected") is False)
    assert page.evaluate("seen.violations") == []
