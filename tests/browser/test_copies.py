"""Copies of pages and responses: the user and the tokens in them may be those of another time."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Tab, sign_in, sign_out
from tests.browser.simulation import HOUR, pass_time, wait_for_requests, wait_until
from tests.browser.site import KEY, Response, Site

Profile = Callable[..., BrowserContext]
JAVASCRIPT = {"Content-Type": "text/javascript"}
USER = "window.HISSUNO_WIDGET_CONFIG?.userId ?? null"

#: A site's own worker, which answers from its cache what it has once seen.
CACHE_FIRST = """
addEventListener("install", (event) => event.waitUntil(skipWaiting()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  const isWanted = request.mode === "navigate" ? PAGES : TOKENS && request.url.includes("/token");
  if (!isWanted) return;
  event.respondWith((async () => {
    const cache = await caches.open("site");
    const found = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
    if (found) return found;
    const response = await fetch(request);
    if (request.method === "GET") await cache.put(request, response.clone());
    return response;
  })());
});
"""


#: Workers that store each response under its URL, whatever the method was, and answer with it: always, or offline.
BY_URL = """
addEventListener("install", (event) => event.waitUntil(skipWaiting()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  if (!request.url.includes("/token")) return;
  const load = async () => {
    const response = await fetch(request);
    await (await caches.open("site")).put(request.url, response.clone());
    return response;
  };
  const find = () => caches.match(request.url);
  event.respondWith(ANSWER);
});
"""
ANSWERS = {
    "cache-first": "find().then((found) => found ?? load())",
    "network-first": "load().catch(async () => (await find()) ?? Response.error())",
}


@pytest.fixture
def with_worker(profile: Profile, site: Site) -> Callable[..., Page]:
    """Opens a page of a site with a service worker, as ann."""

    def open_page(pages: bool = False, tokens: bool = False, by_url: str = "") -> Page:
        worker = BY_URL.replace("ANSWER", by_url) if by_url else CACHE_FIRST
        worker = worker.replace("PAGES", json.dumps(pages)).replace("TOKENS", json.dumps(tokens))
        site.pages["/worker.js"] = lambda user: Response(200, worker.encode(), JAVASCRIPT)
        page = profile("ann").new_page()
        page.goto(site.url)
        page.evaluate("navigator.serviceWorker.register('/worker.js')")
        page.wait_for_function("navigator.serviceWorker.controller")
        return page

    return open_page


def clear_storage(site: Site) -> None:
    """Gives the site a page without our script that clears the storage, ``/bye``."""
    text = b"<!doctype html><script>localStorage.clear()</script>"
    site.pages["/bye"] = lambda user: Response(200, text, {"Content-Type": "text/html"})


def test_a_page_from_a_service_workers_cache_is_not_believed_after_a_change_of_user(
    with_worker: Callable[..., Page], site: Site
) -> None:
    site.head = "<script>window.early = window.DG_CHAT_WIDGET_CONFIG?.metadata;</script>"
    page = with_worker(pages=True)
    page.goto(site.url + "/kept")
    page.wait_for_timeout(300)  # pages have their time to a tenth of a second
    sign_in(page.context, site, "bob")
    page.goto(site.url + "/other")
    assert page.evaluate(USER) == "bob"
    page.goto(site.url + "/kept")
    assert page.evaluate("window.early") is None
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'bob'")


def test_a_page_that_is_loaded_again_at_a_sign_out_is_loaded_once(with_worker: Callable[..., Page], site: Site) -> None:
    """Its copy in the worker's cache is of another user for ever."""
    site.head = "<script>addEventListener('widgetmw:signedout', () => location.reload());</script>"
    page = with_worker(pages=True)
    page.goto(site.url + "/kept")
    page.wait_for_timeout(300)  # pages have their time to a tenth of a second
    sign_in(page.context, site, "bob")
    page.goto(site.url + "/other")
    page.evaluate("sessionStorage.loads = ''")
    page.add_init_script("sessionStorage.loads += '|'")
    page.goto(site.url + "/kept")
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'bob'")
    assert page.evaluate("sessionStorage.loads") == "|"


def test_a_copy_as_old_as_the_change_of_user_does_not_bring_back_the_first_user(tab: Tab, site: Site) -> None:
    """Pages have their time to a tenth of a second. A copy that says why it has no token names its user, too."""
    site.vendors = ("zendesk",)
    site.headers = {"Cache-Control": "private, max-age=60"}
    site.stop_clock()
    page = tab("ann")
    page.goto(site.url + "/kept")
    sign_in(page.context, site, "bob")
    page.goto(site.url + "/other")
    page.wait_for_function("seen.signedout")
    page.go_back()
    page.wait_for_function("widgetmw.get('zendesk')")
    assert page.evaluate("seen.signedout") == 0


@pytest.mark.parametrize("seconds", [60, 4])
def test_an_old_page_from_a_service_workers_cache_is_not_believed(
    with_worker: Callable[..., Page], site: Site, seconds: int
) -> None:
    site.skew = -seconds  # the page arrives that long after it was sent, as far as the browser can tell
    page = with_worker(pages=True)
    page.goto(site.url + "/kept")
    site.skew = 0
    page.goto(site.url + "/other")
    sign_out(page.context)
    page.goto(site.url + "/kept")
    assert page.evaluate(USER) is None
    page.wait_for_function("seen.signedout")


