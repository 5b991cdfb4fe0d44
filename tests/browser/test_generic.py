"""The generic vendors have no script: a page hands their tokens over itself, as the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Profile, Visit, sign_in
from tests.browser.fake_vendors import script
from tests.browser.site import Site

DOCUMENT = Path(__file__).parents[2] / "docs" / "vendors" / "generic.md"
#: Records each call, by the names that lead to it.
RECORDER = script(
    "window.calls = [];"
    "const recorder = (names) => new Proxy(function () {}, {"
    "  get: (_, name) => recorder([...names, name]),"
    "  apply: (_, self, values) => { calls.push([...names, ...values]); }});"
    "for (const name of ['Gleap', 'Plain', 'chatbase', 'customerly']) window[name] = recorder([name]);"
)


@pytest.fixture(autouse=True)
def _generic_vendors(site: Site) -> None:
    site.vendors = ("jwt", "hmac")
    site.vendor_scripts = {"jwt": "", "hmac": ""}


def snippet(title: str) -> str:
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"# {title}\n")[2]
    (code,) = re.findall(r"```html\n(.*?)```", section.partition("\n##")[0], re.DOTALL)
    return str(code)


def test_a_page_reads_the_tokens_and_learns_of_renewal_and_sign_out(visit: Visit, site: Site) -> None:
    page = visit("ann")
    assert page.evaluate("[widgetmw.get('hmac').message, widgetmw.get('jwt').provider]") == ["ann", "jwt"]
    page.evaluate("window.changes = []; widgetmw.subscribe('jwt', () => changes.push(widgetmw.get('jwt')?.token)); 0")
    site.clear_token_cache()
    fresh = page.evaluate("widgetmw.refresh('jwt').then((token) => token.token)")
    assert page.evaluate("changes") == [fresh]
    assert fresh in [detail["token"] for detail in page.evaluate("seen.tokens")]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[changes.length, widgetmw.get('jwt'), widgetmw.get('hmac'), seen.signedout]") == [
        2,
        None,
        None,
        1,
    ]


@pytest.mark.parametrize(
    ("recipe", "call"),
    [
        ("Gleap", ["Gleap", "identify", "ann", {}, "<hmac>"]),
        ("Plain", ["Plain", "init", {"customerDetails": {"email": "ann", "emailHash": "<hmac>"}}]),
        ("Pylon", {"app_id": "…", "email": "ann", "name": "ann", "email_hash": "<hmac>"}),
        ("Featurebase", ["boot", {"appId": "…", "featurebaseJwt": "<jwt>"}]),
        ("Chatbase", ["chatbase", "identify", {"user_id": "ann", "user_hash": "<hmac>"}]),
        ("Customerly", ["customerly", "load", {"app_id": "…", "email": "ann", "email_hash": "<hmac>"}]),
    ],
)
def test_a_recipe_hands_the_token_over_and_leaves_anonymous_visitors_alone(
    visit: Visit, profile: Profile, site: Site, recipe: str, call: Any
) -> None:
    site.head = RECORDER + snippet(recipe)
    page = visit("ann")
    found = page.evaluate("[window.pylon?.chat_settings, ...(window.Featurebase?.q ?? []), ...calls].find(Boolean)")
    if recipe == "Plain":
        assert found[2].pop("appId")
    tokens = {f"<{name}>": token["token"] for name, token in site.tokens("ann", relative=False).items()}
    assert replaced(found, {token: name for name, token in tokens.items()}) == call
    anonymous = visit(context=profile())
    assert "token" not in str(anonymous.evaluate("[window.pylon, window.Featurebase?.q, calls]"))
    assert "undefined" not in str(anonymous.evaluate("JSON.stringify([window.pylon, calls])"))


def replaced(value: Any, texts: dict[str, str]) -> Any:
    """A JSON value with some of its texts replaced."""
    if isinstance(value, dict):
        return {name: replaced(each, texts) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, texts) for each in value]
    return texts.get(value, value)


def test_a_recipe_follows_renewal_and_sign_out(visit: Visit, site: Site) -> None:
    site.head = RECORDER + snippet("Gleap")
    page = visit("ann")
    site.clear_token_cache()
    fresh = page.evaluate("widgetmw.refresh('hmac').then((token) => token.token)")
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("calls.slice(1)") == [["Gleap", "identify", "ann", {}, fresh], ["Gleap", "clearIdentity"]]


#: A widget whose conversation is in the site's storage.
ACME_CHAT = script(
    "window.acmeChat = {"
    "  identify(token) { localStorage.acme ??= JSON.parse(atob(token.split('.')[1])).userId; },"
    "  reset() { localStorage.removeItem('acme'); }};"
)


def test_a_page_that_learns_late_of_a_sign_out_keeps_the_next_users_conversation(
    bfcache_context: BrowserContext, site: Site
) -> None:
    site.head = ACME_CHAT + snippet("In the page")
    page = bfcache_context.new_page()
    page.goto(site.url)
    page.wait_for_function("localStorage.acme === 'ann'")
    page.goto(site.url + "/chat")
    sign_in(bfcache_context, site, "bob")
    other = bfcache_context.new_page()
    other.goto(site.url)
    other.wait_for_function("localStorage.acme === 'bob'")
    other.evaluate("localStorage.acme = 'an answer to bob'")
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.widgetmw?.get('hmac')?.message === 'bob'")
    assert other.evaluate("localStorage.acme") == "an answer to bob"
