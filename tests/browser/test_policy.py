"""Strict policies: everything works under them, and no violation is reported."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import standins
from tests.browser.conftest import Visit
from tests.browser.simulation import MINUTE, live
from tests.browser.site import Form, Reply, Site
from widgetmw.core.http.csp import hash_source
from widgetmw.core.snippet import inline_scripts

Profile = Callable[..., BrowserContext]
TYPES = "; require-trusted-types-for 'script'"
BASE = "base-uri 'none'; object-src 'none'; img-src 'self'; "

POLICIES: dict[str, tuple[Form, str | None, str]] = {
    "nonce": ("inline", "abc", BASE + "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'"),
    "strict-dynamic": ("inline", "a-b_c=", BASE + "script-src 'nonce-a-b_c=' 'strict-dynamic'; connect-src 'self'"),
    "self": ("external", None, BASE + "default-src 'self'"),
    "inline": ("bundled", None, BASE + "default-src 'none'; script-src 'unsafe-inline'; connect-src 'self'"),
}


def violations(page: Page) -> list[str]:
    found: list[str] = page.evaluate("seen.violations")
    return found


@pytest.mark.parametrize("types", ["", TYPES, TYPES + "; trusted-types widgetmw"], ids=["", "types", "named"])
@pytest.mark.parametrize("name", POLICIES)
def test_tokens_come_and_are_renewed_without_a_violation(visit: Visit, site: Site, name: str, types: str) -> None:
    site.form, site.nonce, policy = POLICIES[name]
    site.headers = {"Content-Security-Policy": policy + types}
    site.body = '<a data-widgetmw-giosg id="chat">chat</a>'
    page = visit("ann")
    site.forget()
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate("orloData.length") == 2
    assert "n=2" in (page.get_attribute("#chat", "href") or "")
    page.evaluate("widgetmw.signOut()")
    assert violations(page) == []


def test_hashes_of_our_scripts_are_enough(visit: Visit, site: Site) -> None:
    site.form = "hashed"
    html = site.page("ann").body
    hashes = " ".join(hash_source(text) for text in inline_scripts(html))
    policy = f"default-src 'none'; script-src {hashes}; connect-src 'self'" + TYPES
    headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}
    site.pages["/hashed"] = lambda user: Reply(200, html, headers)
    page = visit("ann", "/hashed")
    site.forget()
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate("orloData.length") == 2
    assert violations(page) == []


@pytest.mark.parametrize("types", ["", TYPES, TYPES + "; trusted-types widgetmw"], ids=["", "types", "named"])
def test_a_loader_is_added_with_our_nonce_and_a_trusted_url(profile: Profile, site: Site, types: str) -> None:
    site.form, site.nonce, policy = POLICIES["nonce"]
    site.headers = {"Content-Security-Policy": policy + types}
    site.embed = ("digitalgenius",)
    context = profile("ann")
    context.route(re.compile("^https:"), lambda route: route.fulfill(body=standins.DIGITALGENIUS_EMBEDDED))
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_function("window.vendor")
    assert violations(page) == []


def test_where_trusted_types_forbid_our_policy_the_loader_is_left_out_quietly(visit: Visit, site: Site) -> None:
    site.headers = {"Content-Security-Policy": "require-trusted-types-for 'script'; trusted-types other"}
    site.embed = ("digitalgenius", "orlo")
    page = visit("ann")
    assert page.evaluate("[...document.scripts].filter((script) => script.src.startsWith('https')).length") == 0
    assert page.evaluate("orloEmbeds.length") == 1
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_a_page_that_may_not_connect_never_asks(visit: Visit, site: Site, delivery: str) -> None:
    site.delivery = delivery  # type: ignore[assignment]
    site.life = 20
    site.headers = {"Content-Security-Policy": "connect-src 'none'"}
    site.facts = {"connect": False}
    page = visit("ann", clock=True)
    live(page, site, MINUTE, step=1)
    assert page.evaluate("widgetmw.refresh('orlo').catch((error) => error.message)") == "widgetmw: not permitted"
    assert site.asked == []
    assert violations(page) == []


META = {
    "connect-src 'none'": False,
    "default-src 'none'; script-src 'unsafe-inline'": False,
    "connect-src https://elsewhere.example *.example.com": False,
    "default-src 'none'; script-src 'unsafe-inline'; connect-src\n 'self'": True,
    "connect-src *": True,
    "Connect-Src HTTP:": True,
    "connect-src ORIGIN": True,
    "script-src 'unsafe-inline' 'self'": True,
}


@pytest.mark.parametrize(("policy", "permitted"), META.items())
def test_a_policy_in_a_meta_element_is_heeded(visit: Visit, site: Site, policy: str, permitted: bool) -> None:
    site.form = "bundled"
    content = policy.replace("ORIGIN", site.url)
    site.head = f'<meta http-equiv="Content-Security-Policy" content="{content}">'
    page = visit("ann")
    answer = page.evaluate("widgetmw.refresh('orlo').then(() => 'token', (error) => error.message)")
    assert answer == ("token" if permitted else "widgetmw: not permitted")
    assert len(site.asked) == permitted
    assert violations(page) == []


def test_several_policies_must_all_permit(visit: Visit, site: Site) -> None:
    site.head = "".join(
        f'<meta http-equiv="content-security-policy" content="connect-src {source}">' for source in ("'self'", "'none'")
    )
    page = visit("ann")
    assert page.evaluate("widgetmw.refresh('orlo').catch((error) => error.message)") == "widgetmw: not permitted"
    assert violations(page) == []