def test_a_page_from_a_service_workers_cache_is_not_believed_after_a_sign_out_that_clears_the_storage(
    with_worker: Callable[..., Page], site: Site
) -> None:
    site.skew = -60
    page = with_worker(pages=True)
    page.goto(site.url + "/kept")
    site.skew = 0
    clear_storage(site)
    sign_out(page.context)
    page.goto(site.url + "/bye")
    for _ in range(2):  # its time, which is no longer that of the server, is not taken for known
        page.goto(site.url + "/kept")
        assert page.evaluate(USER) is None


def test_a_page_from_a_service_workers_cache_is_not_believed_after_a_clean_up_without_a_known_time(
    with_worker: Callable[..., Page], site: Site
) -> None:
    page = with_worker(pages=True)
    page.goto(site.url + "/kept")
    clear_storage(site)
    sign_out(page.context)
    page.goto(site.url + "/bye")
    page.goto(site.url + "/anonymous")
    page.wait_for_function("seen.signedout")
    page.goto(site.url + "/kept")
    assert page.evaluate(USER) is None


def test_a_page_that_may_not_ask_uses_its_token_beside_a_service_worker(
    with_worker: Callable[..., Page], site: Site
) -> None:
    site.data_overrides = {"connect": False}
    page = with_worker(tokens=True)
    page.evaluate("localStorage.clear()")
    page.goto(site.url + "/other")
    assert page.evaluate(USER) == "ann"


def test_a_token_response_from_a_service_workers_cache_is_not_used(
    with_worker: Callable[..., Page], site: Site
) -> None:
    page = with_worker(tokens=True)
    page.evaluate("widgetmw.refresh('orlo').then(() => 0)")  # the worker keeps this response
    page.wait_for_timeout(2500)
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    assert page.evaluate(USER) == "bob"
    assert page.evaluate(f"widgetmw.refresh('orlo').then(() => {USER})") == "bob"
    assert page.evaluate("seen.signedout") == 1  # at the page's arrival; not again


def test_a_service_workers_cache_does_not_bring_back_a_user_who_has_signed_out(
    with_worker: Callable[..., Page], site: Site
) -> None:
    page = with_worker(tokens=True)
    page.evaluate("widgetmw.refresh('orlo').then(() => 0)")  # a response that the worker may keep
    sign_out(page.context)
    page.goto(site.url)
    page.wait_for_function("seen.signedout")
    assert page.evaluate("seen.tokens") == []


def test_a_service_workers_cache_does_not_answer_for_the_next_user_of_a_page_without_a_token(
    with_worker: Callable[..., Page], site: Site
) -> None:
    site.delivery = "fetch"
    page = with_worker(tokens=True)
    page.evaluate("widgetmw.refresh('orlo').then(() => 0)")
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId")
    assert page.evaluate(USER) == "bob"


def test_a_service_worker_that_looks_up_urls_gives_the_next_user_no_old_token(
    with_worker: Callable[..., Page], site: Site
) -> None:
    page = with_worker(by_url=ANSWERS["cache-first"])
    page.evaluate("widgetmw.refresh('orlo')")
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('orlo')")
    assert page.evaluate(USER) == "bob"


def test_a_service_worker_that_looks_up_urls_signs_nobody_out_while_the_network_is_down(
    with_worker: Callable[..., Page], site: Site
) -> None:
    page = with_worker(by_url=ANSWERS["network-first"])
    sign_out(page.context)
    page.goto(site.url)
    page.wait_for_function("seen.signedout")
    sign_in(page.context, site, "ann")
    page.goto(site.url)
    site.endpoint_override = dead
    outcome = page.evaluate("widgetmw.refresh('orlo').then(() => 'token', (error) => error.message)")
    assert outcome == "widgetmw: request failed"
    assert page.evaluate(USER) == "ann"


def dead(user: str | None) -> Response:
    """Drops the connection."""
    raise ConnectionError


def test_a_tokens_request_is_repeated_as_a_post_only_if_the_response_is_old(tab: Tab, site: Site) -> None:
    page = tab("ann")
    page.goto(site.url)
    page.evaluate("widgetmw.refresh('orlo').then(() => 0)")
    assert len(site.token_requests) == 1


def test_turbos_snapshot_of_an_earlier_user_is_not_believed(profile: Profile, site: Site) -> None:
    page = profile("ann", clock=True).new_page()
    page.goto(site.url)
    snapshot = f"{site.scripts().bootstrap.decode()}({json.dumps(site.page_data('ann'))});"
    pass_time(page, site, 1)
    page.evaluate("widgetmw.signOut()")
    sign_out(page.context)
    page.add_script_tag(content=snapshot)
    page.context.clock.run_for(1000)
    wait_for_requests(page)
    assert page.evaluate(USER) is None
    assert len(site.token_requests) == 1


