"""Intercom's script against a fake of the Messenger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import fake_vendors
from tests.browser.conftest import sign_in, sign_out
from tests.browser.fake_vendors import script
from tests.browser.simulation import HOUR, sleep, wait_until
from tests.browser.site import CHANNEL, Response, Site

LOADER = "https://widget.intercom.io/widget/app-1"
OWN = {"app_id": "app-1", "hide_default_launcher": True, "company": "Acme", "email": "old@shop.example", "user_id": "7"}
SETTINGS = f"window.intercomSettings = {OWN};".replace("True", "true")
NONCE = {"nonce": "abc"}

#: How a page installs Intercom, behind our script.
INSTALLATIONS = {
    "settings and snippet": script(SETTINGS + fake_vendors.INTERCOM_SNIPPET, **NONCE),
    "snippet, then settings": script(fake_vendors.INTERCOM_SNIPPET, **NONCE) + script("var " + SETTINGS[7:], **NONCE),
    "boot": script(
        fake_vendors.INTERCOM_SNIPPET
        + SETTINGS.replace("window.intercomSettings =", "const own =")
        + "Intercom('boot', own);",
        **NONCE,
    ),
}

Opened = Callable[..., Page]


@pytest.fixture(autouse=True)
def intercom_alone(site: Site) -> None:
    site.vendors = ("intercom",)


@pytest.fixture
def messenger(profile: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    """Makes a profile in which Intercom's script loads."""

    def make(user: str | None = None, clock: bool = False) -> BrowserContext:
        context = profile(user, clock)
        context.route("https://widget.intercom.io/**", lambda route: route.fulfill(body=fake_vendors.INTERCOM))
        return context

    return make


def open_page(context: BrowserContext, site: Site, path: str = "/") -> Page:
    page = context.new_page()
    page.goto(site.url + path)
    # Not Playwright's way to wait, which needs `eval`.
    wait_until(page, lambda: page.evaluate("!!window.vendor"))
    return page


def token_of(page: Page) -> str:
    token: str = page.evaluate("widgetmw.get('intercom').token")
    return token


def renew(page: Page, site: Site) -> str:
    site.clear_token_cache()
    token: str = page.evaluate("widgetmw.refresh('intercom').then((fresh) => fresh.token)")
    return token


def found(page: Page, *names: str) -> list[Any]:
    values: list[Any] = page.evaluate("(names) => names.map((name) => vendor[name])", names)
    return values


def assert_identified(page: Page, user: str) -> None:
    assert found(page, "user", "refused", "repeated", "dropped") == [user, 0, [], 0]


@pytest.mark.parametrize("policy", ["nonce", "self"])
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_the_pages_own_installation_gets_the_token_and_keeps_its_settings(
    messenger: Callable[..., BrowserContext], site: Site, installation: str, policy: str
) -> None:
    site.head = INSTALLATIONS[installation]
    site.form, site.nonce = ("inline", "abc") if policy == "nonce" else ("external", None)
    sources = "'nonce-abc'" if policy == "nonce" else "'self' 'nonce-abc'"
    site.headers = {"Content-Security-Policy": f"script-src {sources}; connect-src 'self'"}
    page = open_page(messenger("ann"), site)
    assert_identified(page, "ann")
    kept = {"app_id": "app-1", "hide_default_launcher": True, "company": "Acme"}
    public = {"api_base": "https://api-iam.eu.intercom.io", "intercom_user_jwt": token_of(page)}
    assert found(page, "booted", "updated") == [[kept | public], []]
    page.evaluate("Intercom('update', {user_id: 'ann', plan: 'gold'}); Intercom('update')")
    fresh = renew(page, site)
    first = {"intercom_user_jwt": public["intercom_user_jwt"]}
    assert found(page, "updated") == [[{"plan": "gold"} | first, first, {"intercom_user_jwt": fresh}]]
    assert page.evaluate("intercomSettings.intercom_user_jwt") == fresh
    assert_identified(page, "ann")
    page.evaluate("widgetmw.signOut()")
    assert found(page, "user", "shutdowns") == [None, 1]
    assert page.evaluate("[vendor.booted.at(-1), document.cookie.includes('intercom')]") == [
        {"app_id": "app-1", "api_base": public["api_base"]}
        | ({"hide_default_launcher": True} if installation != "boot" else {}),
        False,
    ]
    assert page.evaluate("seen.violations") == []


