"""All vendors in one page: one renewal serves them all, and a fault of one leaves the others untouched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import fake_vendors
from tests.browser.conftest import Loader, Tab, Visit, sign_in, sign_out
from tests.browser.fake_vendors import script
from tests.browser.simulation import MINUTE, pass_time, wait_until
from tests.browser.site import ON_REQUEST, POLICIES, Form, Response, Site
from tests.browser.test_vendors_chatwoot import Server
from widgetmw.providers import ORDER

IN_PAGE = [name for name in ORDER if name not in ON_REQUEST]
TOKENS = "(names) => Object.fromEntries(names.map((name) => [name, widgetmw.get(name)?.token]))"
#: Each vendor's global variable.
GLOBALS = {
    "digitalgenius": "dgchat",
    "giosg": "_giosg",
    "intercom": "Intercom",
    "zendesk": "zE",
    "chatwoot": "$chatwoot",
    "crisp": "$crisp",
    "helpscout": "Beacon",
    "tawk": "Tawk_API",
    "front": "FrontChat",
}
#: Makes a widget whose every method throws.
BROKEN = """
window.fail = () => { throw Error("this widget is broken"); };
const get = (_, name) => name === "then" || typeof name === "symbol" ? undefined : fail;
window.broken = new Proxy(fail, {get});
"""
BROKEN_WIDGETS = BROKEN + "".join(f"window[{name!r}] = broken;" for name in GLOBALS.values())

#: What a page runs for each widget. Hissuno's is a component of the page, and Orlo's is the operator's snippet.
WIDGETS = {
    "digitalgenius": fake_vendors.DIGITALGENIUS_EMBEDDED,
    "giosg": fake_vendors.GIOSG_TAG + fake_vendors.GIOSG.replace("CONSENT", "true"),
    "intercom": fake_vendors.INTERCOM,
    "zendesk": fake_vendors.ZENDESK,
    "chatwoot": fake_vendors.CHATWOOT + "chatwootSDK.run({websiteToken: 'token-1', baseUrl: 'https://chat.example'});",
    "crisp": "window.$crisp = []; window.CRISP_WEBSITE_ID = 'site-1';" + fake_vendors.CRISP,
    "helpscout": "window.Beacon = () => {}; Beacon.readyQueue = [];" + fake_vendors.HELPSCOUT,
    "tawk": "window.Tawk_API ??= {};" + fake_vendors.TAWK.replace("REFUSAL", "''"),
    "front": fake_vendors.FRONT + "FrontChat('init', {chatId: 'chat-1'});",
}
#: What the loader that we inject runs.
LOADERS = {
    "intercom": ("https://widget.intercom.io/**", fake_vendors.INTERCOM),
    "zendesk": ("https://static.zdassets.com/**", fake_vendors.ZENDESK),
    "crisp": ("https://client.crisp.chat/**", fake_vendors.CRISP),
    "helpscout": ("https://beacon-v2.helpscout.net/**", fake_vendors.HELPSCOUT),
    "tawk": ("https://embed.tawk.to/**", fake_vendors.TAWK.replace("REFUSAL", "''")),
    "front": ("https://chat-assets.frontapp.com/**", fake_vendors.FRONT),
}
#: The token that each widget was given last.
GIVEN = {
    "digitalgenius": "(vendors.digitalgenius.messages.at(-1)?.payload ?? DG_CHAT_WIDGET_CONFIG.metadata.auth_token)",
    "hissuno": "window.HISSUNO_WIDGET_CONFIG?.widgetToken",
    "orlo": "window.orloData?.at(-1)[0]",
    "giosg": "vendors.giosg.submitted.at(-1)?.[0]",
    "intercom": "[...vendors.intercom.booted, ...vendors.intercom.updated].at(-1)?.intercom_user_jwt",
    "zendesk": "vendors.zendesk.tokens.at(-1)",
    "chatwoot": "$chatwoot.user?.identifier_hash",
    "crisp": "vendors.crisp.calls.findLast((call) => call[1] === 'user:email')?.[2][1]",
    "helpscout": "vendors.helpscout.calls.findLast((call) => call[0] === 'identify')?.[1].signature",
    "tawk": "vendors.tawk.calls.findLast((call) => call[0] === 'login')?.[1].hash",
    "front": "vendors.front.calls.findLast((call) => call[1].userHash)?.[1].userHash",
}
#: Whether each widget has forgotten the user.
FORGOTTEN = {
    "digitalgenius": "vendors.digitalgenius.resets > 0",
    "hissuno": "!window.HISSUNO_WIDGET_CONFIG?.widgetToken",
    "giosg": "vendors.giosg.calls.some((call) => call[1] === 'removeAll')",
    "intercom": "vendors.intercom.user === null",
    "zendesk": "vendors.zendesk.user === null",
    "chatwoot": "!$chatwoot.user",
    "crisp": "vendors.crisp.email === ''",
    "helpscout": "vendors.helpscout.user === null",
    "tawk": "vendors.tawk.user === null",
    "front": "vendors.front.user === null",
}
#: How one vendor fails, by test: the vendor, and what the page runs instead of its widget.
FAULTS = {
    "hissuno": ("hissuno", "Object.defineProperty(window, 'HISSUNO_WIDGET_CONFIG', {get: fail, set: fail});"),
    "orlo": ("orlo", "Object.defineProperty(window, 'orloData', {get: fail, set: fail});"),
    **{vendor: (vendor, f"window[{name!r}] = broken;") for vendor, name in GLOBALS.items()},
    "zendesk refuses": ("zendesk", fake_vendors.ZENDESK.replace("refusals: 0", "refusals: Infinity")),
    "tawk refuses": ("tawk", "window.Tawk_API ??= {};" + fake_vendors.TAWK.replace("REFUSAL", "'401'")),
}


@pytest.fixture(autouse=True)
def all_vendors(site: Site) -> None:
    site.vendors = ORDER
    for vendor in ("chatwoot", "crisp", "helpscout", "tawk", "front"):
        site.token_fields[vendor] = lambda user: {
            "identifier": user,
            "userId": user,
            "email": f"{user}@shop.example",
            "name": user,
        }


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_one_renewal_serves_all_vendors(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    page = visit("ann", clock=True)
    before = page.evaluate(TOKENS, IN_PAGE)
    assert None not in before.values()
    pass_time(page, site, 60 * MINUTE, step=30)
    after = page.evaluate(TOKENS, list(ORDER))
    assert len(site.token_requests) == 1
    assert after == {name: token["token"] for name, token in site.tokens("ann", relative=False).items()}
    assert all(after[name] != before[name] for name in IN_PAGE)


def test_a_sign_out_reaches_all_vendors(visit: Visit, site: Site) -> None:
    page = visit("ann")
    sign_out(page.context)
    page.evaluate("widgetmw.refresh('orlo').catch(() => 0)")
    page.wait_for_function("seen.signedout == 1")
    assert set(page.evaluate(TOKENS, list(ORDER)).values()) == {None}


def test_widgets_that_throw_leave_the_tokens_of_the_others_alone(visit: Visit, site: Site) -> None:
    site.head = f"<script>{BROKEN_WIDGETS}</script>"
    page = visit("ann")
    site.clear_token_cache()
    token = page.evaluate("widgetmw.refresh('jwt').then(({ token }) => token)")
    assert token == site.tokens("ann", relative=False)["jwt"]["token"]
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.widgetToken") == site.tokens("ann", relative=False)["hissuno"]["token"]


def apart(vendor: str, code: str) -> str:
    """Returns the code of a fake that shares no name with the others."""
    return "{" + re.sub(r"\bvendor\b", f"vendors.{vendor}", code) + "}"


def open_page(tab: Tab, site: Site, policy: str, **faults: str) -> tuple[Page, Server]:
    """Opens a page with every vendor's widget, or what a test puts in its place."""
    site.use_policy(policy, "; frame-src https://chat.example")
    codes = {"first": "window.vendors = {};" + BROKEN}
    codes |= {name: apart(name, code) for name, code in {**WIDGETS, **faults}.items()}
    site.body = ""
    for name, code in codes.items():
        site.pages[f"/widget-{name}.js"] = lambda user, code=code: Response(  # type: ignore[misc]
            200, code.encode(), {"Content-Type": "text/javascript"}
        )
        attributes = {"src": f"/widget-{name}.js?key=key-1", "nonce": "abc"}
        site.body += script("", **attributes, **({"id": "ze-snippet"} if name == "zendesk" else {}))
    page, server = tab("ann"), Server()
    page.context.route("https://chat.example/**", server.handle)
    page.goto(site.url)
    return page, server


