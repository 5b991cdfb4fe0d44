"""The same in Firefox, where it is installed: what differs between browsers, not each rule again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import standins
from tests.browser.firefox import Firefox
from tests.browser.site import SNIPPETS, Form, Site
from tests.browser.standins import script
from tests.conftest import require

WATCH = script(
    "window.seen = {tokens: 0, signedout: 0, violations: 0};"
    "addEventListener('widgetmw:token', () => seen.tokens++);"
    "addEventListener('widgetmw:signedout', () => seen.signedout++);"
    "addEventListener('securitypolicyviolation', () => seen.violations++);"
    "addEventListener('pageshow', (event) => { seen.persisted = event.persisted; });",
    nonce="abc",
)


BROKEN = "export default { init( };"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    firefox = Firefox(require("firefox"), Path(tmp_path_factory.mktemp("firefox")))
    yield firefox
    firefox.close()


@pytest.fixture
def firefox(running: Firefox, site: Site) -> Firefox:
    """Signed in as ann."""
    site.head = WATCH + script(standins.DIGITALGENIUS_EMBEDDED, nonce="abc")
    running.goto(site.url + "/chat")
    running.cookie("session", "ann")
    return running


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_a_token_is_there_at_once_and_is_renewed(firefox: Firefox, site: Site, form: Form) -> None:
    site.form = form
    site.life = 4
    site.nonce = "abc" if form == "inline" else None
    policies = {"inline": "script-src 'nonce-abc'", "external": "script-src 'self' 'nonce-abc'", "bundled": ""}
    site.headers = {"Content-Security-Policy": policies[form]} if policies[form] else {}
    firefox.goto(site.url)
    first = firefox.evaluate("widgetmw.get('digitalgenius').token")
    assert firefox.evaluate("vendor.config.metadata.auth_token") == first
    firefox.wait_for("vendor.messages.length")
    assert (
        firefox.evaluate("vendor.messages[0].payload")
        == firefox.evaluate("widgetmw.get('digitalgenius').token")
        != first
    )
    assert firefox.evaluate("HISSUNO_WIDGET_CONFIG.userMetadata") == {"name": "ann ☃"}
    assert firefox.evaluate("seen.violations") == 0


@pytest.mark.parametrize("form", ["inline", "bundled", "external", "hashed"])
def test_broken_scripts_of_others_cost_only_themselves(firefox: Firefox, site: Site, form: Form) -> None:
    site.form = form
    site.vendors = ("digitalgenius", "acme", "broken", "orlo")
    site.modules = {"acme": "export default { init: ({ token }) => (window.acme = token.token) };", "broken": BROKEN}
    site.snippets = {"orlo": SNIPPETS | {"embed": "function(JWT_TOKEN){ if ( }"}}
    site.head = ""
    firefox.goto(site.url)
    firefox.wait_for("window.orloData")
    tokens = {name: token["token"] for name, token in site.tokens("ann", relative=False).items()}
    assert firefox.evaluate("[acme, orloData[0][0]]") == [tokens["acme"], tokens["orlo"]]
    assert firefox.evaluate("DG_CHAT_WIDGET_CONFIG.metadata.auth_token") == tokens["digitalgenius"]


def test_other_tabs_follow_a_sign_out(firefox: Firefox, site: Site) -> None:
    first = firefox.call("WebDriver:GetWindowHandle")["value"]
    second = firefox.new_tab()
    for tab in (first, second):
        firefox.switch(tab)
        firefox.goto(site.url)
    firefox.evaluate("widgetmw.signOut()")
    firefox.switch(first)
    firefox.wait_for("seen.signedout")
    assert firefox.evaluate("[widgetmw.get('orlo') ?? null, vendor.resets, document.cookie]") == [
        None,
        1,
        "session=ann",
    ]
    firefox.switch(second)
    firefox.call("WebDriver:CloseWindow")
    firefox.switch(first)


def test_a_page_from_the_back_forward_cache_asks_again(firefox: Firefox, site: Site) -> None:
    site.life = 4
    for _ in range(4):
        firefox.goto(site.url)
        firefox.wait_for("seen.tokens")
        # the lock is held a moment longer than the request takes
        firefox.wait_for("navigator.locks.query().then(({held, pending}) => !held.length && !pending.length)")
        asked = len(site.asked)
        firefox.goto(site.url + "/chat")
        firefox.call("WebDriver:Back")
        # on a busy machine the next renewal may be under way, and keep the page out of that cache
        if firefox.evaluate("seen.persisted"):
            break
    firefox.wait_for("seen.persisted")
    firefox.wait_for("seen.tokens > 4")
    assert len(site.asked) > asked
