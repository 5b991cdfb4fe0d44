"""Routers that replace the content and keep the document: the runtime notices that the user has changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import Tab, Visit, sign_in, sign_out
from tests.browser.fake_vendors import script
from tests.browser.simulation import REAL_TIMEOUT, pass_time, wait_for_requests, wait_until
from tests.browser.site import Delivery, Form, Response, Site
from tests.combinations import combine
from tests.components import CACHE
from tests.conftest import skip_or_fail

Profile = Callable[..., BrowserContext]
MODULES = CACHE / "node_modules"
HTMX_2, HTMX_4 = MODULES / "htmx-2" / "dist", MODULES / "htmx.org" / "dist"
TURBO = MODULES / "@hotwired" / "turbo" / "dist" / "turbo.es2017-umd.js"
SWUP, BARBA = MODULES / "swup" / "dist" / "Swup.umd.js", MODULES / "@barba" / "core" / "dist" / "barba.umd.js"
UNPOLY = MODULES / "unpoly" / "unpoly.js"
#: The files of each router. The extensions merge heads, too.
ROUTERS = {
    "htmx-2": (HTMX_2 / "htmx.js",),
    "htmx-2-head": (HTMX_2 / "htmx.js", HTMX_2 / "ext" / "head-support.js"),
    "htmx-4": (HTMX_4 / "htmx.js",),
    "htmx-4-head": (HTMX_4 / "htmx.js", HTMX_4 / "ext" / "hx-head.js"),
    "turbo": (TURBO,),
}


def serve(site: Site, files: tuple[Path, ...]) -> None:
    """Serves the files as one script, ``/router.js``."""
    for file in files:
        if not file.exists():
            skip_or_fail(f"{file.name} is not installed, and this test runs the real one")
    text = ";\n".join(file.read_text(encoding="utf-8") for file in files).encode()
    site.pages["/router.js"] = lambda user: Response(200, text, {"Content-Type": "text/javascript"})


@pytest.fixture(params=ROUTERS)
def router(request: pytest.FixtureRequest, site: Site) -> str:
    """A site whose links the router follows."""
    name: str = request.param
    serve(site, ROUTERS[name])
    site.head = script("", src="/router.js")
    boost = ' hx-boost="true" hx-boost:inherited="true" hx-ext="head-support"' if name.startswith("htmx") else ""
    site.body = f'<main{boost}><a id="next" href="/next">next</a><a id="same" href="/">same</a></main>'
    return name


def follow(page: Page, link: str, clock: bool = False) -> None:
    """Follows a link, and waits until the router has replaced the content, by the page's ``clock`` if that is fake."""
    page.evaluate("document.querySelector('main').dataset.old = 1; window.kept = true; 0")
    page.click(f"#{link}")
    while clock and page.evaluate("document.querySelector('main').dataset.old"):
        page.context.clock.run_for(20)  # Turbo renders in an animation frame
    page.wait_for_function("!document.querySelector('main').dataset.old")
    assert page.evaluate("window.kept"), "the router has loaded a document"


@combine(["router"], router=["htmx-2", "htmx-4", "turbo"], delivery=["inline", "fetch"], link=["same", "next"])
def test_another_users_content_brings_the_other_users_token(
    tab: Tab, site: Site, router: str, delivery: Delivery, link: str
) -> None:
    site.delivery = delivery
    page = tab("ann")
    page.goto(site.url)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'ann'")
    sign_in(page.context, site, "bob")
    follow(page, link)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'bob'")
    assert page.evaluate("seen.signedout") == 1


def test_content_after_a_sign_out_ends_the_session(profile: Profile, site: Site, router: str) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'ann'")
    sign_out(context)
    follow(page, "next", clock=True)
    pass_time(page, site, 6)
    assert page.evaluate("seen.signedout") == 1
    assert page.evaluate("window.HISSUNO_WIDGET_CONFIG") is None
    assert page.evaluate("document.querySelector('#next').textContent") == "next"  # the router goes on


