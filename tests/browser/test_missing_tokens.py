"""Vendors whose token a page does not carry: the vendor cannot serve the user, or its widget asks for the token."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Profile, Visit, sign_in, sign_out
from tests.browser.simulation import MINUTE, has_valid_token, pass_time
from tests.browser.site import Site, json_response

ACME = """
window.calls = [];
export default {
  connect: (vendor) => {
    vendor.waitFor(() => window.acmeWidget).then((widget) => calls.push(["widget", widget]));
    return {
      update: ({ source }) => calls.push(["update", source, vendor.token?.token]),
      logout: ({ token }) => calls.push(["logout", token?.token]),
      embed: () => calls.push(["embed"]),
    };
  },
};
"""


@pytest.fixture(autouse=True)
def vendors(site: Site) -> None:
    site.vendors = ("acme",)
    site.vendor_scripts = {"acme": ACME}


def test_a_vendor_that_cannot_serve_the_user_causes_no_requests(visit: Visit, site: Site) -> None:
    site.vendors = ("acme", "giosg")
    site.missing = {"acme": "email_missing"}
    page = visit("ann", clock=True)
    pass_time(page, site, 40 * MINUTE, step=30)
    assert site.token_requests == []
    assert page.evaluate("[widgetmw.get('acme'), !!widgetmw.get('giosg')]") == [None, True]
    pass_time(page, site, 20 * MINUTE, step=30)
    assert len(site.token_requests) == 1  # giosg's renewal
    message = page.evaluate("widgetmw.getToken('acme').catch((error) => error.message)")
    assert message == "widgetmw: no token for acme"


def test_a_widget_that_appears_after_half_an_hour_is_found_within_two_minutes(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    pass_time(page, site, 30 * MINUTE, step=30)
    page.evaluate("window.acmeWidget = 'late'")
    pass_time(page, site, 2 * MINUTE, step=30)
    assert page.evaluate("calls.at(-1)") == ["widget", "late"]


def test_a_page_for_a_user_whom_no_vendor_can_serve_causes_no_requests(visit: Visit, site: Site) -> None:
    site.missing = {"acme": "email_missing"}
    page = visit("ann", clock=True)
    pass_time(page, site, 10 * MINUTE, step=30)
    assert site.token_requests == []


def test_a_vendor_that_no_longer_serves_the_user_delays_no_other(visit: Visit, site: Site) -> None:
    site.vendors, site.token_lifetime = ("acme", "digitalgenius"), 20.0
    page = visit("ann", clock=True)
    site.missing = {"acme": "email_missing"}
    for _ in range(9):
        pass_time(page, site, 10)
        assert has_valid_token(page, site)
    assert len(site.token_requests) < 12


def test_a_widget_that_asks_gets_its_token_from_one_request(visit: Visit, site: Site) -> None:
    site.missing = {"acme": "on_request"}
    page = visit("ann")
    assert page.evaluate("calls") == [["update", "page", None]]
    assert site.token_requests == []
    token = page.evaluate("widgetmw.getToken('acme').then(({ token }) => token)")
    assert token == site.tokens("ann", relative=False)["acme"]["token"]
    assert page.evaluate("widgetmw.getToken('acme').then(({ token }) => token)") == token
    assert len(site.token_requests) == 1


def test_a_widget_that_no_script_element_brings_is_found(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    page.evaluate("setTimeout(() => { window.acmeWidget = 'late'; }, 20000)")
    pass_time(page, site, 19, step=1)
    assert page.evaluate("calls.flat().includes('late')") is False
    pass_time(page, site, 20, step=1)
    assert page.evaluate("calls.at(-1)") == ["widget", "late"]


def test_a_user_without_tokens_in_the_page_is_signed_out_too(visit: Visit, site: Site) -> None:
    site.missing = {"acme": "on_request"}
    page = visit("ann")
    sign_out(page.context)
    page.evaluate("widgetmw.refresh('acme').catch(() => 0)")
    page.wait_for_function("seen.signedout == 1")
    assert page.evaluate("calls") == [["update", "page", None], ["logout", None]]


def test_the_next_user_without_tokens_in_the_page_is_noticed(visit: Visit, site: Site) -> None:
    site.missing = {"acme": "on_request"}
    page = visit("ann")
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    assert page.evaluate("calls") == [["logout", None], ["update", "endpoint", None]]


def test_only_the_request_that_confirms_a_sign_out_says_so(visit: Visit, profile: Profile, site: Site) -> None:
    page = visit("ann", context=profile("ann"))
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url.removeprefix(site.url)))
    site.endpoint_override = lambda user: json_response(401, {"error": "not_authenticated"})
    page.evaluate("widgetmw.refresh('acme').catch(() => 0)")
    page.wait_for_function("seen.signedout == 1")
    assert urls == ["/_widgetmw/token", "/_widgetmw/token?signout"]


def test_a_script_may_wait_for_a_widget_that_the_page_loads_later(visit: Visit, site: Site) -> None:
    page = visit("ann")
    other = "Object.assign(document.createElement('script'), { src: 'data:text/javascript,0' })"
    page.evaluate(f"document.head.append({other})")
    assert not page.evaluate("calls.some(([name]) => name == 'widget')")
    page.route("**/widget.js", lambda route: route.fulfill(body="acmeWidget = 7", content_type="text/javascript"))
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), { src: '/widget.js' }))")
    page.wait_for_function("calls.some(([name, widget]) => name == 'widget' && widget == 7)")