def values(page: Page, expressions: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(f"({{{', '.join(f'{name}: {text}' for name, text in expressions.items())}}})")
    return found


def assert_given(page: Page, site: Site, user: str, names: Iterable[str] = GIVEN) -> None:
    """Waits until each of the widgets has the user's current token."""
    tokens = site.tokens(user, relative=False)
    expressions = {name: GIVEN[name] for name in names}
    expected = {name: tokens[name]["token"] for name in names}
    wait_until(page, lambda: values(page, expressions) == expected)


def assert_forgotten(page: Page, names: Iterable[str] = FORGOTTEN) -> None:
    """Waits until each of the widgets has forgotten its user."""
    expressions = {name: FORGOTTEN[name] for name in names if name in FORGOTTEN}
    wait_until(page, lambda: all(values(page, expressions).values()))


def renew(page: Page, broken: str = "") -> None:
    page.evaluate("widgetmw.refresh('jwt').then(() => 0)")
    if broken != "zendesk":  # which asks when it likes
        page.evaluate("askAgain()")


@pytest.mark.parametrize("policy", POLICIES)
def test_eleven_widgets_follow_a_renewal_a_change_of_user_and_a_sign_out(tab: Tab, site: Site, policy: str) -> None:
    page, server = open_page(tab, site, policy)
    assert_given(page, site, "ann")
    requests = len(site.token_requests)
    site.clear_token_cache()
    renew(page)
    assert_given(page, site, "ann")
    assert len(site.token_requests) == requests + 1
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('jwt').then(() => 0)")
    assert_given(page, site, "bob")
    wait_until(page, lambda: server.set_users[-1][:2] == ("c2", "bob"))
    page.evaluate("widgetmw.signOut()")
    assert_forgotten(page)
    assert page.evaluate("seen.violations") == []


def test_seven_loaders_of_ours_follow_a_change_of_user_and_a_sign_out(tab: Tab, site: Site) -> None:
    site.use_policy("nonce", "; frame-src https://chat.example")
    site.embed = (*LOADERS, "chatwoot")
    site.head = script("window.vendors = {};", nonce="abc")
    page = tab("ann")
    page.context.route("https://chat.example/**", Server().handle)
    for vendor, (url, code) in LOADERS.items():
        Loader(url, apart(vendor, code)).serve(page)
    page.goto(site.url)
    wait_until(page, lambda: page.evaluate("window.$chatwoot && Object.keys(vendors).length") == len(LOADERS))
    assert_given(page, site, "ann", site.embed)
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('jwt').then(() => 0)")
    assert_given(page, site, "bob", site.embed)
    page.evaluate("widgetmw.signOut()")
    assert_forgotten(page, site.embed)
    assert page.evaluate("seen.violations") == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_widget_that_fails_leaves_the_other_ten_alone(tab: Tab, site: Site, fault: str) -> None:
    broken, code = FAULTS[fault]
    others = [name for name in GIVEN if name != broken]
    page, _ = open_page(tab, site, "nonce", **{broken: code})
    assert_given(page, site, "ann", others)
    site.clear_token_cache()
    renew(page, broken)
    assert_given(page, site, "ann", others)
    page.evaluate("widgetmw.signOut()")
    assert_forgotten(page, others)