@pytest.mark.parametrize(
    "swap", ['hx-swap:inherited="innerMorph"', 'hx-target:inherited="#part" hx-select:inherited="#part"']
)
def test_a_sign_out_that_leads_back_to_the_same_address_ends_the_session(
    profile: Profile, site: Site, swap: str
) -> None:
    serve(site, ROUTERS["htmx-4"])
    site.head = script("", src="/router.js")
    site.body = (
        f'<main hx-boost:inherited="true" {swap}><p id="part">Hello</p><a id="same" href="/">sign out</a></main>'
    )
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'ann'")
    sign_out(context)
    page.evaluate("window.kept = document.querySelector('main'); 0")
    site.body = site.body.replace("Hello", "Bye")
    page.click("#same")
    pass_time(page, site, 1)
    page.wait_for_function("document.querySelector('#part').textContent === 'Bye'")
    assert page.evaluate("kept.parentNode === document.body"), "the router has replaced all of the content"
    pass_time(page, site, 6)
    assert page.evaluate("seen.signedout") == 1


#: Routers that keep the body and push nothing at a visit to the same address: the file, and what their pages hold.
KEEP_BODY = {
    "turbo": (TURBO, '<meta name="turbo-refresh-method" content="morph">'),
    "unpoly": (UNPOLY, script("up.link.config.followSelectors.push('a'); up.form.config.submitSelectors.push('form')")),
    "swup": (SWUP, script("new Swup({animationSelector: false, linkToSelf: 'navigate', cache: false})")),
}


@combine(
    case=["turbo link", "turbo form", "unpoly link", "unpoly form", "swup link"],
    delivery=["inline", "fetch"],
)
def test_a_sign_out_to_the_same_address_ends_the_session_although_the_body_stays(
    profile: Profile, site: Site, case: str, delivery: Delivery
) -> None:
    name, element = case.split()
    file, more = KEEP_BODY[name]
    serve(site, (file,))
    site.delivery = delivery
    site.head = script("", src="/router.js") + more
    way_out = '<a href="/" data-turbo-action="replace">sign out</a>'
    if element == "form":
        way_out = '<form action="/logout" method="post"><button>sign out</button></form>'
    site.body = f'<header>shop</header><main id="swup"><p id="part">Hello</p>{way_out}</main>'
    expired = {"Location": "/", "Set-Cookie": "session=; Path=/; Max-Age=0"}
    site.pages["/logout"] = lambda user: Response(303, b"", expired)
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'ann'")
    page.evaluate("window.kept = document.body; 0")
    if element == "link":
        sign_out(context)
    site.body = site.body.replace("Hello", "Bye")
    page.click("main a, main button")
    while page.evaluate("document.querySelector('#part').textContent !== 'Bye'"):
        context.clock.run_for(20)  # Turbo renders in an animation frame
    assert page.evaluate("kept === document.body"), "the router has replaced the body"
    pass_time(page, site, 6)
    assert page.evaluate("[seen.signedout, window.HISSUNO_WIDGET_CONFIG]") == [1, None]


def test_children_that_are_added_one_by_one_are_not_listed_each_time(visit: Visit) -> None:
    page = visit("ann")
    page.evaluate(
        "async () => {"
        "  const {get} = Object.getOwnPropertyDescriptor(Element.prototype, 'children');"
        "  window.lists = 0;"
        "  Object.defineProperty(Element.prototype, 'children', {get() { lists++; return get.call(this); }});"
        "  for (let count = 0; count < 100; count++) {"
        "    document.body.append(document.createElement('p'));"
        "    await null;"
        "  }"
        "}"
    )
    assert page.evaluate("[document.querySelectorAll('p').length, lists]") == [100, 0]


@pytest.mark.parametrize("missing", ["", "delete window.navigation"], ids=["newest", "without-navigation-api"])
@pytest.mark.parametrize(
    ("file", "start"), [(SWUP, "new Swup({animationSelector: false})"), (BARBA, "barba.init()")], ids=["swup", "barba"]
)
def test_a_router_may_change_the_address_long_before_the_content(
    profile: Profile, site: Site, file: Path, start: str, missing: str
) -> None:
    serve(site, (file,))
    site.head = script("", src="/router.js")
    container = 'id="swup" data-barba="container" data-barba-namespace="page"'
    site.body = (
        f'<div data-barba="wrapper"><main {container}><a id="next" href="/bob">bob</a></main></div>{script(start)}'
    )

    def change_user(user: str | None) -> Response:
        give_up_at = time.monotonic() + (1 if missing else REAL_TIMEOUT)
        while not site.token_requests and time.monotonic() < give_up_at:
            time.sleep(0.02)
        page = site.page("bob")
        return Response(200, page.body, page.headers | {"Set-Cookie": "session=bob; Path=/"})

    site.pages["/bob"] = change_user
    context = profile("ann")
    context.add_init_script(missing)
    page = context.new_page()
    page.goto(site.url)
    follow(page, "next")
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'bob'")


