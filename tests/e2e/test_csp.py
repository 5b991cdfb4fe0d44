"""The CSP matrix: the page gets its token or is skipped with a reason, and never violates the CSP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import RECORD_VIOLATIONS, claims

ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget", "WIDGETMW_DEBUG": "1"}

Serve = Callable[[dict[str, str]], str]

# name: (response headers, the site's own script, the skip reason or None if the token arrives)
MATRIX: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no policy": ({}, "inline", None),
    "empty": ({"csp": [";"]}, "inline", None),
    "nonce": ({"csp": ["script-src 'nonce-abc'"]}, "nonce", None),
    "base64url nonce": ({"csp": ["script-src 'nonce-a-b_c'"]}, "nonce64", None),
    "nonce and unsafe-inline": ({"csp": ["script-src 'unsafe-inline' 'nonce-abc'"]}, "nonce", None),
    "two headers, one nonce": ({"csp": ["script-src 'nonce-abc'", "script-src 'nonce-abc' 'nonce-x'"]}, "nonce", None),
    "two headers, different nonces": (
        {"csp": ["script-src 'nonce-abc'", "script-src 'nonce-x'"]},
        "none",
        "csp_blocks_script",
    ),
    "nonce in one, self in the other": (
        {"csp": ["script-src 'nonce-abc'", "script-src 'self' 'unsafe-inline'"]},
        "nonce",
        None,
    ),
    "self only": ({"csp": ["script-src 'self'"]}, "file", None),
    "self as default": ({"csp": ["default-src 'self'"]}, "file", None),
    "self and the hash of the site's own": (
        {"csp": ["script-src 'self' 'sha256-lg+0cXJoUIQWM6tkpsIpDpoBlFzrqFJMvl74wnOGqg0='"]},
        "file",
        None,
    ),
    "strict-dynamic with a nonce": ({"csp": ["script-src 'strict-dynamic' 'nonce-abc' https:"]}, "nonce", None),
    "strict-dynamic without": ({"csp": ["script-src 'strict-dynamic' 'self'"]}, "none", "csp_blocks_script"),
    "unsafe-inline": ({"csp": ["script-src 'unsafe-inline'"]}, "inline", None),
    "unsafe-inline and self": ({"csp": ["script-src 'unsafe-inline' 'self'"]}, "inline", None),
    "script-src-elem wins": ({"csp": ["script-src 'none'; script-src-elem 'nonce-abc'"]}, "nonce", None),
    "script-src-elem refuses": (
        {"csp": ["script-src 'self'; script-src-elem https://cdn.example"]},
        "none",
        "csp_blocks_script",
    ),
    "other hosts": ({"csp": ["script-src https://cdn.example"]}, "none", "csp_blocks_script"),
    "none": ({"csp": ["script-src 'none'"]}, "none", "csp_none"),
    "default none": ({"csp": ["default-src 'none'"]}, "none", "csp_none"),
    "report only": ({"ro": ["script-src 'self'; connect-src 'self'"]}, "file", None),
    "report only with a nonce": ({"ro": ["script-src 'nonce-abc'"]}, "nonce", None),
    "sandbox": ({"csp": ["sandbox allow-scripts allow-same-origin"]}, "inline", None),
    "sandbox without scripts": ({"csp": ["sandbox allow-same-origin"]}, "none", "csp_sandbox"),
    "sandbox without its origin": ({"csp": ["sandbox allow-scripts"]}, "inline", "csp_sandbox"),
    "Trusted Types": (
        {"csp": ["script-src 'nonce-abc'; require-trusted-types-for 'script'; trusted-types 'none'"]},
        "nonce",
        None,
    ),
    "connect-src without us": ({"csp": ["script-src 'self'; connect-src https://api.example"]}, "file", None),
    "connect-src with us": ({"csp": ["script-src 'nonce-abc'; connect-src 'self'"]}, "nonce", None),
    "only images": ({"csp": ["img-src 'none'; style-src 'self'"]}, "inline", None),
    "meta policy of self": ({"meta": ["script-src 'self'"]}, "file", None),
    "meta policy of nothing": ({"meta": ["default-src 'none'"]}, "none", None),
    "meta policy that forbids connecting": ({"meta": ["connect-src 'none'"]}, "inline", None),
    "https and data": ({"csp": ["script-src https: data: 'nonce-abc'"]}, "nonce", None),
}


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(ENV)


@pytest.fixture(scope="module")
def tab(browser: Browser, url: str) -> Iterator[Page]:
    """A tab for all pages here. Its user is signed in on every port of the host."""
    with browser.new_context() as context:
        context.set_default_timeout(60_000)
        context.add_init_script(RECORD_VIOLATIONS)
        context.add_cookies([{"name": "user", "value": "ada", "url": url}])
        yield context.new_page()


@pytest.fixture(scope="module")
def amending_url(serve: Serve) -> str:
    return serve({**ENV, "WIDGETMW_CSP": "amend"})


def skip_reason(page: Page, url: str, headers: dict[str, Any], own: str) -> str | None:
    """Opens the page; returns its skip reason, or None if it was injected."""
    response = page.goto(f"{url}/?{urlencode({**headers, 'own': own}, doseq=True)}")
    assert response is not None
    page.wait_for_load_state()
    outcome = response.headers["x-widgetmw"]
    return None if outcome == "injected" else outcome.partition("reason=")[2]


@pytest.mark.parametrize("case", MATRIX)
def test_csp_matrix(url: str, tab: Page, case: str) -> None:
    headers, own, reason = MATRIX[case]
    assert skip_reason(tab, url, headers, own) == reason
    if "sandbox without" not in case:
        assert (claims(tab) is None) == (reason is not None)
    if own != "none":
        assert tab.evaluate("window.own") == 1, "the site's own script was blocked"
    if reason is None and "connect" not in case and "nothing" not in case:
        first = tab.evaluate("window.DG_CHAT_WIDGET_CONFIG.metadata.auth_token")
        token = tab.evaluate("widgetmw.refresh('digitalgenius').then((token) => token.token)")
        assert token.count(".") == first.count(".") == 2
    if "without scripts" not in case:
        assert tab.evaluate("window.violations") == []


def test_a_cross_origin_base_does_not_redirect_token_requests(url: str, tab: Page) -> None:
    assert skip_reason(tab, url, {"base": "https://elsewhere.example/"}, "inline") is None
    assert tab.evaluate("widgetmw.refresh('digitalgenius').then((token) => token.provider)") == "digitalgenius"


AMENDED = {
    "other hosts": "script-src https://cdn.example",
    "hashes only": "script-src 'sha256-lg+0cXJoUIQWM6tkpsIpDpoBlFzrqFJMvl74wnOGqg0='",
    "strict-dynamic with hashes": "script-src 'strict-dynamic' 'sha256-lg+0cXJoUIQWM6tkpsIpDpoBlFzrqFJMvl74wnOGqg0='",
    "default-src": "default-src https://cdn.example; connect-src 'self'; style-src 'unsafe-inline'",
    "script-src-elem": "script-src 'self'; script-src-elem https://cdn.example",
}


@pytest.mark.parametrize("case", AMENDED)
def test_amend_allows_the_injected_script_only(amending_url: str, tab: Page, case: str) -> None:
    assert skip_reason(tab, amending_url, {"csp": [AMENDED[case]]}, "none") is None
    assert claims(tab)["external_id"] == "ada"
    assert tab.evaluate("window.violations") == []
    tab.evaluate(
        "() => { const foreign = document.createElement('script');"
        " foreign.textContent = 'window.foreign = 1'; document.head.append(foreign) }"
    )
    foreign = tab.evaluate("window.foreign")
    assert foreign is None or "strict-dynamic" in AMENDED[case], "the CSP was loosened"


def test_amend_never_adds_a_hash_where_inline_scripts_are_allowed(amending_url: str, tab: Page) -> None:
    assert skip_reason(tab, amending_url, {"csp": ["script-src 'unsafe-inline'"]}, "inline") is None
    assert tab.evaluate("window.own") == 1
    assert claims(tab)["external_id"] == "ada"
    assert tab.evaluate("window.violations") == []
