"""DigitalGenius' config, however the page defines it: the token reaches the widget, and no key of the page is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import Tab, Visit
from tests.browser.fake_vendors import DIGITALGENIUS, script
from tests.browser.simulation import wait_until
from tests.browser.site import Response, Site
from tests.combinations import combine


def defined(descriptor: str) -> str:
    return f"Object.defineProperty(window, 'DG_CHAT_WIDGET_CONFIG', {{{descriptor}}});"


DEFINITIONS = {
    "a value": defined("value: {theme: 'dark'}, configurable: true"),
    "a fixed value": defined("value: {theme: 'dark'}"),
    "a fixed frozen value": defined("value: Object.freeze({theme: 'dark'})"),
    "a getter": defined("get: () => ({theme: 'dark'}), configurable: true"),
    "a fixed getter": defined("get: () => ({theme: 'dark'})"),
    "a frozen object": (
        "window.DG_CHAT_WIDGET_CONFIG = Object.freeze({theme: 'dark', metadata: Object.freeze({a: 1})});"
    ),
    "a class instance": (
        "class Config { theme = 'dark'; get metadata() { return {a: 1}; } };"
        "window.DG_CHAT_WIDGET_CONFIG = new Config();"
    ),
    "a frozen class instance": (
        "class Config { theme = 'dark'; describe() { return this.theme; } };"
        "window.DG_CHAT_WIDGET_CONFIG = Object.freeze(new Config());"
    ),
    "a read-only proxy": "window.DG_CHAT_WIDGET_CONFIG = new Proxy({theme: 'dark'}, {set: () => true});",
    "var": "var DG_CHAT_WIDGET_CONFIG = {theme: 'dark'};",
    "let": "let DG_CHAT_WIDGET_CONFIG = {theme: 'dark'};",
}


def delivered(page: Page) -> str | None:
    """Returns the token that the widget has: from its config, or from the last message."""
    return page.evaluate("vendor.messages.at(-1)?.payload ?? vendor.config.metadata?.auth_token ?? null")  # type: ignore[no-any-return]


@combine(definition=DEFINITIONS, loads=["at once", "late"])
def test_the_token_reaches_the_widget(visit: Visit, site: Site, definition: str, loads: str) -> None:
    site.vendors = ("digitalgenius",)
    site.pages["/dg.js"] = lambda user: Response(200, DIGITALGENIUS.encode(), {"Content-Type": "text/javascript"})
    site.head = script(DEFINITIONS[definition])
    if loads == "at once":
        site.head += script("", src="/dg.js")
    page = visit("ann")
    if loads == "late":
        page.add_script_tag(url="/dg.js")
    page.evaluate("embedWidget()")
    page.wait_for_function("vendor.messages.length || vendor.config.metadata?.auth_token")
    assert delivered(page) == page.evaluate("widgetmw.get('digitalgenius').token")
    assert page.evaluate("[DG_CHAT_WIDGET_CONFIG.theme, vendor.config.theme]") == ["dark", "dark"]


@pytest.mark.parametrize("definition", ["a fixed frozen value", "a fixed getter", "a frozen class instance", "let"])
def test_a_renewed_token_reaches_the_widget(visit: Visit, site: Site, definition: str) -> None:
    site.vendors = ("digitalgenius",)
    site.head = script(DEFINITIONS[definition] + DIGITALGENIUS)
    page = visit("ann")
    page.evaluate("embedWidget()")
    site.clear_token_cache()
    token = page.evaluate("widgetmw.refresh('digitalgenius').then(({token}) => token)")
    page.wait_for_function("(token) => vendor.messages.at(-1)?.payload === token", arg=token)


@pytest.mark.parametrize("ahead", ["var DG_CHAT_WIDGET_CONFIG = {theme: 'dark'};", "var DG_CHAT_WIDGET_CONFIG;"])
def test_var_ahead_of_our_script_keeps_its_keys(visit: Visit, site: Site, ahead: str) -> None:
    site.vendors = ("digitalgenius",)
    tags = script(ahead) + site.script_tags("ann") + script("DG_CHAT_WIDGET_CONFIG.late = 1;") + script(DIGITALGENIUS)
    html = f"<!doctype html><html><head>{tags}</head><body></body></html>"
    site.pages["/placed"] = lambda user: Response(200, html.encode(), {"Content-Type": "text/html"})
    page = visit("ann", path="/placed")
    assert page.evaluate("[vendor.config.theme, vendor.config.late]") == ["dark" if "theme" in ahead else None, 1]
    assert page.evaluate("vendor.config.metadata.auth_token === widgetmw.get('digitalgenius').token")


def test_a_config_that_is_set_late_gets_the_token(visit: Visit, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    page = visit("ann")
    page.evaluate("window.DG_CHAT_WIDGET_CONFIG = {theme: 'dark'}; 0")
    page.add_script_tag(content=DIGITALGENIUS)
    assert page.evaluate("vendor.config.theme") == "dark"
    assert page.evaluate("vendor.config.metadata.auth_token === widgetmw.get('digitalgenius').token")


def test_a_widget_that_is_embedded_before_our_data_gets_the_token_at_once(tab: Tab, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    site.delivery = "fetch"
    site.head = script(DIGITALGENIUS + "embedWidget();")
    held: list[Route] = []
    page = tab("ann")
    page.route("**/_widgetmw/token", lambda route: held.append(route))
    page.goto(site.url)
    wait_until(page, lambda: held)
    assert page.evaluate("vendor.messages") == []
    held[0].continue_()
    page.wait_for_function("vendor.messages.length")
    assert delivered(page) == page.evaluate("widgetmw.get('digitalgenius').token")


def test_a_widget_that_is_embedded_ahead_of_our_script_gets_the_token_at_once(visit: Visit, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    ahead = script("window.DG_CHAT_WIDGET_CONFIG = {theme: 'dark'};" + DIGITALGENIUS + "embedWidget();")
    html = f"<!doctype html><html><head>{ahead}{site.script_tags('ann')}</head><body></body></html>"
    site.pages["/placed"] = lambda user: Response(200, html.encode(), {"Content-Type": "text/html"})
    page = visit("ann", path="/placed")
    assert delivered(page) == page.evaluate("widgetmw.get('digitalgenius').token")


@pytest.mark.parametrize(
    ("config", "later"),
    [
        ("{}", "DG_CHAT_WIDGET_CONFIG.callbacks = {onWidgetEmbedded};"),
        ("{}", "own.callbacks = {onWidgetEmbedded};"),
        ("{callbacks: {}}", "own.callbacks.onWidgetEmbedded = onWidgetEmbedded;"),
    ],
)
def test_callbacks_that_the_page_sets_after_the_vendors_script_are_called_beside_ours(
    visit: Visit, site: Site, config: str, later: str
) -> None:
    site.vendors = ("digitalgenius",)
    site.head = script(f"const own = window.DG_CHAT_WIDGET_CONFIG = {config};") + script(DIGITALGENIUS)
    site.head += script(f"const onWidgetEmbedded = () => {{ window.calls = 1 + (window.calls ?? 0); }}; {later}")
    page = visit("ann")
    page.evaluate("embedWidget()")
    site.clear_token_cache()
    assert page.evaluate("widgetmw.refresh('digitalgenius').then(({token}) => token)") == delivered(page)
    assert page.evaluate("calls") == 1
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("vendor.resets") == 1


def test_files_that_load_while_the_widget_is_not_embedded_do_not_multiply_the_attempts(
    visit: Visit, site: Site
) -> None:
    site.vendors = ("digitalgenius",)
    site.head = script(DEFINITIONS["a value"]) + script(DIGITALGENIUS)
    page = visit("ann", clock=True)
    page.evaluate(
        """() => {
          window.attempts = 0;
          dgchat.methods.sendSystemMessage = () => { attempts++; throw Error("not embedded yet"); };
          for (let i = 0; i < 50; i++) document.dispatchEvent(new Event("load"));
          attempts = 0;
        }"""
    )
    page.context.clock.run_for(5000)
    assert 0 < page.evaluate("attempts") <= 11
    page.evaluate("embedWidget()")
    page.context.clock.run_for(1000)
    assert delivered(page) == page.evaluate("widgetmw.get('digitalgenius').token")