def test_attributes_of_the_users_own_are_gone_after_a_sign_out(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    personal = "custom_plan: 'gold', favorite_color: 'red', hide_tips: true, vertical_market: 'toys'"
    own = f"window.intercomSettings = {{app_id: 'app-1', action_color: '#f00', vertical_padding: 20, {personal}}};"
    site.head = script(own + fake_vendors.INTERCOM_SNIPPET)
    page = open_page(messenger("ann"), site)
    assert_identified(page, "ann")
    page.evaluate("widgetmw.signOut()")
    kept = {"app_id": "app-1", "action_color": "#f00", "vertical_padding": 20}
    assert page.evaluate("vendor.booted.at(-1)") == {"api_base": "https://api-iam.eu.intercom.io", **kept}


def test_a_messenger_that_is_there_before_our_script_is_told_the_token(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    start = "<!doctype html><html><head>"
    own = script("var intercomSettings = {app_id: 'app-1', alignment: 'left'};") + f'<script src="{LOADER}"></script>'
    whole = site.page("ann").body.decode().replace(start, start + own)
    site.pages["/late"] = lambda user: Response(200, whole.encode(), {"Content-Type": "text/html"})
    page = open_page(messenger("ann"), site, "/late")
    assert_identified(page, "ann")
    assert page.evaluate("intercomSettings.alignment") == "left"
    page.evaluate("Intercom('update', {plan: 'gold'})")
    fresh = renew(page, site)
    assert (
        page.evaluate("[intercomSettings, vendor.updated.at(-1)].map((each) => each.intercom_user_jwt)") == [fresh] * 2
    )
    assert_identified(page, "ann")


def test_settings_that_replace_ours_get_the_token_when_the_page_is_parsed(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    own = "Object.defineProperty(window, 'intercomSettings', {value: {app_id: 'app-1', user_id: '7'}});"
    site.head = script(own + fake_vendors.INTERCOM_SNIPPET)
    page = open_page(messenger("ann"), site)
    assert_identified(page, "ann")
    assert page.evaluate("intercomSettings") == {
        "app_id": "app-1",
        "api_base": "https://api-iam.eu.intercom.io",
        "intercom_user_jwt": token_of(page),
    }


def test_embedding_loads_the_messenger_for_users_and_visitors(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    site.embed = ("intercom",)
    context = messenger()
    page = open_page(context, site)
    assert found(page, "user", "booted") == [None, [{"app_id": "app-1", "api_base": "https://api-iam.eu.intercom.io"}]]
    sign_in(context, site, "ann")
    site.body = script(fake_vendors.INTERCOM_SNIPPET)
    page = open_page(context, site)
    assert_identified(page, "ann")
    assert page.evaluate(f"document.querySelectorAll('script[src=\"{LOADER}\"]').length") == 1


def test_another_user_gets_another_conversation_on_the_next_page_and_without_a_page_load(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    site.head = INSTALLATIONS["settings and snippet"]
    context = messenger("ann")
    page = open_page(context, site)
    sign_in(context, site, "bob")
    renew(page, site)
    assert_identified(page, "bob")
    assert found(page, "shutdowns") == [1]
    assert page.evaluate("[intercomSettings.company, intercomSettings.intercom_user_jwt]") == [None, token_of(page)]
    sign_in(context, site, "eve")
    page.goto(site.url)
    page.wait_for_function("window.vendor?.shutdowns")
    assert_identified(page, "eve")
    assert found(page, "shutdowns") == [1]


def test_a_sign_out_ends_the_conversation_here_elsewhere_and_on_the_next_page(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    site.head = INSTALLATIONS["settings and snippet"]
    context = messenger("ann")
    page, other = open_page(context, site), open_page(context, site)
    page.evaluate("widgetmw.signOut()")
    other.wait_for_function("vendor.shutdowns")
    assert [found(each, "user", "shutdowns") for each in (page, other)] == [[None, 1]] * 2
    renew(page, site)
    sign_out(context)
    page.goto(site.url)
    page.wait_for_function("window.vendor?.shutdowns", timeout=60_000)
    assert found(page, "user") == [None]
    page.goto(site.url)
    page.wait_for_function("window.vendor")
    assert page.evaluate("[vendor.shutdowns, vendor.user, window.widgetmw, document.cookie]") == [0, None, None, ""]


def test_a_sign_out_removes_the_cookie_also_where_the_messenger_is_not_loaded(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    site.head = INSTALLATIONS["settings and snippet"]
    page = open_page(messenger("ann"), site)
    site.head = ""
    page.reload()
    assert "intercom-session-app-1" in page.evaluate("document.cookie")
    page.evaluate("widgetmw.signOut()")
    assert "intercom" not in page.evaluate("document.cookie")


def test_a_late_sign_out_closes_the_messenger_and_leaves_the_next_users_session_alone(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    site.head = INSTALLATIONS["settings and snippet"]
    page = open_page(messenger("ann"), site)
    page.evaluate(
        f"new BroadcastChannel('{CHANNEL}').postMessage("
        "  {type: 'signout', user: null, at: Date.now() - 9000, pending: []})"
    )
    page.wait_for_function("seen.signedout")
    assert found(page, "shutdowns", "hides") == [0, 1]
    assert page.evaluate("[intercomSettings.intercom_user_jwt, intercomSettings.company]") == [None, None]


def test_a_messenger_that_never_loads_leaves_the_clean_up_to_a_later_page_and_other_vendors_alone(
    messenger: Callable[..., BrowserContext], site: Site
) -> None:
    site.vendors, site.embed = ("intercom", "hissuno"), ("intercom",)
    context = messenger("ann")
    context.route(LOADER, lambda route: route.abort())
    page = context.new_page()
    page.goto(site.url)
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    page.wait_for_function("!window.Intercom")
    page.evaluate(fake_vendors.INTERCOM_SNIPPET + "Intercom('boot', {app_id: 'app-1', user_id: 'ann'});")
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[...Intercom.q].map((call) => [...call])") == [
        ["boot", {"app_id": "app-1", "api_base": "https://api-iam.eu.intercom.io"}]
    ]
    assert page.evaluate("localStorage['widgetmw_5eed:pending']") == "intercom"
    context.unroute(LOADER)
    sign_out(context)
    page.goto(site.url)
    page.wait_for_function("window.vendor?.shutdowns")


def test_renewals_wait_before_the_messenger_drops_updates(messenger: Callable[..., BrowserContext], site: Site) -> None:
    site.head = INSTALLATIONS["settings and snippet"]
    page = open_page(messenger("ann", clock=True), site)
    page.evaluate("for (let n = 0; n < 20; n++) Intercom('update', {n})")
    fresh = renew(page, site)
    assert page.evaluate("[vendor.updated.length, vendor.dropped]") == [20, 0]
    page.evaluate("vendor.updated = []")  # the vendor's window ends
    sleep(page, site, HOUR / 2 + 1)
    assert page.evaluate("vendor.updated.map((each) => each.intercom_user_jwt)") == [fresh]
