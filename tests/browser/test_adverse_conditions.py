"""HTTPS, a runtime that fails to load, slow networks, and pages that interfere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Route

from tests.browser.conftest import Tab, Visit, sign_in, sign_out
from tests.browser.fake_vendors import script
from tests.browser.simulation import (
    HOUR,
    MINUTE,
    has_valid_token,
    max_requests_per_minute,
    pass_time,
    sleep,
    wait_for_requests,
    wait_until,
)
from tests.browser.site import KEY, Form, Site
from tests.browser.test_rate_limit import MISBEHAVIOURS
from tests.combinations import ALL, combine

Profile = Callable[..., BrowserContext]


def test_on_https_the_cookie_is_secure(profile: Profile, site: Site) -> None:
    context = profile()

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix("https://site.test")
        message: Any = {"Cookie": "session=ann"}
        reply = site.serve(path.partition("?")[0], message)
        route.fulfill(status=reply.status, headers=reply.headers, body=reply.body)

    context.route("https://site.test/**", serve)
    page = context.new_page()
    page.goto("https://site.test/")
    page.wait_for_function("document.cookie.includes('widgetmw_5eed=1')")
    assert [cookie["secure"] for cookie in context.cookies() if cookie["name"] == KEY] == [True]
    site.vendors = ("orlo",)
    page.goto("https://site.test/")
    page.evaluate("widgetmw.signOut()")
    assert context.cookies() == []


@pytest.mark.parametrize("form", ["inline", "external"])
def test_calls_reject_if_the_runtime_does_not_load(visit: Visit, site: Site, form: Form) -> None:
    site.body = '<img name="prerendering" alt="">'  # a prerendered page would wait
    page = visit(None)
    page.context.route("**/runtime.js*", lambda route: route.abort())
    sign_in(page.context, site, "ann")
    page.goto(site.url)
    calls = "[widgetmw.signOut(), widgetmw.refresh('orlo')]"
    messages = page.evaluate(f"Promise.allSettled({calls}).then((all) => all.map((it) => it.reason.message))")
    assert messages == ["widgetmw: no runtime"] * 2
    assert page.evaluate("DG_CHAT_WIDGET_CONFIG.metadata.auth_token === widgetmw.get('digitalgenius').token")


def test_an_api_frozen_by_the_page_works(visit: Visit, site: Site) -> None:
    site.head = script("Object.freeze(window.widgetmw);")
    page = visit("ann")
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
    assert page.evaluate("[widgetmw.signOut() instanceof Promise, widgetmw.get('orlo')]") == [True, None]


def test_an_element_named_prerendering_does_not_delay_the_start(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.head = '<img name="prerendering" alt="">'
    page = visit("ann")
    page.wait_for_function("widgetmw.get('orlo')")


def test_an_idle_tab_stays_idle_when_the_network_returns(visit: Visit, site: Site) -> None:
    site.token_lifetime = 60
    page = visit("ann", clock=True)
    sleep(page, site, HOUR)
    page.evaluate("dispatchEvent(new Event('online'))")
    pass_time(page, site, 10, active=False)
    assert site.token_requests == []
    page.mouse.move(5, 5)
    pass_time(page, site, 2, active=False)
    assert has_valid_token(page, site)


def test_focus_changes_by_scripts_do_not_count_as_input(visit: Visit, site: Site) -> None:
    site.token_lifetime = 60
    site.body = '<input id="one"><input id="two">'
    page = visit("ann", clock=True)
    pass_time(page, site, 2)
    page.evaluate("setInterval(() => { one.focus(); two.focus(); }, 1000); 0")
    pass_time(page, site, 20 * MINUTE, step=30, active=False)
    before = len(site.token_requests)
    pass_time(page, site, 5 * MINUTE, step=30, active=False)
    assert len(site.token_requests) == before


def test_a_rejection_that_the_page_ignores_is_not_reported(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate("window.ignored = []; addEventListener('unhandledrejection', (event) => ignored.push(1)); 0")
    page.evaluate("void widgetmw.getToken('unknown'); void widgetmw.refresh('unknown')")
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    assert page.evaluate("ignored") == []


def test_a_slow_network_delays_the_token_and_nothing_else(profile: Profile, site: Site) -> None:
    site.delivery = "fetch"
    site.body = '<button onclick="document.title = 1">go</button>'
    page = profile("ann").new_page()
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    conditions = {"offline": False, "latency": 1500, "downloadThroughput": 20_000, "uploadThroughput": 20_000}
    slow.send("Network.emulateNetworkConditions", conditions)
    page.goto(site.url)
    page.click("button")
    assert page.title() == "1"
    page.wait_for_function("widgetmw.get('orlo')")
    assert len(site.token_requests) == 1


FETCHED = ["unavailable", "one second", *(["no json", "null", "redirect", "already expired"] if ALL else [])]


@pytest.mark.parametrize("fault", FETCHED)
def test_with_fetch_delivery_a_broken_endpoint_sees_fewer_than_ten_requests_a_minute(
    visit: Visit, site: Site, fault: str
) -> None:
    site.delivery = "fetch"
    site.endpoint_override = MISBEHAVIOURS[fault]
    page = visit("ann", clock=True)
    pass_time(page, site, 80, step=2)
    assert 3 <= max_requests_per_minute(site.token_requests) < 10
    site.endpoint_override = lambda user: None
    pass_time(page, site, 3 * MINUTE, step=5)  # no user has been signed in here yet, so the long back-off applies
    assert has_valid_token(page, site)


@pytest.mark.parametrize("content", ["a page of the site", "other content"])
def test_a_user_of_a_document_that_was_written_anew_keeps_a_valid_token(
    profile: Profile, site: Site, content: str
) -> None:
    page = profile("ann", clock=True).new_page()
    page.goto(site.url)
    html = site.page("ann").body.decode() if content == "a page of the site" else "<p>written"
    # This removes all event listeners, also the window's.
    page.evaluate("(html) => { document.open(); document.write(html); document.close(); }", html)
    pass_time(page, site, 3 * HOUR, step=2 * MINUTE)
    assert has_valid_token(page, site)


def test_a_frame_with_srcdoc_makes_no_request(tab: Tab, site: Site) -> None:
    page = tab("ann")
    page.goto(site.url + "/chat")
    page.evaluate(
        "(html) => document.body.append(Object.assign(document.createElement('iframe'), {srcdoc: html}))",
        site.page("ann").body.decode(),
    )
    page.wait_for_function("!!frames[0].widgetmw?._.onScript")
    message = "widgetmw.refresh('orlo').then(() => 'token', (error) => error.message)"
    assert page.frames[1].evaluate(message) == "widgetmw: not permitted"
    assert site.token_requests == []


@pytest.mark.parametrize("source", ["src", "srcdoc"])
def test_a_sandboxed_page_makes_no_request(tab: Tab, site: Site, source: str) -> None:
    page = tab("ann")
    page.goto(site.url + "/chat")
    page.evaluate(
        "([name, value]) => {"
        "  const frame = Object.assign(document.createElement('iframe'), {[name]: value});"
        "  frame.sandbox = 'allow-scripts';"
        "  document.body.append(frame);"
        "}",
        [source, site.url if source == "src" else site.page("ann").body.decode()],
    )
    frame = page.frames[1]
    frame.wait_for_function("!!window.widgetmw?._.onScript")
    message = frame.evaluate("widgetmw.refresh('orlo').then(() => 'token', (error) => error.message)")
    assert message == "widgetmw: not permitted"
    assert site.token_requests == []


@combine(name=["origin", "self", "performance", "navigation", "URL", "Document"], keyword=["const", "var"])
def test_a_global_of_the_page_may_have_a_name_of_the_browsers(
    visit: Visit, site: Site, name: str, keyword: str
) -> None:
    site.delivery, site.vendors = "fetch", ("orlo", "chatwoot")
    site.token_fields["chatwoot"] = lambda user: {"identifier": user, "name": user}
    site.head = script(f"{keyword} {name} = {{}};")
    warnings: list[str] = []
    page = visit()
    page.on("console", lambda message: warnings.append(message.text))
    sign_in(page.context, site, "ann")
    page.reload()
    page.wait_for_function("window.orloData")
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
    before = len(site.token_requests)
    page.evaluate("history.pushState(null, '', '/next')")
    wait_until(page, lambda: len(site.token_requests) == before + 1)
    assert [cookie["name"] for cookie in page.context.cookies(site.url)] == ["session", KEY]
    page.evaluate("widgetmw.signOut()")
    assert [cookie["name"] for cookie in page.context.cookies(site.url)] == ["session"]
    assert [warning for warning in warnings if "widgetmw" in warning] == []


def test_a_fetch_of_the_page_that_leads_to_the_login_page_at_a_401_sees_none_of_ours(
    profile: Profile, site: Site
) -> None:
    # Such a page would be loaded again and again, and the sign-out never be confirmed.
    site.head = script(
        "const own = fetch; window.fetch = async (...values) => {"
        "  const response = await own(...values);"
        "  if (response.status === 401) location.href = '/login';"
        "  return response;"
        "}"
    )
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'ann' && document.cookie.includes('widgetmw')")
    sign_out(context)
    page.goto(site.url + "/home")
    page.wait_for_function("seen.signedout")
    assert site.page_requests[-1] == "/home"


@pytest.mark.parametrize(
    "ahead",
    [
        # as end-to-end tests do whose tool can only intercept XMLHttpRequest; the app then loads a polyfill
        "const own = fetch; delete window.fetch; addEventListener('load', () => { window.fetch = own; });",
        "const own = fetch; window.fetch = Object.setPrototypeOf((...values) => own(...values), null);",
    ],
)
def test_a_fetch_that_is_missing_at_first_or_has_no_methods_breaks_nothing(
    profile: Profile, site: Site, ahead: str
) -> None:
    context = profile("ann")
    context.add_init_script(ahead)
    page = context.new_page()
    page.goto(site.url)
    assert page.evaluate("window.HISSUNO_WIDGET_CONFIG?.userId") == "ann"
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"
