"""Zendesk's script against a fake of the widget, which asks for tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import fake_vendors
from tests.browser.conftest import sign_in, sign_out
from tests.browser.simulation import HOUR, MINUTE, hide_tab, pass_time, sleep, wait_until
from tests.browser.site import CHANNEL, Response, Site, json_response

LOADER = "https://static.zdassets.com/ekr/snippet.js?key=key-1"
ELEMENT = f'<script id="ze-snippet" nonce="abc" src="{LOADER}"></script>'

Messenger = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def zendesk_alone(site: Site) -> None:
    site.vendors = ("zendesk",)
    site.head = ELEMENT


@pytest.fixture
def messenger(profile: Callable[..., BrowserContext]) -> Messenger:
    """Makes a profile in which Zendesk's snippet loads."""

    def make(user: str | None = None, clock: bool = False) -> BrowserContext:
        context = profile(user, clock)
        context.route("https://static.zdassets.com/**", lambda route: route.fulfill(body=fake_vendors.ZENDESK))
        return context

    return make


def found(page: Page, *names: str) -> list[Any]:
    values: list[Any] = page.evaluate("(names) => names.map((name) => window.vendor?.[name])", names)
    return values


def open_page(context: BrowserContext, site: Site, user: str | None, path: str = "/") -> Page:
    page = context.new_page()
    page.goto(site.url + path)
    # Not Playwright's way to wait, which needs `eval`.
    wait_until(page, lambda: found(page, "user") == [user])
    return page


@pytest.mark.parametrize("policy", ["nonce", "self"])
@pytest.mark.parametrize("order", ["before", "after", "embedded"])
def test_the_widget_gets_a_token_whenever_it_asks(messenger: Messenger, site: Site, order: str, policy: str) -> None:
    site.form, site.nonce = ("inline", "abc") if policy == "nonce" else ("external", None)
    sources = "'nonce-abc'" if policy == "nonce" else "'self' https://static.zdassets.com"
    site.headers = {"Content-Security-Policy": f"script-src {sources}; connect-src 'self'"}
    path = "/"
    if order == "embedded":
        site.head, site.embed = "", ("zendesk",)
    if order == "before":
        path, site.head = "/before", ""
        whole = site.page("ann").body.decode().replace("<head>", "<head>" + ELEMENT)
        site.pages[path] = lambda user: Response(200, whole.encode(), {"Content-Type": "text/html"} | site.headers)
    page = open_page(messenger("ann"), site, "ann", path)
    assert len(site.token_requests) == 1
    assert found(page, "logins", "results") == [1, [None]]
    page.evaluate("askAgain()")
    assert len(site.token_requests) == 1
    site.clear_token_cache()
    fresh = page.evaluate("widgetmw.refresh('zendesk').then((fresh) => fresh.token)")
    page.evaluate("askAgain()")
    wait_until(page, lambda: found(page, "tokens")[0][-1] == fresh)
    assert found(page, "logins", "results") == [1, [None] * 3]
    page.evaluate("widgetmw.signOut()")
    assert found(page, "user", "logouts") == [None, 1]
    assert page.evaluate("[localStorage['ZD-user'] ?? null, seen.violations]") == [None, []]


def test_a_page_without_the_widget_requests_no_token(messenger: Messenger, site: Site) -> None:
    site.head = ""
    page = messenger("ann").new_page()
    page.goto(site.url)
    assert page.evaluate("[widgetmw.get('zendesk') ?? null, document.documentElement.innerHTML.includes('eyJ')]") == [
        None,
        False,
    ]
    assert site.token_requests == []


def test_a_token_that_has_expired_meanwhile_is_never_given(messenger: Messenger, site: Site) -> None:
    site.token_lifetime = 60
    page = open_page(messenger("ann", clock=True), site, "ann")
    hide_tab(page)
    sleep(page, site, HOUR)
    page.evaluate("askAgain()")
    wait_until(page, lambda: len(found(page, "results")[0]) == 2)
    assert found(page, "results") == [[None, None]]
    assert page.evaluate("vendor.tokens[0] !== vendor.tokens[1]")


@pytest.mark.parametrize("removed", ["document.getElementById('ze-snippet').remove(); ", ""], ids=["element", "global"])
def test_a_widget_that_the_page_removes_and_adds_again_gets_its_token(
    messenger: Messenger, site: Site, removed: str
) -> None:
    context = messenger("ann")
    # In a block, since it runs twice.
    context.route(LOADER, lambda route: route.fulfill(body=f"{{{fake_vendors.ZENDESK}}}"))
    page = open_page(context, site, "ann")
    # The package react-zendesk leaves the element.
    page.evaluate(removed + "delete window.zE; delete window.vendor; delete localStorage['ZD-user']; 0")
    added = f"Object.assign(document.createElement('script'), {{id: 'ze-snippet', src: '{LOADER}'}})"
    page.evaluate(f"document.body.append({added})")
    wait_until(page, lambda: found(page, "user", "logins") == ["ann", 1])
    page.evaluate("widgetmw.signOut()")
    wait_until(page, lambda: found(page, "user", "logouts") == [None, 1])


