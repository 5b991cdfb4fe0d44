"""Fetch delivery in frames: the same page for every visitor, and no token in a cross-site frame."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.e2e.conftest import claims

ENV = {
    "DG_API_KEY": "key",
    "DG_API_SECRET": "s" * 40,
    "DG_WIDGET_ID": "widget",
    "WIDGETMW_DELIVERY": "fetch",
    "WIDGETMW_EXCLUDE": "/frame",
}


@pytest.fixture(scope="module")
def url(serve: Callable[[dict[str, str]], str]) -> str:
    return serve(ENV)


def test_a_top_level_page_and_a_same_site_frame_fetch_tokens(url: str, sign_in: Callable[[str, str], Page]) -> None:
    page = sign_in(url, "ada")
    page.goto(url)
    page.wait_for_function("window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token")
    assert claims(page)["external_id"] == "ada"
    page.goto(f"{url}/frame?src={url}/")
    page.frames[1].wait_for_function("window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token")


def test_a_cross_site_frame_does_not_fetch_tokens(
    url: str, context: BrowserContext, sign_in: Callable[[str, str], Page]
) -> None:
    page = sign_in(url, "ada")
    token_requests: list[str] = []
    page.on("request", lambda request: token_requests.append(request.url) if "/token" in request.url else None)
    # the same server under another host name is another site
    page.goto(f"{url.replace('127.0.0.1', 'localhost')}/frame?src={url}/")
    page.frames[1].wait_for_function("!!window.widgetmw?.get")
    page.wait_for_timeout(1500)
    assert token_requests == []
    assert page.frames[1].evaluate("window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token") is None
