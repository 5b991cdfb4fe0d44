"""Navigation: back/forward cache, history, routers that swap documents, prerendered pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Frame, Page

from tests.browser.conftest import Visit, sign_in, sign_out
from tests.browser.simulation import has_valid_token, pass_time, wait_for_lock_release, wait_for_requests, wait_until
from tests.browser.site import Form, Site
from tests.combinations import ALL

Profile = Callable[..., BrowserContext]


# --- back/forward cache and history ---------------------------------------------------------------


@pytest.fixture
def bfcache_page(bfcache_context: BrowserContext) -> Page:
    return bfcache_context.new_page()


@pytest.mark.parametrize("delivery", ["inline", "fetch"] if ALL else ["inline"])
def test_the_page_goes_into_the_back_forward_cache_and_renews_when_restored(
    bfcache_page: Page, site: Site, delivery: str
) -> None:
    site.delivery = delivery  # type: ignore[assignment]
    site.token_lifetime = 4
    page = bfcache_page
    page.goto(site.url)
    page.wait_for_function("seen.tokens.length")  # after a renewal the page has used locks, channel and network
    wait_for_lock_release(page)
    before = len(site.token_requests)
    page.evaluate("addEventListener('pageshow', (event) => { window.persisted = event.persisted; }); 0")
    page.goto(site.url + "/chat")
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.persisted")
    wait_until(page, lambda: len(site.token_requests) >= before + 2)
    assert has_valid_token(page, site)


def test_a_restored_page_of_a_user_who_has_signed_out_holds_no_token(bfcache_page: Page, site: Site) -> None:
    page = bfcache_page
    page.goto(site.url)
    page.evaluate("addEventListener('pageshow', (event) => { window.persisted = event.persisted; }); 0")
    sign_out(page.context)
    page.goto(site.url + "/next")
    page.wait_for_function("seen.signedout")
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function("window.persisted")
    assert page.evaluate("[seen.signedout, widgetmw.get('orlo'), window.HISSUNO_WIDGET_CONFIG]") == [1, None, None]


@pytest.mark.parametrize("next_user", ["bob", None])
def test_a_page_from_the_http_cache_gives_the_next_user_no_old_token(
    visit: Visit, site: Site, next_user: str | None
) -> None:
    site.headers = {"Cache-Control": "private, max-age=600"}
    site.head = "<script>window.early = DG_CHAT_WIDGET_CONFIG.metadata;</script>"
    page = visit("ann")
    sign_out(page.context)
    if next_user:
        sign_in(page.context, site, next_user)
    site.headers = {"Cache-Control": "no-store"}
    site.head = ""
    page.goto(site.url + "/next")
    page.go_back()
    assert page.evaluate("performance.getEntriesByType('navigation')[0].transferSize") == 0
    assert page.evaluate("window.early") is None
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    assert page.evaluate("window.HISSUNO_WIDGET_CONFIG?.userId") == next_user
    assert page.evaluate("widgetmw.get('orlo')?.provider") == (next_user and "orlo")


def test_a_page_from_the_http_cache_of_the_same_user_requests_new_tokens(visit: Visit, site: Site) -> None:
    site.headers = {"Cache-Control": "private, max-age=600"}
    page = visit("ann")
    token = page.evaluate("widgetmw.get('orlo').token")
    page.goto(site.url + "/next")
    site.clear_token_cache()
    page.go_back()
    page.wait_for_function("(old) => ![undefined, old].includes(widgetmw.get('orlo')?.token)", arg=token)
    assert len(site.token_requests) == 1


@pytest.fixture
def framed(visit: Visit, site: Site) -> Iterator[Frame]:
    """The site in a frame of another origin, signed in as ann."""
    portal = Site()
    portal.body = f'<iframe src="{site.url}"></iframe>'
    page = visit("ann")
    page.goto(portal.url)
    frame = page.frames[1]
    frame.wait_for_function("window.widgetmw?.get('orlo')")
    yield frame
    portal.close()


@pytest.mark.parametrize("cache_control", ["private, no-store", "private, no-cache"])
def test_a_page_of_the_history_requests_new_tokens_in_a_frame_of_another_origin(
    framed: Frame, site: Site, cache_control: str
) -> None:
    site.headers = {"Cache-Control": cache_control}
    framed.goto(site.url + "/first")
    framed.goto(site.url + "/next")
    site.clear_token_cache()
    framed.evaluate("setTimeout(() => history.back())")
    framed.wait_for_url(site.url + "/first")
    framed.wait_for_function("window.widgetmw?.get('orlo')")
    assert len(site.token_requests) == 1


def test_a_sign_out_in_a_frame_of_another_origin_cleans_up(framed: Frame, site: Site) -> None:
    sign_out(framed.page.context)
    framed.goto(site.url + "/next")
    framed.wait_for_function("seen.signedout")
    assert len(site.token_requests) == 2


# --- documents swapped without a load -------------------------------------------------------------


def bootstrap(site: Site, data: str) -> str:
    return f"{site.scripts().bootstrap.decode()}({data});"


def swap_in(page: Page, site: Site, user: str | None) -> None:
    """Does what Turbo does: runs the scripts of the next page's head in the current document."""
    data = json.dumps(site.page_data(user, has_cookie=True))
    scripts = [bootstrap(site, data), site.scripts().runtime.content.decode()]
    if site.form == "external":
        page.evaluate(
            """([data, runtime]) => {
              const json = document.createElement("script");
              Object.assign(json, {type: "application/json", textContent: data});
              json.setAttribute("data-widgetmw", "");
              document.head.append(json);
              document.head.append(Object.assign(document.createElement("script"), {textContent: runtime}));
            }""",
            [data, scripts[1]],
        )
        return
    for text in scripts:
        page.add_script_tag(content=text)


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_the_first_runtime_keeps_running_and_uses_the_new_token(visit: Visit, site: Site, form: Form) -> None:
    site.form = form
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    page.evaluate(
        "window.api = widgetmw; widgetmw.subscribe('orlo', () => { window.calls = (window.calls || 0) + 1; }); 0"
    )
    site.clear_token_cache()
    for _ in range(3):
        swap_in(page, site, "ann")
    token = site.tokens("ann", relative=False)["orlo"]["token"]
    assert page.evaluate("[api === widgetmw, widgetmw.get('orlo').token, calls]") == [True, token, 1]
    assert page.evaluate("orloData.length") == 2
    start = site.now()
    pass_time(page, site, 60, step=1)
    elapsed = site.now() - start  # on a busy machine more than the simulated minute
    assert 3 <= len(site.token_requests) <= elapsed / 15 + 1  # one timer


