"""Firefox, if it is installed: only what differs between browsers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import fake_vendors
from tests.browser.fake_vendors import script
from tests.browser.firefox import Firefox
from tests.browser.site import SNIPPETS, Form, Site
from tests.combinations import ALL, only_with_all
from tests.conftest import require

RECORDER = script(
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
    site.head = RECORDER + script(fake_vendors.DIGITALGENIUS_EMBEDDED, nonce="abc")
    running.goto(site.url + "/chat")
    running.cookie("session", "ann")
    return running


@pytest.mark.parametrize("form", ["inline", "bundled", "external"] if ALL else ["inline"])
def test_the_page_has_a_token_at_once_and_renews_it(firefox: Firefox, site: Site, form: Form) -> None:
    site.form = form
    site.token_lifetime = 4
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


@pytest.mark.parametrize("form", ["inline", "bundled", "external", "hashed"] if ALL else ["inline", "bundled"])
def test_a_broken_third_party_script_affects_only_itself(firefox: Firefox, site: Site, form: Form) -> None:
    site.form = form
    site.vendors = ("digitalgenius", "acme", "broken", "orlo")
    site.vendor_scripts = {
        "acme": "export default { init: ({ token }) => (window.acme = token.token) };",
        "broken": BROKEN,
    }
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
    assert firefox.evaluate("[widgetmw.get('orlo') ?? null, vendor.resets]") == [None, 1]
    firefox.switch(second)
    firefox.call("WebDriver:CloseWindow")
    firefox.switch(first)


@only_with_all
def test_a_page_from_the_back_forward_cache_requests_tokens_again(firefox: Firefox, site: Site) -> None:
    site.token_lifetime = 4
    for _ in range(4):
        firefox.goto(site.url)
        firefox.wait_for("seen.tokens")
        # The runtime holds the lock a moment longer than the request takes.
        firefox.wait_for("navigator.locks.query().then(({held, pending}) => !held.length && !pending.length)")
        before = len(site.token_requests)
        firefox.goto(site.url + "/chat")
        firefox.call("WebDriver:Back")
        # On a busy machine the next renewal may be pending, which keeps the page out of the cache.
        if firefox.evaluate("seen.persisted"):
            break
    firefox.wait_for("seen.persisted")
    firefox.wait_for("seen.tokens > 4")
    assert len(site.token_requests) > before