def test_content_that_arrives_while_a_check_is_on_its_way_is_checked_again(profile: Profile, site: Site) -> None:
    serve(site, (SWUP,))
    site.head = script("", src="/router.js")
    start = script("new Swup({animationSelector: false})")
    site.body = f'<main id="swup"><a id="next" href="/bob">bob</a></main>{start}'
    arrived = Event()

    def change_user(user: str | None) -> Response:
        give_up_at = time.monotonic() + REAL_TIMEOUT
        while not site.token_requests and time.monotonic() < give_up_at:
            time.sleep(0.02)
        site.body = '<main id="swup"><p id="arrived"></p></main>'
        page = site.page("bob")
        return Response(200, page.body, page.headers | {"Set-Cookie": "session=bob; Path=/"})

    def delay_first(user: str | None) -> None:
        if user == "ann":
            arrived.wait(REAL_TIMEOUT)

    site.pages["/bob"], site.endpoint_override = change_user, delay_first
    page = profile("ann").new_page()
    page.goto(site.url)
    follow(page, "next")
    page.wait_for_selector("#arrived", state="attached")
    page.evaluate("seen.delay(200)")  # the browser reports what was loaded a moment later
    arrived.set()
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'bob'")


@pytest.mark.parametrize("delivery", ["inline", "fetch"])
def test_a_page_of_another_app_neither_signs_out_nor_changes_the_user(
    profile: Profile, site: Site, delivery: Delivery
) -> None:
    serve(site, (TURBO,))
    site.head = script("", src="/router.js")
    site.body = '<main><a id="next" href="/staff/">next</a><a id="same" href="/">same</a></main>'
    page, other = (context := profile("ann")).new_page(), context.new_page()
    page.goto(site.url)
    other.goto(site.url)
    # An app beside this one, with users of its own.
    staff = Site(site.host)
    staff.head, staff.body, staff.delivery = site.head, site.body, delivery
    staff.data_overrides = {"key": "widgetmw_57aff", "url": "/staff/_widgetmw/token"}
    site.pages["/staff/"] = lambda user: staff.page("boss")
    site.pages["/staff/_widgetmw/token"] = lambda user: staff.endpoint("boss")
    for link in ("next", "same"):
        follow(page, link)
        page.wait_for_timeout(700)  # the runtime asks whose content it is
        wait_for_requests(page)
        for tab in (page, other):
            assert tab.evaluate("[HISSUNO_WIDGET_CONFIG?.userId, seen.signedout]") == ["ann", 0]
    staff.close()


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_turbo_follows_under_a_nonce_policy(tab: Tab, site: Site, form: Form) -> None:
    site.form, site.nonce = form, "first"
    serve(site, (TURBO,))
    site.head = script("", src="/router.js", nonce="first")
    site.body = '<main><a id="next" href="/next">next</a></main>'
    site.headers = {"Content-Security-Policy": "script-src 'nonce-first' 'unsafe-eval'"}
    page = tab("ann")
    page.goto(site.url)
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'ann'")
    # The next page has a nonce of its own, which the document's policy does not allow.
    site.nonce, site.head = "second", script("", src="/router.js", nonce="second")
    site.headers = {"Content-Security-Policy": "script-src 'nonce-second' 'unsafe-eval'"}
    sign_in(page.context, site, "bob")
    follow(page, "next")
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'bob'")


@pytest.mark.parametrize("router", ["htmx-2", "htmx-4", "turbo"], indirect=True)
def test_a_sign_in_by_a_router_gives_an_anonymous_page_its_token(tab: Tab, site: Site, router: str) -> None:
    site.delivery = "fetch"
    page = tab()
    page.goto(site.url)
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    sign_in(page.context, site, "ann")
    follow(page, "next")
    page.wait_for_function("window.HISSUNO_WIDGET_CONFIG?.userId === 'ann'")


