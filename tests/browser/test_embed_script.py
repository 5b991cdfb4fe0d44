"""Pages that the middleware does not serve: one script tag, from the same or another origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import Message
from functools import partial

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser import fake_vendors
from tests.browser.conftest import Tab, sign_in, sign_out
from tests.browser.fake_vendors import script
from tests.browser.simulation import (
    HOUR,
    MINUTE,
    await_promise,
    has_valid_token,
    pass_time,
    wait_for_requests,
    wait_until,
)
from tests.browser.site import ENDPOINT, Response, Site, json_response
from widgetmw.core.http.mark import mark_name

Profile = Callable[..., BrowserContext]


@pytest.fixture
def static(site: Site) -> Iterator[Site]:
    """A site of another origin on the same host, without our middleware."""
    running = Site(site.host)
    yield running
    running.close()


@pytest.fixture(params=["same origin", "other origin"])
def host(request: pytest.FixtureRequest, site: Site, static: Site) -> Site:
    """The site whose pages have the script tag."""
    host = site if request.param == "same origin" else static
    if host is static:
        site.cors_headers = {
            "Access-Control-Allow-Origin": static.url,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Headers": "Authorization",
        }
    return host


def add_page(host: Site, site: Site, after: str = "", attributes: str = "", **headers: str) -> None:
    tag = f'<script src="{site.url}/_widgetmw/embed.js" {attributes}></script>{after}'
    html = f"<!doctype html><html><head>{tag}</head><body>static</body></html>".encode()
    host.pages["/static"] = lambda user: Response(200, html, {"Content-Type": "text/html", **headers})


def open_page(context: BrowserContext, host: Site) -> Page:
    page = context.new_page()
    page.goto(host.url + "/static")
    return page


def test_a_signed_in_user_keeps_a_valid_token_for_an_hour(profile: Profile, site: Site, host: Site) -> None:
    site.token_lifetime = 10 * MINUTE
    add_page(host, site, after=script(fake_vendors.DIGITALGENIUS_EMBEDDED))
    context = profile("ann", clock=True)
    page = open_page(context, host)
    page.wait_for_function("widgetmw.get('orlo')")
    first = page.evaluate("widgetmw.get('digitalgenius').token")
    for _ in range(12):
        pass_time(page, site, HOUR / 12, step=MINUTE)
        assert has_valid_token(page, site)
    assert (
        page.evaluate("vendor.messages.at(-1).payload") == page.evaluate("widgetmw.get('digitalgenius').token") != first
    )
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    assert page.evaluate("orloData.length") == len(site.token_requests)
    assert page.evaluate("_giosg._e.at(-1)[2]") == page.evaluate("widgetmw.get('giosg').token")
    assert 6 <= len(site.token_requests) < 12


def test_the_configuration_is_there_before_later_scripts_and_holds_no_token(
    profile: Profile, site: Site, host: Site
) -> None:
    add_page(host, site, after="<script>window.early = DG_CHAT_WIDGET_CONFIG.widgetId;</script>")
    page = open_page(profile(), host)
    assert page.evaluate("early") == "w-1"
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    assert page.evaluate("[widgetmw.get('orlo'), seen.signedout, document.cookie]") == [None, 0, ""]
    assert len(site.token_requests) == 1


def test_a_sign_out_cleans_up_at_the_next_page(profile: Profile, site: Site, host: Site) -> None:
    add_page(host, site)
    context = profile("ann")
    page = open_page(context, host)
    page.wait_for_function("widgetmw.get('orlo')")
    key = mark_name("/_widgetmw", site.url.removeprefix("http://"))
    assert f"{key}=1" in page.evaluate("document.cookie")
    sign_out(context)
    page.goto(host.url + "/static")
    page.wait_for_function("seen.signedout")
    assert page.evaluate("[widgetmw.get('orlo'), window.HISSUNO_WIDGET_CONFIG?.widgetToken]") == [None, None]
    assert page.evaluate("localStorage.getItem('" + key + "')") is None


def test_another_user_gets_their_own_token(profile: Profile, site: Site, host: Site) -> None:
    add_page(host, site)
    context = profile("ann")
    open_page(context, host).wait_for_function("widgetmw.get('orlo')")
    sign_in(context, site, "bob")
    page = open_page(context, host)
    page.wait_for_function("widgetmw.get('orlo')")
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "bob"
    assert page.evaluate("seen.signedout") == 1  # of ann


@pytest.mark.parametrize("attributes", ["async", "defer", "crossorigin='use-credentials'"])
def test_it_may_load_late(profile: Profile, site: Site, attributes: str) -> None:
    add_page(site, site, attributes=attributes)
    page = open_page(profile("ann"), site)
    page.wait_for_function("window.widgetmw?.get('orlo')")


def test_the_files_of_others_are_loaded_and_an_error_in_one_costs_only_itself(
    profile: Profile, site: Site, host: Site
) -> None:
    site.vendors = (*site.vendors, "acme", "broken")
    site.vendor_scripts = {
        "acme": "export default { connect: (vendor) => ({ update() { window.acme = vendor.token.token; } }) };",
        "broken": "export default { connect( };",
    }
    add_page(host, site)
    context = profile("ann")
    context.on("weberror", lambda error: None)
    page = context.new_page()
    # Chromium reports the syntax error as an uncaught one; the fixture would fail the test.
    page.add_init_script("addEventListener('error', (event) => event.preventDefault())")
    page.goto(host.url + "/static")
    page.wait_for_function("window.acme")
    assert page.evaluate("orloData.length") == 1


def test_a_nonce_covers_what_it_loads(profile: Profile, site: Site) -> None:
    policy = "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'"
    add_page(site, site, attributes="nonce='abc'", **{"Content-Security-Policy": policy})
    page = open_page(profile("ann"), site)
    wait_until(page, lambda: page.evaluate("window.orloData"))
    assert page.evaluate("seen.violations") == []


def test_one_trusted_types_policy_serves_all_that_it_loads(profile: Profile, site: Site) -> None:
    site.embed = ("digitalgenius",)
    types = "require-trusted-types-for 'script'; trusted-types widgetmw"
    add_page(site, site, **{"Content-Security-Policy": types})
    context = profile("ann")
    context.route("https://chat.digitalgenius.com/**", lambda route: route.fulfill(body="window.loaded = true"))
    page = open_page(context, site)
    # Not `wait_for_function`, which the policy forbids.
    wait_until(page, lambda: page.evaluate("!!(window.loaded && window.orloData)"))
    assert page.evaluate("seen.violations") == []


@pytest.mark.parametrize("own", ["const URL = 'https://shop.example'", "var performance = {rating: 5}"])
def test_a_global_of_the_page_with_a_browsers_name_stops_nothing(profile: Profile, site: Site, own: str) -> None:
    add_page(site, site)
    site.pages["/own"] = partial(html_page, f'{script(own)}<script src="/_widgetmw/embed.js"></script>')
    page = profile("ann").new_page()
    page.goto(site.url + "/own")
    page.wait_for_function("window.widgetmw?.get('orlo')")


def test_a_page_that_the_server_has_made_ignores_it(tab: Tab, site: Site) -> None:
    site.body = '<script src="/_widgetmw/embed.js"></script>'
    page = tab("ann")
    page.goto(site.url)
    wait_for_requests(page)
    assert page.evaluate("widgetmw.get('orlo').provider") == "orlo"
    assert site.token_requests == []


def test_as_a_module_it_says_what_to_change(profile: Profile, site: Site) -> None:
    add_page(site, site, attributes="type=module")
    context = profile("ann")
    page = context.new_page()
    page.add_init_script(
        "addEventListener('error', (event) => { window.problem = event.message; event.preventDefault(); })"
    )
    page.goto(site.url + "/static")
    page.wait_for_function("window.problem")
    assert "not as a module" in page.evaluate("problem")


def test_apps_of_two_other_hosts_are_told_apart(profile: Profile, site: Site, static: Site) -> None:
    site.cors_headers = {"Access-Control-Allow-Origin": static.url, "Access-Control-Allow-Credentials": "true"}
    pages: list[Page] = []
    for name, user in (("shop.localhost", "ann"), ("bank.localhost", "bob")):
        site.endpoint_override = partial(as_user, site, user)
        tag = f'<script src="{site.url.replace(site.host, name)}/_widgetmw/embed.js"></script>'
        static.pages["/static"] = partial(html_page, tag)
        pages.append(open_page(pages[0].context if pages else profile(), static))
        pages[-1].wait_for_function("widgetmw.get('orlo')")
    shop, bank = pages
    assert shop.evaluate("widgetmw.get('orlo')?.token") == site.tokens("ann", relative=False)["orlo"]["token"]
    assert bank.evaluate("widgetmw.get('orlo').token") == site.tokens("bob", relative=False)["orlo"]["token"]
    assert shop.evaluate("seen.signedout") == 0
    assert len(stored_keys(bank)) == 2


def as_user(site: Site, name: str, user: str | None) -> Response:
    """The answer of an app that knows the user by other means than the cookie."""
    return json_response(
        200, {"user": f"hash-of-{name}", "now": site.now(), "tokens": site.tokens(name, relative=True)}
    )


def html_page(head: str, user: str | None) -> Response:
    return Response(200, f"<!doctype html><head>{head}</head>".encode(), {"Content-Type": "text/html"})


def stored_keys(page: Page) -> list[str]:
    """The entries of all apps that remember their user."""
    found: list[str] = page.evaluate("Object.keys(localStorage).filter((name) => /^widgetmw_[0-9a-f]{8}$/.test(name))")
    return found


def test_a_cross_site_frame_makes_no_request(profile: Profile, site: Site, static: Site) -> None:
    add_page(site, site)
    static.pages["/frame"] = lambda user: Response(
        200, f"<iframe src='{site.url}/static'></iframe>".encode(), {"Content-Type": "text/html"}
    )
    page = profile("ann").new_page()
    page.goto(static.url + "/frame")
    frame = page.frames[1]
    frame.wait_for_function("!!window.widgetmw?._.onScript")
    assert frame.evaluate("widgetmw.refresh('orlo').catch((error) => error.message)") == "widgetmw: not permitted"
    assert site.token_requests == []


# --- apps without cookies -----------------------------------------------------------------------------------------


def test_token_requests_carry_the_headers_of_the_page(profile: Profile, site: Site, host: Site) -> None:
    tag = "<script>widgetmw.setRequestHeaders(() => ({ Authorization: 'Bearer ' + 42 }));</script>"
    add_page(host, site, after=tag)
    page = open_page(profile("ann"), host)
    page.wait_for_function("widgetmw.get('orlo')")
    (request,) = site.token_requests
    assert (request.headers["Authorization"], request.headers["Accept"]) == ("Bearer 42", "application/json")


def test_the_headers_may_come_late_and_a_failure_is_retried(profile: Profile, site: Site) -> None:
    add_page(site, site)
    page = open_page(profile("ann", clock=True), site)
    page.wait_for_function("widgetmw.get('orlo')")
    page.evaluate(
        """widgetmw.setRequestHeaders(async () => {
          if (!window.ready) throw Error("no token yet");
          return { "X-Key": "k" };
        })"""
    )
    result = "widgetmw.refresh('orlo').then(() => 'fine', (error) => error.message)"
    assert await_promise(page, site, result) == "widgetmw: request failed"
    assert len(site.token_requests) == 1
    page.evaluate("window.ready = true")
    pass_time(page, site, 2 * MINUTE, step=5)
    assert await_promise(page, site, result) == "fine"
    assert site.token_requests[-1].headers["X-Key"] == "k"


def test_a_tab_with_headers_of_another_user_gets_no_token_of_this_one(profile: Profile, site: Site) -> None:
    # as with a library that keeps its access token in the sessionStorage
    site.serve = partial(serve_bearer, site, site.serve)  # type: ignore[method-assign]
    context = profile()
    tabs: list[Page] = []
    for user in ("ann", "bob"):
        add_page(site, site, after=script(f"widgetmw.setRequestHeaders(() => ({{Authorization: '{user}'}}));"))
        tabs.append(open_page(context, site))
        tabs[-1].wait_for_function("widgetmw.get('orlo')")
    # the second waits for the first, whose response all tabs hear of
    for tab in tabs:
        tab.evaluate("void widgetmw.refresh('orlo')")
    for tab, user in zip(tabs, ("ann", "bob"), strict=True):
        token = site.tokens(user, relative=False)["orlo"]["token"]
        tab.wait_for_function(
            "(token) => widgetmw.refresh('orlo').then((it) => it.token === token, () => 0)", arg=token
        )
        assert tab.evaluate(RECEIVED) == [token]


RECEIVED = "[...new Set(seen.tokens.filter(({provider}) => provider === 'orlo').map(({token}) => token))]"


def serve_bearer(site: Site, serve: Callable[[str, Message], Response], path: str, headers: Message) -> Response:
    """Serves a site that knows its users by a header."""
    if path == ENDPOINT:
        return as_user(site, headers["Authorization"], None)
    return serve(path, headers)