def test_a_swapped_in_page_of_another_user_signs_the_first_out(visit: Visit, site: Site) -> None:
    page = visit("ann")
    sign_in(page.context, site, "bob")
    swap_in(page, site, "bob")
    assert page.evaluate("[seen.signedout, HISSUNO_WIDGET_CONFIG.userId]") == [1, "bob"]
    sign_out(page.context)
    swap_in(page, site, None)
    page.wait_for_function("seen.signedout === 2")
    assert page.evaluate("window.HISSUNO_WIDGET_CONFIG") is None


def test_a_stale_copy_that_a_router_shows_is_ignored(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    stale = json.dumps(site.page_data("ann"))
    pass_time(page, site, 60, step=5)
    sign_in(page.context, site, "bob")
    swap_in(page, site, "bob")
    expires = page.evaluate("widgetmw.get('orlo').expiresAt")
    page.add_script_tag(content=bootstrap(site, stale))
    assert page.evaluate("[HISSUNO_WIDGET_CONFIG.userId, widgetmw.get('orlo').expiresAt]") == ["bob", expires]


def test_a_runtime_without_data_does_nothing(visit: Visit, site: Site) -> None:
    page = visit(None)
    page.add_script_tag(content=site.scripts().runtime.content.decode())
    assert page.evaluate("window.widgetmw") is None


# --- prerendered pages ----------------------------------------------------------------------------

PRERENDERING = """
let prerendering = true;
Object.defineProperty(document, "prerendering", {get: () => prerendering, configurable: true});
window.activate = () => { prerendering = false; document.dispatchEvent(new Event("prerenderingchange")); };
"""


def test_a_prerendered_page_requests_tokens_once_activated(profile: Profile, site: Site) -> None:
    site.data_overrides = {"ask": True, "user": "hash-of-ann", "vendors": {name: {"page": {}} for name in site.vendors}}
    context = profile("ann", clock=True)
    context.add_init_script(PRERENDERING)
    page = context.new_page()
    page.goto(site.url)
    page.evaluate("window.promised = widgetmw.refresh('orlo').then((token) => token.provider); 0")
    pass_time(page, site, 10)
    assert site.token_requests == []
    page.evaluate("activate()")
    assert page.evaluate("promised") == "orlo"
    assert len(site.token_requests) == 1


def test_a_page_prerendered_by_the_browser_requests_nothing_before_the_click(profile: Profile, site: Site) -> None:
    rules = json.dumps({"prerender": [{"source": "list", "urls": ["/next"]}]})
    site.delivery = "fetch"
    site.body = f'<script type="speculationrules">{rules}</script><a href="/next" id="next">next</a>'
    page = profile("ann").new_page()
    page.goto(site.url)
    page.wait_for_function("widgetmw.get('orlo')")
    wait_until(page, lambda: "/next" in site.page_requests)
    page.click("#next")
    page.wait_for_url("**/next")
    page.wait_for_function("widgetmw.get('orlo')")
    activated, requested = page.evaluate(
        "[performance.getEntriesByType('navigation')[0].activationStart,"
        " performance.getEntriesByType('resource').find((entry) => entry.name.endsWith('/token')).startTime]"
    )
    # `activated` is 0 if the browser discarded the prerendered page.
    assert activated <= requested
    assert len(site.token_requests) == 2


def test_a_page_prerendered_after_a_sign_out_does_not_clean_up_for_the_next_user(profile: Profile, site: Site) -> None:
    rules = json.dumps({"prerender": [{"source": "list", "urls": ["/next"]}]})
    site.body = f'<script type="speculationrules">{rules}</script><a href="/next" id="next">next</a>'
    context = profile("ann")
    page = context.new_page()
    page.goto(site.url + "/first")
    sign_out(context)
    page.goto(site.url)
    wait_until(page, lambda: "/next" in site.page_requests)  # anonymous, for a browser with the mark
    sign_in(context, site, "ann")
    page.evaluate("localStorage['hissuno_sessions_p-1_ann'] = '[1]'")
    page.click("#next")
    page.wait_for_url("**/next")
    page.wait_for_function("widgetmw.get('orlo')")
    assert page.evaluate("[seen.signedout, localStorage['hissuno_sessions_p-1_ann']]") == [0, "[1]"]