@pytest.mark.parametrize("router", ["htmx-4", "turbo"], indirect=True)
def test_many_navigations_cause_few_requests(tab: Tab, site: Site, router: str) -> None:
    page = tab("ann")
    page.goto(site.url)
    for _ in range(12):
        follow(page, "next")
        wait_for_requests(page)
    wait_until(page, lambda: site.token_requests)
    assert len(site.token_requests) < 10


def test_a_script_may_request_the_address_of_the_page_with_its_fragment(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url + "/#part")
    sign_out(context)
    page.evaluate("fetch(location.href).then((response) => response.text())")
    pass_time(page, site, 6)
    assert page.evaluate("seen.signedout") == 1


def test_an_address_that_changes_without_content_causes_one_request(profile: Profile, site: Site) -> None:
    page = profile("ann", clock=True).new_page()
    page.goto(site.url)
    page.evaluate("history.pushState(null, '', '/a'); history.pushState(null, '', '/b'); location.hash = 'c'; 0")
    page.context.clock.run_for(1000)
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    page.evaluate("history.replaceState(null, '', '/b#d'); 0")
    page.context.clock.run_for(60_000)
    wait_for_requests(page)
    assert len(site.token_requests) == 1


def test_images_and_data_that_a_page_loads_cause_no_request(profile: Profile, site: Site) -> None:
    for path, status, headers in (("/avatar", 302, {"Location": "/avatar.png"}), ("/data", 200, {})):
        site.pages[path] = lambda user, status=status, headers=headers: Response(status, b"", headers)
    page = profile("ann", clock=True).new_page()
    page.goto(site.url)
    with page.expect_request_finished(lambda request: request.url.endswith("/avatar.png")):
        # `#` is a common placeholder: the browser then loads the page as an image
        page.evaluate("new Image().src = '#'; fetch('/data').then(() => { new Image().src = '/avatar'; })")
    page.context.clock.run_for(60_000)
    wait_for_requests(page)
    assert site.token_requests == []


def test_a_page_that_polls_its_own_address_leaves_room_for_other_requests(profile: Profile, site: Site) -> None:
    context = profile("ann", clock=True)
    page = context.new_page()
    page.goto(site.url)

    def poll(seconds: int) -> None:
        for _ in range(seconds):
            page.evaluate("fetch(location.href).then((response) => response.text())")
            pass_time(page, site, 1)
            wait_for_requests(page)

    poll(40)
    assert 2 <= len(site.token_requests) <= 4
    page.evaluate("widgetmw.refresh('orlo').then(() => { window.refreshed = true; }); 0")
    pass_time(page, site, 1)
    assert page.evaluate("refreshed")
    sign_out(context)
    poll(36)  # the confirmation takes some seconds
    assert page.evaluate("seen.signedout") == 1


def test_a_navigation_before_a_sign_out_does_not_bring_the_user_back(profile: Profile, site: Site) -> None:
    page = profile("ann", clock=True).new_page()
    page.goto(site.url)
    # as in a link to the page from which the app signs out, while the server still has the session
    page.evaluate("history.pushState(null, '', '/bye'); document.body.replaceChildren(); 0")
    page.evaluate("widgetmw.signOut().then(() => 0)")
    page.context.clock.run_for(60_000)
    wait_for_requests(page)
    assert site.token_requests == []


def test_links_within_the_page_cause_no_request(profile: Profile, site: Site) -> None:
    site.body = '<a id="top" href="#">top</a><a id="down" href="#part">part</a><p id="part"></p>'
    page = profile("ann", clock=True).new_page()
    page.goto(site.url)
    for link in ("#down", "#top", "#down", "#top"):
        page.click(link)
    page.context.clock.run_for(60_000)
    wait_for_requests(page)
    assert site.token_requests == []


def test_in_an_anonymous_page_an_address_causes_no_request(profile: Profile, site: Site) -> None:
    site.delivery = "fetch"
    page = profile(clock=True).new_page()
    page.goto(site.url)
    wait_until(page, lambda: site.token_requests)
    wait_for_requests(page)
    page.evaluate("history.pushState(null, '', '/a'); 0")
    page.context.clock.run_for(60_000)
    wait_for_requests(page)
    assert len(site.token_requests) == 1


# --- copies of a page that a router keeps ---------------------------------------------------------


