"""What may keep the browser from our scripts, apart from a CSP: an Integrity-Policy, and a ``<base>`` ahead of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from flask import Flask, render_template_string
from playwright.sync_api import BrowserContext, Page, Route

from tests.combinations import combine
from tests.e2e.conftest import claims, serving
from widgetmw import Settings, User
from widgetmw.flask import Widget

ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget", "WIDGETMW_DEBUG": "1"}
OBSERVE = """
window.blocked = [];
new ReportingObserver((reports) => blocked.push(...reports.map((each) => each.type)), { buffered: true }).observe();
"""
POLICY = "blocked-destinations=(script)"

Serve = Callable[[dict[str, str]], str]
SignIn = Callable[[str, str], Page]


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(ENV)


def refreshed(page: Page) -> str:
    result: str = page.evaluate("widgetmw.refresh('digitalgenius').then((token) => token.provider)")
    return result


# an Integrity-Policy


def test_the_browser_enforces_the_policy(url: str, sign_in: SignIn) -> None:
    page = sign_in(url, "ada")
    page.goto(f"{url}/?{urlencode({'own': 'file', 'integrity': POLICY})}")
    assert page.evaluate("window.own") is None


@combine(
    csp=["", "script-src 'nonce-abc'", "script-src 'self'", "script-src 'unsafe-inline'"],
    header=["integrity", "integrity_ro"],
)
def test_an_integrity_policy_blocks_nothing_of_ours(
    url: str, sign_in: SignIn, context: BrowserContext, header: str, csp: str
) -> None:
    context.add_init_script(OBSERVE)
    page = sign_in(url, "ada")
    response = page.goto(f"{url}/?{urlencode({'csp': csp, header: POLICY})}")
    assert response is not None
    assert response.headers["x-widgetmw"] == "injected"
    page.wait_for_load_state()
    assert claims(page)["external_id"] == "ada"
    assert refreshed(page) == "digitalgenius"
    assert page.evaluate("window.blocked") == []


# a <base> ahead of the place that a template chose


def template(base: str) -> str:
    return f'<!doctype html><html><head><base href="{base}">{{{{ widgetmw_script() }}}}<title>Shop</title></head>Hello'


@pytest.fixture
def based(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a page whose template has a base."""
    app = Flask(__name__)
    Widget(app, Settings.from_env(ENV), user=lambda: User("ada"))
    app.add_url_rule("/", view_func=lambda: render_template_string(template(request.param)), endpoint="page")
    with serving(app) as url:
        yield f"{url}/"


@pytest.mark.parametrize("based", ["https://cdn.example/", "//cdn.example/a/", "/shop/"], indirect=True)
def test_nothing_of_ours_is_requested_from_another_origin(based: str, context: BrowserContext) -> None:
    requested = []

    def answer(route: Route) -> None:
        requested.append(route.request.url)
        route.fulfill(content_type="text/javascript", body="window.stolen = 1")

    context.route("**://cdn.example/**", answer)
    page = context.new_page()
    page.goto(based)
    page.wait_for_load_state()
    assert claims(page)["external_id"] == "ada"
    assert refreshed(page) == "digitalgenius"
    assert (requested, page.evaluate("window.stolen")) == ([], None)
