"""Embedding: the runtime adds a vendor's own loader to the page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from tests.browser import fake_vendors
from tests.browser.conftest import Tab
from tests.browser.site import Site, json_response

DG_INIT = "https://chat.digitalgenius.com/init.js"
GIOSG_LOADER = "https://service.giosg.com/live2/org-1"

#: Returns a tab for which the vendors' loaders are served, and the list of the loaders requested so far.
Loaders = Callable[[str | None], tuple[Page, list[str]]]


def token_of(page: Page, vendor: str) -> str:
    token: str = page.evaluate("(vendor) => widgetmw.get(vendor).token", vendor)
    return token


@pytest.fixture
def loaders(tab: Tab) -> Loaders:
    """Serves the vendors' loaders and records which are requested."""

    def take_tab(user: str | None) -> tuple[Page, list[str]]:
        page, loaded = tab(user), list[str]()

        def serve(route: Route) -> None:
            loaded.append(route.request.url)
            route.fulfill(body=fake_vendors.DIGITALGENIUS_EMBEDDED if "genius" in route.request.url else "")

        page.route(re.compile("^https:"), serve)
        return page, loaded

    return take_tab


def test_embed_adds_the_vendors_loaders_for_a_signed_in_user(loaders: Loaders, site: Site) -> None:
    site.embed = ("digitalgenius", "orlo", "giosg")
    page, loaded = loaders("ann")
    page.goto(site.url)
    page.wait_for_function("window.vendor && window.vendor.config")
    assert sorted(loaded) == sorted([DG_INIT, GIOSG_LOADER])
    assert page.evaluate("vendor.config.metadata.auth_token") == token_of(page, "digitalgenius")
    assert page.evaluate("orloEmbeds") == [[token_of(page, "orlo"), "o-1"]]
    assert page.evaluate("_giosg._c") == "org-1"
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('digitalgenius')")
    assert len(loaded) == 2


def test_embed_gives_anonymous_visitors_the_public_configuration_only(loaders: Loaders, site: Site) -> None:
    site.embed = ("digitalgenius", "giosg")
    page, loaded = loaders(None)
    page.goto(site.url)
    page.wait_for_function("window.vendor && window.vendor.config")
    assert sorted(loaded) == sorted([DG_INIT, GIOSG_LOADER])
    assert page.evaluate("vendor.config") == {"widgetId": "w-1", "env": "eu", "callbacks": {}}
    assert page.evaluate("[window._giosg._e, document.cookie, localStorage.length]") == [None, "", 1]
    assert page.evaluate("localStorage.dg_session") == "conversation"
    assert site.token_requests == []


def test_embed_adds_no_second_loader_beside_the_pages_own(loaders: Loaders, site: Site) -> None:
    site.embed = ("digitalgenius",)
    site.body = f'<script src="{DG_INIT}"></script>'
    page, loaded = loaders("ann")
    page.goto(site.url)
    assert loaded == [DG_INIT]


def test_embed_waits_for_the_first_token_but_not_for_long(loaders: Loaders, site: Site) -> None:
    site.delivery = "fetch"
    site.embed = ("digitalgenius",)
    page, loaded = loaders("ann")
    page.goto(site.url)
    page.wait_for_function("window.vendor && window.vendor.config")
    assert page.evaluate("vendor.config.metadata.auth_token") == token_of(page, "digitalgenius")

    page.route("**/_widgetmw/token", lambda route: None)  # no response
    page.goto(site.url)
    page.wait_for_function("window.vendor && window.vendor.config")
    assert page.evaluate("vendor.config") == {"widgetId": "w-1", "env": "eu", "callbacks": {}}
    waited = page.evaluate(
        "performance.getEntriesByType('resource').find((entry) => entry.name.includes('genius')).startTime"
        " - performance.getEntriesByType('navigation')[0].domInteractive"
    )
    assert waited >= 1990
    assert len(loaded) == 2


def test_embed_starts_an_anonymous_chat_if_the_endpoint_is_down(loaders: Loaders, site: Site) -> None:
    site.delivery = "fetch"
    site.embed = ("digitalgenius",)
    site.endpoint_override = lambda user: json_response(503, {"error": "token_unavailable"})
    page, loaded = loaders("ann")
    page.goto(site.url)
    page.wait_for_function("window.vendor && window.vendor.config")
    assert "metadata" not in page.evaluate("vendor.config")
    assert loaded == [DG_INIT]
