"""The script that ``widgetmw new-provider`` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visit, sign_in
from tests.browser.simulation import LATE_SIGN_OUT, hide_tab, pass_time, wait_for_requests, wait_until
from tests.browser.site import Response, Site
from widgetmw.cli import main

WIDGET = b"""
window.calls = [];
const names = ["identify", "reset", "hide"];
window.acmeWidget = Object.fromEntries(names.map((name) => [name, (...call) => { calls.push([name, ...call]); }]));
"""


@pytest.fixture
def acme(site: Site, tmp_path: Path) -> Site:
    """A site with the script, whose widget a test adds."""
    assert main(["new-provider", "acme", "--out", str(tmp_path)]) == 0
    (script,) = tmp_path.rglob("*.js")
    site.vendors = ("acme",)
    site.vendor_scripts = {"acme": script.read_text(encoding="utf-8")}
    site.pages["/widget.js"] = lambda user: Response(200, WIDGET, {"Content-Type": "text/javascript"})
    return site


def calls_of(page: Page, count: int) -> list[list[str]]:
    wait_until(page, lambda: page.evaluate("window.calls?.length") == count)
    calls: list[list[str]] = page.evaluate("calls")
    return calls


def renew(page: Page, site: Site) -> str:
    site.clear_token_cache()
    token: str = page.evaluate("widgetmw.refresh('acme').then((token) => token.token)")
    return token


def test_it_hands_each_token_to_a_widget_that_loads_late_and_cleans_up(visit: Visit, acme: Site) -> None:
    page = visit("ann")
    token = page.evaluate("widgetmw.get('acme').token")
    page.add_script_tag(url="/widget.js")
    assert calls_of(page, 1) == [["identify", token]]
    fresh = renew(page, acme)
    page.evaluate("widgetmw.signOut()")
    assert calls_of(page, 3)[1:] == [["identify", fresh], ["reset"]]


def test_it_identifies_another_user_after_the_clean_up(visit: Visit, acme: Site) -> None:
    page = visit("ann")
    sign_in(page.context, acme, "bob")
    bob = renew(page, acme)
    page.add_script_tag(url="/widget.js")
    calls = calls_of(page, 3)
    assert calls == [["reset"], ["identify", bob], ["identify", bob]]  # what waited for ann goes on as bob


def test_it_hands_no_expired_token_to_a_widget_that_loads_late(visit: Visit, acme: Site) -> None:
    acme.token_lifetime = 60
    page = visit("ann", clock=True)
    old = page.evaluate("widgetmw.get('acme').token")
    hide_tab(page)
    pass_time(page, acme, 120, step=60, active=False)
    page.add_script_tag(url="/widget.js")
    wait_for_requests(page)
    fresh = page.evaluate("widgetmw.get('acme').token")
    assert fresh != old
    # What waited, and the renewal that it has caused.
    assert calls_of(page, 2) == [["identify", fresh], ["identify", fresh]]


def test_it_hides_the_chat_in_a_tab_that_learns_late_of_a_sign_out(visit: Visit, acme: Site) -> None:
    page = visit("ann")
    page.add_script_tag(url="/widget.js")
    calls_of(page, 1)
    visit(context=page.context, path="/chat").evaluate(LATE_SIGN_OUT)
    assert calls_of(page, 2)[1:] == [["hide"]]
