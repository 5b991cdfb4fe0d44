"""Places where a user's data could survive a sign-out: the document, copies of elements, queues, pending responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Visit, sign_in, sign_out
from tests.browser.fake_vendors import GIOSG_TAG, script
from tests.browser.simulation import pass_time, wait_for_requests, wait_until
from tests.browser.site import CHANNEL, KEY, Form, Site, json_response
from tests.browser.user_data import GIOSG_CLEANUP, WIDGET_PAGE

Profile = Callable[..., BrowserContext]


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_no_token_stays_in_the_document_or_a_queue(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    page = visit("ann")
    tokens = [token["token"] for token in site.tokens("ann", relative=False).values()]
    assert any(token in page.content() for token in tokens)
    page.evaluate("widgetmw.signOut()")
    left = page.content() + page.evaluate(
        "JSON.stringify([widgetmw._, window._giosg?._e?.map((call) => [...call]), {...localStorage}])"
    )
    assert [token for token in tokens if token in left] == []
    assert "user=ann" not in left


def test_copies_of_a_signed_link_or_frame_are_cleaned_too(visit: Visit, site: Site) -> None:
    site.body = (
        '<p id="all"><a data-widgetmw-giosg href="/contact">chat</a><a data-widgetmw-giosg>chat</a>'
        "<iframe data-widgetmw-giosg></iframe></p>"
    )
    page = visit("ann")
    page.evaluate("window.kept = all.cloneNode(true); all.after(all.cloneNode(true)); all.innerHTML += '!'; 0")
    page.evaluate("widgetmw.signOut()")
    page.evaluate("document.body.append(kept)")
    url = "(it) => it.getAttribute(it.src === undefined ? 'href' : 'src')"
    assert (
        page.evaluate(f"[...document.querySelectorAll('a, iframe')].map({url})")
        == ["/contact", None, "about:blank"] * 3
    )


@pytest.mark.parametrize("kept", ["removed", "copied"])
def test_elements_outside_of_the_document_do_not_keep_a_url_for_the_next_user(
    visit: Visit, site: Site, kept: str
) -> None:
    site.body = '<p id="dialog"><a data-widgetmw-giosg>chat</a><iframe data-widgetmw-giosg></iframe></p>'
    page = visit("ann")
    urls = "(dialog) => [...dialog.children].map((it) => it.getAttribute(it.src === undefined ? 'href' : 'src'))"
    page.evaluate(
        "(copy) => { window.kept = copy ? dialog.cloneNode(true) : dialog; dialog.remove(); }", kept == "copied"
    )
    if kept == "removed":
        assert page.evaluate(f"({urls})(kept)") == [None, "about:blank"]
    sign_in(page.context, site, "bob")
    page.evaluate("widgetmw.refresh('giosg').then(() => 0)")
    page.evaluate("document.body.append(kept)")
    assert page.evaluate(f"({urls})(kept)") == [page.evaluate("widgetmw.get('giosg').url")] * 2
    assert "user=bob" in page.evaluate("kept.lastChild.src")


@pytest.mark.parametrize("origin", ["page", "tab"])
def test_a_first_response_pending_at_sign_out_is_discarded(profile: Profile, site: Site, origin: str) -> None:
    context = profile("ann")
    other = context.new_page()
    other.goto(site.url)
    site.delivery = "fetch"
    page = context.new_page()
    waiting: list[Any] = []
    page.route("**/_widgetmw/token", lambda route: waiting.append(route))
    page.goto(site.url)
    wait_until(page, lambda: waiting)
    # The runtime's channel is older, so it gets each message first.
    page.evaluate(
        "window.received = new Promise((resolve) => {"
        f"  new BroadcastChannel('{CHANNEL}').onmessage = ({{data}}) => resolve(data.type);"
        "}); 0"
    )
    (page if origin == "page" else other).evaluate("widgetmw.signOut()")
    if origin == "tab":
        assert page.evaluate("received") == "signout"
    sign_out(context)
    for route in waiting:
        route.fulfill(json={"user": "hash-of-ann", "tokens": site.tokens("ann", relative=True)})
    wait_for_requests(page)
    assert page.evaluate("[widgetmw.get('orlo'), localStorage.widgetmw_5eed]") == [None, None]


def test_an_emptied_data_block_may_be_moved(visit: Visit, site: Site) -> None:
    site.form = "external"
    page = visit("ann")
    page.evaluate("widgetmw.signOut()")
    # An uncaught error would fail the test.
    page.evaluate("document.head.append(document.querySelector('script[type=\"application/json\"]'))")
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token.provider)") == "orlo"


def test_a_listener_may_sign_out(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate("addEventListener('widgetmw:token', () => widgetmw.signOut(), {once: true}); 0")
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('digitalgenius').catch(() => {})")
    assert page.evaluate("[window.HISSUNO_WIDGET_CONFIG, widgetmw.get('hissuno'), seen.signedout]") == [None, None, 1]


SIGN_OUT_AGAIN = {
    "event": "addEventListener('widgetmw:signedout', () => widgetmw.signOut()); 0",
    "subscriber": "widgetmw.subscribe('orlo', () => widgetmw.signOut()); 0",
}


@pytest.mark.parametrize("listener", SIGN_OUT_AGAIN)
@pytest.mark.parametrize("tab", ["this", "other"])
def test_a_listener_that_signs_out_again_cleans_up_once(profile: Profile, site: Site, listener: str, tab: str) -> None:
    site.head, site.body = WIDGET_PAGE
    context = profile("ann")
    page, other = context.new_page(), context.new_page()
    page.goto(site.url)
    other.goto(site.url)
    page.evaluate(SIGN_OUT_AGAIN[listener])
    (page if tab == "this" else other).evaluate("widgetmw.signOut()")
    for each in (page, other):
        each.wait_for_function("seen.signedout")
    assert page.evaluate("[seen.signedout, vendor.resets, document.cookie]") == [1, 1, "session=ann"]


def test_a_token_that_a_listener_rejects_by_signing_out_is_not_passed_on(profile: Profile, site: Site) -> None:
    context = profile("ann")
    page, other = context.new_page(), context.new_page()
    page.goto(site.url)
    site.delivery = "fetch"
    held: list[Any] = []
    page.route("**/_widgetmw/token", lambda route: held.append(route))
    site.clear_token_cache()
    page.evaluate("addEventListener('widgetmw:token', () => widgetmw.signOut(), {once: true})")
    page.evaluate("void widgetmw.refresh('orlo')")
    wait_until(page, lambda: held)
    other.goto(site.url)  # waits for that response
    sign_out(context)
    held[0].fulfill(json={"user": "hash-of-ann", "now": site.now(), "tokens": site.tokens("ann", relative=True)})
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(other)
    assert other.evaluate(f"[widgetmw.get('orlo'), localStorage['{KEY}']]") == [None, None]


def test_a_refresh_by_a_listener_that_has_signed_out_waits_for_the_next_response(visit: Visit, site: Site) -> None:
    page = visit("ann")
    site.clear_token_cache()
    page.evaluate(
        """() => {
          addEventListener("widgetmw:token", () => widgetmw.signOut(), {once: true});
          const refresh = () => { window.again = widgetmw.refresh("orlo").then((token) => token.provider, String); };
          addEventListener("widgetmw:signedout", refresh, {once: true});
          void widgetmw.refresh("orlo");
        }"""
    )
    page.wait_for_function("window.again")
    assert page.evaluate("again") == "orlo"


def test_a_listener_may_refresh_after_a_sign_out(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate(
        "addEventListener('widgetmw:signedout', () => { window.again = widgetmw.refresh('orlo'); }, {once: true}); 0"
    )
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("again.then((token) => token.provider)") == "orlo"


def test_a_config_declared_with_var_before_our_script_is_emptied(profile: Profile, site: Site) -> None:
    context = profile("ann")
    context.add_init_script("var HISSUNO_WIDGET_CONFIG;")
    page = context.new_page()
    page.goto(site.url)
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("window.HISSUNO_WIDGET_CONFIG") is None


def open_and_hold_next_request(visit: Visit, site: Site) -> tuple[Page, list[Any]]:
    """Opens a page as an anonymous visitor; its next token request is held back, and added to the list."""
    site.delivery = "fetch"
    held: list[Any] = []
    page = visit(None)
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    page.route("**/_widgetmw/token", lambda route: held.append(route) if not held else route.continue_())
    return page, held


def test_a_refresh_after_a_sign_in_ignores_the_earlier_401(visit: Visit, site: Site) -> None:
    page, held = open_and_hold_next_request(visit, site)
    page.reload()
    wait_until(page, lambda: held)  # the page's own request, still anonymous
    sign_in(page.context, site, "ann")
    page.evaluate("window.second = widgetmw.refresh('orlo').then((token) => token.provider, String); 0")
    held[0].fulfill(status=401, json={"error": "not_authenticated"})
    assert page.evaluate("second") == "orlo"


def test_a_second_refresh_ignores_the_401_of_the_first(visit: Visit, site: Site) -> None:
    page, held = open_and_hold_next_request(visit, site)
    page.evaluate("widgetmw.refresh('orlo'); 0")
    wait_until(page, lambda: held)
    sign_in(page.context, site, "ann")
    page.evaluate("window.second = widgetmw.refresh('orlo').then((token) => token.provider, String); 0")
    held[0].fulfill(status=401, json={"error": "not_authenticated"})
    assert page.evaluate("second") == "orlo"


# --- the back/forward cache -----------------------------------------------------------------------


def test_a_tab_that_learns_late_of_a_sign_out_keeps_the_next_users_giosg_chat(
    bfcache_context: BrowserContext, site: Site
) -> None:
    site.vendors = ("giosg",)
    site.head = script(GIOSG_TAG)
    old, new = bfcache_context.new_page(), bfcache_context.new_page()
    old.goto(site.url)
    old.goto(site.url + "/chat")
    sign_in(bfcache_context, site, "bob")
    new.goto(site.url)
    calls = "_giosg._e.map((call) => [...call]).filter((call) => call[1] !== 'submit')"
    assert new.evaluate(calls) == GIOSG_CLEANUP
    old.evaluate("setTimeout(() => history.back())")
    old.wait_for_function("window.persisted && seen.signedout")
    assert old.evaluate(calls) == []


def test_a_clean_up_that_another_page_has_done_is_not_repeated(bfcache_context: BrowserContext, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    page, other = bfcache_context.new_page(), bfcache_context.new_page()
    page.goto(site.url)
    page.evaluate("widgetmw.signOut()")
    page.goto(site.url + "/chat")
    sign_in(bfcache_context, site, "bob")
    site.head, _ = WIDGET_PAGE
    other.goto(site.url)
    assert other.evaluate("vendor.resets") == 1
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.persisted")
    page.evaluate("setTimeout(() => history.forward())")
    page.wait_for_url("**/chat", wait_until="commit")
    other.goto(site.url)
    assert other.evaluate("vendor.resets") == 0


def test_a_401_after_a_sign_out_does_not_sign_out_again(visit: Visit, site: Site) -> None:
    page = visit("ann")
    site.endpoint_override = lambda user: json_response(401, {"error": "not_authenticated"})
    page.evaluate("widgetmw.signOut()")
    page.evaluate("widgetmw.refresh('orlo').catch(() => {})")
    assert page.evaluate("seen.signedout") == 1


def test_a_page_that_forgets_everything_while_a_sign_out_is_confirmed_cleans_up(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    sign_out(context)
    page.goto(site.url + "/bye")
    wait_until(page, lambda: site.token_requests)
    page.evaluate(f"localStorage.clear(); document.cookie = '{KEY}=; Max-Age=0; Path=/'; 0")
    pass_time(page, site, 6)
    assert page.evaluate("seen.signedout") == 1


@pytest.mark.parametrize("deleted", ["by a request", "when the page is left"])
def test_a_pending_clean_up_keeps_the_mark_of_a_site_that_deletes_all_cookies(
    profile: Profile, site: Site, deleted: str
) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    if deleted == "by a request":
        context.clear_cookies()
        page.evaluate("widgetmw.refresh('digitalgenius').catch(() => {}); 0")
        pass_time(page, site, 6)
    else:
        page.evaluate("widgetmw.signOut()")
        context.clear_cookies()
        page.goto(site.url + "/bye")
    site.head, site.body = WIDGET_PAGE
    page.goto(site.url)
    page.wait_for_function("vendor.resets === 1")
