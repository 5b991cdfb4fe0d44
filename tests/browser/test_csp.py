"""Strict Content-Security-Policies: everything works under them without a violation."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser import fake_vendors
from tests.browser.conftest import Tab, Visit
from tests.browser.simulation import MINUTE, pass_time
from tests.browser.site import Form, Response, Site
from tests.combinations import combine
from widgetmw.core.http.csp import hash_source
from widgetmw.core.script_tags import inline_scripts

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


@combine(name=POLICIES, types=["", TYPES, TYPES + "; trusted-types widgetmw"])
def test_tokens_arrive_and_are_renewed_without_a_violation(visit: Visit, site: Site, name: str, types: str) -> None:
    site.form, site.nonce, policy = POLICIES[name]
    site.headers = {"Content-Security-Policy": policy + types}
    site.body = '<a data-widgetmw-giosg id="chat">chat</a>'
    page = visit("ann")
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate("orloData.length") == 2
    assert "n=2" in (page.get_attribute("#chat", "href") or "")
    page.evaluate("widgetmw.signOut()")
    assert violations(page) == []


def test_hashes_of_our_scripts_suffice(visit: Visit, site: Site) -> None:
    site.form = "hashed"
    html = site.page("ann").body
    hashes = " ".join(hash_source(text) for text in inline_scripts(html))
    policy = f"default-src 'none'; script-src {hashes}; connect-src 'self'" + TYPES
    headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}
    site.pages["/hashed"] = lambda user: Response(200, html, headers)
    page = visit("ann", "/hashed")
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate("orloData.length") == 2
    assert violations(page) == []


@pytest.mark.parametrize("types", ["", TYPES, TYPES + "; trusted-types widgetmw"], ids=["", "types", "named"])
def test_a_loader_is_added_with_the_nonce_and_a_trusted_url(tab: Tab, site: Site, types: str) -> None:
    site.form, site.nonce, policy = POLICIES["nonce"]
    site.headers = {"Content-Security-Policy": policy + types}
    site.embed = ("digitalgenius",)
    page = tab("ann")
    page.context.route(re.compile("^https:"), lambda route: route.fulfill(body=fake_vendors.DIGITALGENIUS_EMBEDDED))
    page.goto(site.url)
    page.wait_for_function("window.vendor")
    assert violations(page) == []


def test_if_trusted_types_forbid_our_policy_no_loader_is_added(visit: Visit, site: Site) -> None:
    site.headers = {"Content-Security-Policy": "require-trusted-types-for 'script'; trusted-types other"}
    site.embed = ("digitalgenius", "orlo")
    page = visit("ann")
    assert page.evaluate("[...document.scripts].filter((script) => script.src.startsWith('https')).length") == 0
    assert page.evaluate("orloEmbeds.length") == 1
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_no_request_is_made_if_the_csp_forbids_it(visit: Visit, site: Site, delivery: str) -> None:
    site.delivery = delivery  # type: ignore[assignment]
    site.token_lifetime = 20
    site.headers = {"Content-Security-Policy": "connect-src 'none'"}
    site.data_overrides = {"connect": False}
    page = visit("ann", clock=True)
    pass_time(page, site, MINUTE, step=1)
    assert page.evaluate("widgetmw.refresh('orlo').catch((error) => error.message)") == "widgetmw: not permitted"
    assert site.token_requests == []
    assert violations(page) == []


META = {
    "connect-src 'none'": False,
    "default-src 'none'; script-src 'unsafe-inline'": False,
    "connect-src https://elsewhere.example *.example.com": False,
    "default-src 'none'; script-src 'unsafe-inline'; connect-src\n 'self'": True,
    "connect-src *": True,
    "Connect-Src HTTP:": True,
    "connect-src ORIGIN": True,
    "connect-src ORIGIN.example ORIGIN0 ORIGIN/chat/ ws: (": False,
    "connect-src ORIGIN/_widgetmw/": True,
    "connect-src ORIGIN/_widgetmw/token; script-src 'unsafe-inline' 'self'": True,
    "connect-src http://*.localhost:*": True,
    "connect-src *.test.localhost:* wss:": True,
    "connect-src http://*.example:* *.example": False,
    "script-src 'unsafe-inline' 'self'": True,
}


@pytest.mark.parametrize(("policy", "permitted"), META.items())
def test_a_csp_in_a_meta_element_is_respected(visit: Visit, site: Site, policy: str, permitted: bool) -> None:
    site.form = "bundled"
    content = policy.replace("ORIGIN", site.url)
    site.head = f'<meta http-equiv="Content-Security-Policy" content="{content}">'
    page = visit("ann")
    result = page.evaluate("widgetmw.refresh('orlo').then(() => 'token', (error) => error.message)")
    assert result == ("token" if permitted else "widgetmw: not permitted")
    assert len(site.token_requests) == permitted
    assert violations(page) == []


def test_every_csp_must_allow_the_request(visit: Visit, site: Site) -> None:
    site.head = "".join(
        f'<meta http-equiv="content-security-policy" content="connect-src {source}">' for source in ("'self'", "'none'")
    )
    page = visit("ann")
    assert page.evaluate("widgetmw.refresh('orlo').catch((error) => error.message)") == "widgetmw: not permitted"
    assert violations(page) == []


def test_a_csp_in_the_body_is_ignored_as_browsers_do(visit: Visit, site: Site) -> None:
    site.body = "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'\"><img name='head' alt=''>"
    page = visit("ann")
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
