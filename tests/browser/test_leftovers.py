"""What could be left of a person after a sign-out: in the document, in copies, in queues, in answers under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import Visit, sign_in, sign_out
from tests.browser.simulation import settle, until
from tests.browser.site import Form, Site, answer
from tests.browser.standins import GIOSG_TAG, script
from tests.browser.traces import CLOSED, CONNECTED

Profile = Callable[..., BrowserContext]


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_no_token_stands_in_the_document_or_a_queue(visit: Visit, site: Site, form: Form) -> None:
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
    place = "(it) => it.getAttribute(it.src === undefined ? 'href' : 'src')"
    assert (
        page.evaluate(f"[...document.querySelectorAll('a, iframe')].map({place})")
        == ["/contact", None, "about:blank"] * 3
    )


@pytest.mark.parametrize("way", ["page", "tab"])
def test_a_first_answer_under_way_at_sign_out_installs_nothing(profile: Profile, site: Site, way: str) -> None:
    context = profile("ann")
    other = context.new_page()
    other.goto(site.url)
    site.delivery = "fetch"
    page = context.new_page()
    waiting: list[Any] = []
    page.route("**/_widgetmw/token", lambda route: waiting.append(route))
    page.goto(site.url)
    until(page, lambda: waiting)
    # the runtime's own channel, which is older, gets each message first
    page.evaluate(
        "window.heard = new Promise((resolve) => {"
        "  new BroadcastChannel('widgetmw:/_widgetmw/token:2').onmessage = ({data}) => resolve(data.type);"
        "}); 0"
    )
    (page if way == "page" else other).evaluate("widgetmw.signOut()")
    if way == "tab":
        assert page.evaluate("heard") == "signout"
    sign_out(context)
    for route in waiting:
        route.fulfill(json={"user": "mark-of-ann", "tokens": site.tokens("ann", relative=True)})
    settle(page)
    assert page.evaluate("[widgetmw.get('orlo'), document.cookie]") == [None, ""]


def test_a_listener_may_sign_out(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate("addEventListener('widgetmw:token', () => widgetmw.signOut(), {once: true}); 0")
    site.forget()
    page.evaluate("widgetmw.refresh('digitalgenius').catch(() => {})")
    assert page.evaluate("[window.HISSUNO_WIDGET_CONFIG, widgetmw.get('hissuno'), seen.signedout]") == [None, None, 1]


def test_a_listener_may_ask_again_after_a_sign_out(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate(
        "addEventListener('widgetmw:signedout', () => { window.again = widgetmw.refresh('orlo'); }, {once: true}); 0"
    )
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("again.then((token) => token.provider)") == "orlo"


def test_a_config_declared_with_var_ahead_of_us_is_emptied(profile: Profile, site: Site) -> None:
    context = profile("ann")
    context.add_init_script("var HISSUNO_WIDGET_CONFIG;")
    page = context.new_page()
    page.goto(site.url)
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("window.HISSUNO_WIDGET_CONFIG") is None


def test_a_refresh_after_a_sign_in_is_not_answered_by_the_refusal_before_it(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    held: list[Any] = []
    page = visit(None)
    until(page, lambda: site.asked)
    settle(page)
    page.route("**/_widgetmw/token", lambda route: held.append(route) if not held else route.continue_())
    page.reload()
    until(page, lambda: held)  # the page's own question, as nobody
    sign_in(page.context, site, "ann")
    page.evaluate("window.second = widgetmw.refresh('orlo').then((token) => token.provider, String); 0")
    held[0].fulfill(status=401, json={"error": "not_authenticated"})
    assert page.evaluate("second") == "orlo"


# --- the back/forward cache -----------------------------------------------------------------------


def test_a_tab_that_hears_late_closes_nobody_elses_giosg_chat(cached: BrowserContext, site: Site) -> None:
    site.vendors = ("giosg",)
    site.head = script(GIOSG_TAG)
    old, new = cached.new_page(), cached.new_page()
    old.goto(site.url)
    old.goto(site.url + "/chat")
    sign_in(cached, site, "bob")
    new.goto(site.url)
    calls = "_giosg._e.map((call) => [...call]).filter((call) => call[1] !== 'submit')"
    assert new.evaluate(calls) == CLOSED
    old.evaluate("setTimeout(() => history.back())")
    old.wait_for_function("window.persisted && seen.signedout")
    assert old.evaluate(calls) == []


def test_a_debt_that_another_page_has_paid_is_not_owed_again(cached: BrowserContext, site: Site) -> None:
    site.vendors = ("digitalgenius",)
    page, other = cached.new_page(), cached.new_page()
    page.goto(site.url)
    page.evaluate("widgetmw.signOut()")
    page.goto(site.url + "/chat")
    sign_in(cached, site, "bob")
    site.head, _ = CONNECTED
    other.goto(site.url)
    assert other.evaluate("vendor.resets") == 1
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.persisted")
    page.evaluate("setTimeout(() => history.forward())")
    page.wait_for_url("**/chat", wait_until="commit")
    other.goto(site.url)
    assert other.evaluate("vendor.resets") == 0


def test_a_swapped_in_refusal_ends_nothing_twice(visit: Visit, site: Site) -> None:
    page = visit("ann")
    site.script = lambda user: answer(401, {"error": "not_authenticated"})
    page.evaluate("widgetmw.signOut()")
    page.evaluate("widgetmw.refresh('orlo').catch(() => {})")
    assert page.evaluate("seen.signedout") == 1