def leave_page_with_chat(context: BrowserContext, site: Site, name: str) -> tuple[Page, list[str]]:
    """Returns a page that has left one with giosg's chat through a router, and the URLs of chats that it will load."""
    serve(site, ROUTERS[name])
    site.vendors = ("giosg",)
    site.head = script("", src="/router.js")
    boost = ' hx-boost="true"' if name.startswith("htmx") else ""
    marked = '<iframe data-widgetmw-giosg></iframe><a id="chat" data-widgetmw-giosg>chat</a>'
    site.body = f'<main{boost}><a id="next" href="/next">next</a>{marked}</main>'
    page = context.new_page()
    chats: list[str] = []
    page.on("request", lambda request: chats.append(request.url) if "/chat" in request.url else None)
    page.goto(site.url)
    wait_until(page, lambda: chats)
    site.body = f"<main{boost}><p>next</p></main>"
    page.click("#next")
    page.wait_for_selector("p")
    chats.clear()
    return page, chats


def go_back_to_chat(page: Page) -> None:
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_selector("iframe", state="attached")


@pytest.mark.parametrize("name", ["htmx-2", "turbo"])
def test_a_frame_in_a_copy_of_a_page_gets_the_url_of_the_current_user(profile: Profile, site: Site, name: str) -> None:
    context = profile("ann")
    page, chats = leave_page_with_chat(context, site, name)
    sign_in(context, site, "bob")
    page.evaluate("widgetmw.refresh('giosg').then(() => 0)")
    go_back_to_chat(page)
    page.wait_for_function("document.querySelector('iframe').src.includes('user=bob')")
    assert "user=bob" in (page.get_attribute("#chat", "href") or "")
    wait_until(page, lambda: chats)
    assert [url for url in chats if "user=ann" in url] == []


@pytest.mark.parametrize("name", ["htmx-2", "turbo"])
def test_after_a_sign_out_a_frame_in_a_copy_of_a_page_loads_no_chat(profile: Profile, site: Site, name: str) -> None:
    context = profile("ann")
    page, chats = leave_page_with_chat(context, site, name)
    page.evaluate("widgetmw.signOut()")
    sign_out(context)
    go_back_to_chat(page)
    page.wait_for_function("document.querySelector('iframe').getAttribute('src') === 'about:blank'")
    page.evaluate("fetch('/none').then(() => 0)")
    assert chats == []
    assert page.get_attribute("#chat", "href") is None


def test_a_frame_in_a_copy_of_a_page_gets_a_url_that_is_still_valid(profile: Profile, site: Site) -> None:
    page, _ = leave_page_with_chat(profile("ann"), site, "turbo")
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('giosg').then(() => 0)")
    go_back_to_chat(page)
    page.wait_for_function("document.querySelector('iframe').src === widgetmw.get('giosg').url")


def test_htmx_stores_no_signed_url(profile: Profile, site: Site) -> None:
    page, _ = leave_page_with_chat(profile("ann"), site, "htmx-2")
    stored = page.evaluate("sessionStorage['htmx-history-cache']")
    assert "data-widgetmw-giosg" in stored
    assert "user=ann" not in stored


@pytest.mark.parametrize("name", ["htmx-2", "turbo"])
def test_a_frame_that_a_router_keeps_is_loaded_once(profile: Profile, site: Site, name: str) -> None:
    serve(site, ROUTERS[name])
    site.vendors = ("giosg",)
    site.head = script("", src="/router.js")
    frame = '<iframe id="kept" data-widgetmw-giosg></iframe>'
    target = ' hx-boost="true" hx-target="#content" hx-select="#content"' if name == "htmx-2" else ""
    site.body = f'<div{target}><div id="content"><a id="next" href="/next">next</a></div></div>{frame}'
    page = profile("ann").new_page()
    chats: list[str] = []
    page.on("request", lambda request: chats.append(request.url) if "/chat" in request.url else None)
    page.goto(site.url)
    wait_until(page, lambda: chats)
    page.evaluate("kept.contentWindow.name = 'open'; window.frame = kept; 0")
    if name == "htmx-2":
        page.click("#next")
        page.wait_for_url("**/next")
    else:
        page.evaluate("document.dispatchEvent(new CustomEvent('turbo:before-cache', {bubbles: true})); 0")
    site.clear_token_cache()
    page.evaluate("widgetmw.refresh('giosg').then(() => 0)")
    assert page.evaluate("frame === kept && kept.contentWindow.name") == "open"
    assert len(chats) == 1