def test_a_refused_login_is_tried_once_with_a_renewed_token(messenger: Messenger, site: Site) -> None:
    refuse = fake_vendors.ZENDESK.replace("refusals: 0", "refusals: 1 + (window.isHopeless ?? 0)")
    context = messenger("ann")
    context.route("https://static.zdassets.com/**", lambda route: route.fulfill(body=refuse))
    page = open_page(context, site, "ann")
    assert found(page, "logins", "results") == [2, ["LoginFailedError", None]]
    assert len(site.token_requests) == 2
    site.head = "<script>window.isHopeless = 9;</script>" + ELEMENT
    with page.expect_console_message() as warned:
        page.goto(site.url)
    assert warned.value.text == "widgetmw: zendesk: Error: refused"
    assert found(page, "logins", "results") == [2, ["LoginFailedError"] * 2]


def test_a_refused_login_of_a_user_who_has_left_is_not_tried_again(messenger: Messenger, site: Site) -> None:
    context = messenger("ann")
    refuse = fake_vendors.ZENDESK.replace("onResult?.(error);", "window.report ??= onResult;")
    context.route("https://static.zdassets.com/**", lambda route: route.fulfill(body=refuse))
    page = open_page(context, site, "ann")
    sign_in(context, site, "bob")
    site.clear_token_cache()
    page.evaluate("report({type: 'LoginFailedError', reason: 'refused'})")
    wait_until(page, lambda: found(page, "user") == ["bob"])
    assert found(page, "logins", "logouts") == [2, 1]


def test_a_widget_gets_its_token_once_the_endpoint_has_one(messenger: Messenger, site: Site) -> None:
    site.endpoint_override = lambda user: json_response(503, {"error": "token_unavailable"})
    page = open_page(messenger("ann", clock=True), site, None)
    wait_until(page, lambda: site.token_requests)
    site.endpoint_override = lambda user: None
    pass_time(page, site, 2 * MINUTE, step=20)
    assert found(page, "user", "results") == ["ann", [None]]


def test_another_user_gets_another_conversation_on_the_next_page_and_without_a_page_load(
    messenger: Messenger, site: Site
) -> None:
    context = messenger("ann")
    page = open_page(context, site, "ann")
    sign_in(context, site, "bob")
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('zendesk')")
    wait_until(page, lambda: found(page, "user") == ["bob"])
    assert found(page, "logouts", "logins") == [1, 2]
    sign_in(context, site, "eve")
    page.goto(site.url)
    wait_until(page, lambda: found(page, "user") == ["eve"])
    assert found(page, "logouts") == [1]


def test_a_sign_out_ends_the_conversation_here_elsewhere_and_on_the_next_page(messenger: Messenger, site: Site) -> None:
    context = messenger("ann")
    page, other = open_page(context, site, "ann"), open_page(context, site, "ann")
    page.evaluate("widgetmw.signOut()")
    other.wait_for_function("vendor.logouts")
    assert [found(each, "user", "logouts") for each in (page, other)] == [[None, 1]] * 2
    page.evaluate("widgetmw.refresh('zendesk')")
    wait_until(page, lambda: found(page, "user") == ["ann"])
    sign_out(context)
    page.goto(site.url)
    page.wait_for_function("window.vendor?.logouts")
    page.goto(site.url)
    assert page.evaluate("[vendor.user, vendor.logouts, window.widgetmw, localStorage['ZD-user']]") == [
        None,
        0,
        None,
        None,
    ]


def test_a_late_sign_out_hides_the_widget_and_leaves_the_next_users_session_alone(
    messenger: Messenger, site: Site
) -> None:
    context = messenger("ann")
    page = open_page(context, site, "ann")
    sign_out(context)
    page.evaluate(
        f"new BroadcastChannel('{CHANNEL}').postMessage("
        "  {type: 'signout', user: null, at: Date.now() - 9000, pending: []})"
    )
    page.wait_for_function("seen.signedout")
    assert found(page, "logouts", "isHidden") == [0, True]
    # A token is no longer given to a widget that asks.
    page.evaluate("askAgain()")
    assert page.evaluate("widgetmw.getToken('zendesk').catch((error) => error.message)") == "widgetmw: signed out"
    assert len(found(page, "tokens")[0]) == 1
    sign_in(context, site, "bob")
    page.evaluate("widgetmw.refresh('zendesk').then(() => 0)")
    wait_until(page, lambda: found(page, "user", "isHidden") == ["bob", False])


def test_a_widget_that_never_loads_leaves_the_clean_up_to_a_later_page_and_other_vendors_alone(
    messenger: Messenger, site: Site
) -> None:
    site.vendors, site.embed, site.head = ("zendesk", "hissuno"), ("zendesk",), '<div id="zE"></div>'
    context = messenger("ann")
    context.route("https://static.zdassets.com/**", lambda route: route.abort())
    page = context.new_page()
    page.goto(site.url)
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("localStorage['widgetmw_5eed:pending']") == "zendesk"
    context.unroute("https://static.zdassets.com/**")
    context.route("https://static.zdassets.com/**", lambda route: route.fulfill(body=fake_vendors.ZENDESK))
    page.goto(site.url)
    page.wait_for_function("window.vendor?.user === 'ann'")
    assert found(page, "logouts", "logins") == [1, 1]


def test_an_anonymous_visitor_gets_the_widget_without_a_token(messenger: Messenger, site: Site) -> None:
    site.head, site.embed = "", ("zendesk",)
    page = open_page(messenger(), site, None)
    assert found(page, "logins") == [0]
    assert site.token_requests == []
