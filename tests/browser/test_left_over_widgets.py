"""A page that learns late of a sign-out still has the widget of the user who has left, with the conversation.

Another tab has cleaned up what the tabs share, which is the next user's by now. So this page must not clean up, and the
next user must not be identified in a session that is not theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import fake_vendors
from tests.browser.conftest import Tab, Visit, sign_in
from tests.browser.fake_vendors import script
from tests.browser.simulation import LATE_SIGN_OUT, LOCK_IS_FREE, wait_for_requests, wait_until
from tests.browser.site import Site, jwt_segment

FRONT_BUNDLE = "https://chat-assets.frontapp.com/v1/chat.bundle.js"
ZENDESK_SNIPPET = "https://static.zdassets.com/ekr/snippet.js?key=key-1"


@dataclass(frozen=True)
class Widget:
    """A vendor's stand-in.

    Attributes:
        host: of its script.
        code: of its script.
        head: the page's own snippet.
        fields: of a user's token.
        identified: an expression for the users who were identified in the page, in order.
    """

    host: str
    code: str
    head: str
    fields: Callable[[str], dict[str, str]]
    identified: str


def email(user: str) -> dict[str, str]:
    return {"email": user}


def user_id(user: str) -> dict[str, str]:
    return {"userId": user}


def token_with(claim: str) -> Callable[[str], dict[str, str]]:
    return lambda user: {"token": f"e.{jwt_segment({claim: user, 'exp': 9_000_000_000})}.s"}


WIDGETS = {
    "digitalgenius": Widget(
        "chat.digitalgenius.com",
        "",
        script(fake_vendors.DIGITALGENIUS_EMBEDDED),
        token_with("sub"),
        "[vendor.config.metadata.auth_token, ...vendor.messages.map(({payload}) => payload)]"
        ".map((token) => JSON.parse(atob(token.split('.')[1])).sub)",
    ),
    "crisp": Widget(
        "client.crisp.chat",
        fake_vendors.CRISP,
        script(fake_vendors.CRISP_SNIPPET),
        email,
        "vendor.calls.filter((call) => call[1] === 'user:email').map((call) => call[2][0])",
    ),
    "helpscout": Widget(
        "beacon-v2.helpscout.net",
        fake_vendors.HELPSCOUT,
        script(fake_vendors.HELPSCOUT_SNIPPET),
        email,
        "vendor.calls.filter((call) => call[0] === 'identify').map((call) => call[1].email)",
    ),
    "tawk": Widget(
        "embed.tawk.to",
        fake_vendors.TAWK,
        script(fake_vendors.TAWK_SNIPPET),
        user_id,
        "vendor.calls.filter((call) => call[0] === 'login').map((call) => call[1].userId)",
    ),
    "front": Widget(
        "chat-assets.frontapp.com",
        fake_vendors.FRONT,
        f'<script src="{FRONT_BUNDLE}"></script>' + script("FrontChat('init', {chatId: 'chat-1'});"),
        user_id,
        "vendor.calls.filter((call) => call[1].userId).map((call) => call[1].userId)",
    ),
    "intercom": Widget(
        "widget.intercom.io",
        fake_vendors.INTERCOM,
        script("window.intercomSettings = {app_id: 'app-1'};" + fake_vendors.INTERCOM_SNIPPET),
        token_with("user_id"),
        "[...vendor.booted, ...vendor.updated].flatMap(({intercom_user_jwt: token}) =>"
        " token ? [JSON.parse(atob(token.split('.')[1])).user_id] : [])",
    ),
    "zendesk": Widget(
        "static.zdassets.com",
        fake_vendors.ZENDESK,
        f'<script id="ze-snippet" src="{ZENDESK_SNIPPET}"></script>',
        token_with("external_id"),
        "vendor.tokens.map((token) => JSON.parse(atob(token.split('.')[1])).external_id)",
    ),
}


def wait_for_users(page: Page, widget: Widget, *users: str) -> None:
    wait_until(page, lambda: page.evaluate(f"window.vendor ? {widget.identified} : 0") == list(users))


def use(widget: str, site: Site, context: BrowserContext) -> Widget:
    """Puts the stand-in into the pages."""
    found = WIDGETS[widget]
    site.vendors, site.head, site.token_fields = (widget,), found.head, {widget: found.fields}
    context.route(f"https://{found.host}/**", lambda route: route.fulfill(body=found.code))
    return found


def assert_nobody_else_is_identified(page: Page, name: str) -> None:
    widget = WIDGETS[name]
    token = page.evaluate(f"widgetmw.getToken('{name}').then(({{token}}) => token)")
    assert page.evaluate(f"widgetmw.get('{name}').token") == token
    page.evaluate("seen.delay(100)")
    assert page.evaluate(widget.identified) == ["ann"]


@pytest.mark.parametrize("name", WIDGETS)
def test_nobody_else_is_identified_in_the_session_of_a_user_who_has_left(
    visit: Visit, tab: Tab, site: Site, name: str
) -> None:
    page = tab("ann")
    widget = use(name, site, page.context)
    page.goto(site.url)
    wait_for_users(page, widget, "ann")
    sign_in(page.context, site, "bob")
    visit(context=page.context, path="/chat").evaluate(LATE_SIGN_OUT)
    page.wait_for_function("seen.signedout")
    assert_nobody_else_is_identified(page, name)
    # A sign-out in this page ends the session, so the next user gets one of their own.
    page.evaluate("widgetmw.signOut()")
    sign_in(page.context, site, "cleo")
    page.evaluate(f"void widgetmw.refresh('{name}')")
    wait_for_users(page, widget, "ann", "cleo")


def test_nobody_else_is_identified_in_a_page_from_the_back_forward_cache(
    bfcache_context: BrowserContext, site: Site
) -> None:
    widget = use("zendesk", site, bfcache_context)
    old, new = bfcache_context.new_page(), bfcache_context.new_page()
    old.goto(site.url)
    wait_for_users(old, widget, "ann")
    wait_for_requests(old)
    wait_until(old, lambda: old.evaluate(LOCK_IS_FREE))  # the cache keeps no page that has it
    old.goto(site.url + "/chat")
    sign_in(bfcache_context, site, "bob")
    new.goto(site.url)
    wait_until(new, lambda: new.evaluate(f"window.vendor && {widget.identified}.at(-1)") == "bob")
    old.evaluate("setTimeout(() => history.back())")
    old.wait_for_function("window.persisted && seen.signedout")
    assert_nobody_else_is_identified(old, "zendesk")