def test_a_sign_out_in_another_tab_while_a_page_is_parsed_empties_the_page(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    other = context.new_page()
    other.goto(site.url)
    site.body = "<script src='/slow.js'></script>"
    page = context.new_page()
    held = []
    page.route("**/slow.js", lambda route: held.append(route))
    page.goto(site.url, wait_until="commit")
    wait_until(page, lambda: held)
    page.wait_for_function("window.widgetmw")
    site.clock_offset += 60
    context.clock.run_for(60_000)
    other.evaluate("widgetmw.signOut()")
    sign_out(context)
    held[0].fulfill(body="")
    page.wait_for_load_state()
    pass_time(page, site, 2)
    assert site.token_requests
    assert page.evaluate(f"[{USER}, widgetmw.get('orlo') ?? null]") == [None, None]


def test_a_clock_that_is_set_costs_one_request(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    context.clock.set_system_time(page.evaluate("Date.now()") + 1000 * HOUR)  # an hour ahead; the server's stays
    page.goto(site.url)
    page.wait_for_function("widgetmw.get('orlo')")
    wait_for_requests(page)
    before = len(site.token_requests)
    page.goto(site.url)
    assert page.evaluate("widgetmw.get('orlo').provider") == "orlo"
    assert (before, len(site.token_requests)) == (1, 1)


# --- the mark -------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["script", "header"])
def test_a_sign_out_that_deletes_all_cookies_is_cleaned_up_a_page_later(profile: Profile, site: Site, by: str) -> None:
    site.vendors = ("hissuno",)
    headers = {"Content-Type": "text/html", "Clear-Site-Data": '"cookies"'} if by == "header" else {}
    bye = Response(200, b"<!doctype html><title>bye</title>", headers or {"Content-Type": "text/html"})
    site.pages["/bye"] = lambda user: bye
    page = profile("ann", clock=True).new_page()
    page.goto(site.url)
    page.evaluate("localStorage['hissuno_sessions_p-1_ann'] = '[1]'")
    if by == "script":
        page.evaluate(
            "document.cookie.split('; ').forEach((it) => { document.cookie = it.split('=')[0] + '=; Max-Age=0'; })"
        )
        assert page.evaluate("document.cookie") == ""
    page.goto(site.url + "/bye")
    page.goto(site.url + "/next")
    pass_time(page, site, 6)
    assert page.evaluate("seen.signedout") == 1
    assert page.evaluate("[localStorage['hissuno_sessions_p-1_ann'] ?? null, document.cookie]") == [None, ""]


@pytest.mark.parametrize("data", ['"cookies", "storage"', '"*"'])
def test_a_sign_out_that_deletes_cookies_and_storage_reaches_the_other_tabs_a_page_later(
    profile: Profile, site: Site, data: str
) -> None:
    site.vendors = ("hissuno",)
    headers = {"Content-Type": "text/html", "Clear-Site-Data": data}
    site.pages["/bye"] = lambda user: Response(200, b"<!doctype html><title>bye</title>", headers)
    context = profile("ann", clock=True)
    other, page = context.new_page(), context.new_page()
    other.goto(site.url)
    page.goto(site.url)
    page.goto(site.url + "/bye")
    page.goto(site.url + "/next")
    pass_time(page, site, 6)
    other.wait_for_function("!widgetmw.get('hissuno')")
    assert other.evaluate("[seen.signedout, HISSUNO_WIDGET_CONFIG ?? null]") == [1, None]
    assert page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("when", ["parsed", "loaded"])
def test_a_site_whose_pages_clear_the_storage_keeps_the_conversation(profile: Profile, site: Site, when: str) -> None:
    clear = "localStorage.clear()" if when == "parsed" else "addEventListener('load', () => localStorage.clear())"
    site.body = f"<script>{clear}</script>"
    context = profile("ann")
    page = context.new_page()
    for path in ("/", "/next"):
        page.goto(site.url + path)
        assert page.evaluate("[seen.signedout, HISSUNO_WIDGET_CONFIG.userId]") == [0, "ann"]
    other = context.new_page()
    other.goto(site.url)
    assert [it.evaluate("seen.signedout") for it in (page, other)] == [0, 0]


def test_an_anonymous_page_outside_the_sessions_path_keeps_the_conversation(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    page.evaluate("localStorage['hissuno_sessions_p-1_ann'] = '[1]'")
    # The page is sent as to nobody, and the endpoint still knows the user.
    data = json.dumps(site.page_data(None, has_cookie=True))
    tags = f"<script>{site.scripts().bootstrap.decode()}({data});</script><script src='/_widgetmw/runtime.js'></script>"
    html = f"<!doctype html><html><head>{tags}</head><body></body></html>"
    site.pages["/outside"] = lambda user: Response(200, html.encode(), {"Content-Type": "text/html"})
    page.goto(site.url + "/outside")
    pass_time(page, site, 6)
    assert page.evaluate("[seen.signedout, localStorage['hissuno_sessions_p-1_ann']]") == [0, "[1]"]
    assert page.evaluate(f"document.cookie.includes('{KEY}=1')")
    assert len(site.token_requests) == 1
