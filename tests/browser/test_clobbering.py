"""DOM clobbering: markup that a sanitizer lets through can hide properties and make globals. None of it is trusted."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Visit
from tests.browser.fake_vendors import CRISP, FRONT, GIOSG_TAG, HELPSCOUT, script
from tests.browser.site import KEY, Form, Response, Site

Profile = Callable[..., BrowserContext]
#: Markup without scripts, of which any part may be in a comment that a visitor wrote.
NAMES = ("currentScript", "cookie", "head", "body", "documentElement", "scripts", "querySelectorAll", "createElement")
CLOBBERED_DOCUMENT = "".join(f'<img name="{name}" alt="">' for name in NAMES)
IDS = ("addEventListener", "dispatchEvent", "widgetmw", "widgetmw_scripts", "widgetmw_snippets", "dgchat", "_giosg")
CLOBBERED_WINDOW = "".join(f'<form id="{name}"><input name="_"><input name="take"></form>' for name in IDS)


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_clobbered_names_change_nothing(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    site.vendors = ("hissuno", "orlo")
    site.body = CLOBBERED_DOCUMENT + CLOBBERED_WINDOW
    page = visit("ann")
    token = page.evaluate("widgetmw.get('orlo').token")
    assert page.evaluate("orloData") == [[token, "o-1"]]
    site.clear_token_cache()
    assert page.evaluate("widgetmw.refresh('orlo').then(({token}) => token)") != token
    assert [cookie["name"] for cookie in page.context.cookies(site.url) if cookie["name"] != "session"] == [KEY]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[seen.signedout, window.HISSUNO_WIDGET_CONFIG ?? null]") == [1, None]
    assert [cookie["name"] for cookie in page.context.cookies(site.url)] == ["session"]


def test_markup_ahead_of_the_script_changes_nothing(visit: Visit, site: Site) -> None:
    """As where a template places the script behind the site's own content."""
    site.vendors = ("hissuno", "orlo")
    tags = site.script_tags("ann")
    html = f"<!doctype html><html><body>{CLOBBERED_DOCUMENT}{CLOBBERED_WINDOW}{tags}</body></html>"
    site.pages["/placed"] = lambda user: Response(200, html.encode(), {"Content-Type": "text/html"})
    page = visit("ann", path="/placed")
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    assert page.evaluate("widgetmw.refresh('orlo').then(({provider}) => provider)") == "orlo"


def test_an_element_with_the_name_of_our_global_causes_no_error_ahead_of_the_script(visit: Visit, site: Site) -> None:
    site.form, site.vendors = "bundled", ("orlo",)
    html = f'<!doctype html><html><body><img id="widgetmw" alt="">{site.script_tags("ann")}</body></html>'
    site.pages["/placed"] = lambda user: Response(200, html.encode(), {"Content-Type": "text/html"})
    page = visit("ann", path="/placed")
    assert page.evaluate("orloData.length") == 1


def test_inert_json_beside_a_clobbered_current_script_is_not_taken_as_data(visit: Visit, site: Site) -> None:
    site.form, site.nonce = "external", "page"
    site.headers = {"Content-Security-Policy": "script-src 'nonce-page' 'self'"}
    forged = json.dumps(site.page_data("eve")).replace("<", "\\u003c")
    planted = f'<script type="application/json" data-widgetmw>{forged}</script><img name="currentScript" alt="">'
    tags = site.script_tags("ann")
    html = f"<!doctype html><html><head></head><body>{planted}{tags}</body></html>"
    site.pages["/placed"] = lambda user: Response(200, html.encode(), {"Content-Type": "text/html"} | site.headers)
    page = visit("ann", path="/placed")
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"


@pytest.mark.parametrize("name", ["prerendering", "readyState", "visibilityState"])
def test_an_element_of_a_states_name_does_not_stop_the_runtime(visit: Visit, site: Site, name: str) -> None:
    site.delivery = "fetch"
    site.head = script("")
    site.body = f'<img name="{name}" alt="">'
    page = visit("ann")
    page.wait_for_function("widgetmw.get('orlo')")


def test_an_element_named_add_event_listener_neither_stops_giosg_nor_its_clean_up(visit: Visit, site: Site) -> None:
    site.vendors = ("giosg",)
    site.head = script(GIOSG_TAG)
    site.body = '<img name="addEventListener" alt="">'
    page = visit("ann")
    methods = "_giosg._e.map((call) => call[1])"
    assert page.evaluate(methods) == ["submit"]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(methods) == ["removeAll", "close"]


@pytest.mark.parametrize(
    ("vendor", "name", "host", "code"),
    [
        ("crisp", "$crisp", "client.crisp.chat", CRISP),
        ("helpscout", "Beacon", "beacon-v2.helpscout.net", HELPSCOUT),
        ("front", "FrontChat", "chat-assets.frontapp.com", FRONT),
    ],
)
def test_an_element_with_the_id_of_a_widget_is_not_taken_for_it(
    profile: Profile, site: Site, vendor: str, name: str, host: str, code: str
) -> None:
    site.vendors, site.embed, site.body = (vendor,), (vendor,), f'<div id="{name}"></div>'
    site.token_fields[vendor] = lambda user: {"email": user, "userId": user}
    context = profile("ann")
    context.route(f"https://{host}/**", lambda route: route.fulfill(body=code))
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_function("window.vendor?.calls.some((call) => call[1].email === 'ann' || call[2]?.[0] === 'ann')")


def test_an_element_with_the_id_of_the_headless_kit_does_not_pass_for_a_clean_up(visit: Visit, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    site.body = '<a id="DGChatSDK"></a>'
    page = visit("ann")
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate(f"localStorage['{KEY}:pending']") == "digitalgenius"
