"""The demo in Chromium, as a visitor sees it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect, sync_playwright

from tests.chromium import launch
from tests.combinations import ALL, only_with_all
from widgetmw.demo.catalogue import VENDORS
from widgetmw.demo.server import create_server

TTL = 5
RENEWAL = {
    "digitalgenius": 'sendSystemMessage({name: "auth_token"})',
    "hissuno": "re-rendered with a new widgetToken",
    "orlo": "customer-data snippet, run again",
    "giosg": '_giosg("visitor", "submit", …)',
    "intercom": 'Intercom("update", …)',
    "zendesk": "The widget asked again",
}
# The pages of vendors have one layout: of each family one, or all with `make servers`.
LAYOUTS = VENDORS if ALL else ("giosg", "zendesk", "crisp")
RENEWED = RENEWAL if ALL else ("digitalgenius", "giosg", "zendesk")
LASTING = [vendor for vendor in VENDORS if vendor not in RENEWAL] if ALL else ["chatwoot", "crisp"]
PATHS = ("/", *(f"/{vendor}" for vendor in LAYOUTS), "/decisions")
RECORDER = """
addEventListener("securitypolicyviolation", (e) => console.error("CSP", e.violatedDirective, e.blockedURI));
window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shifted += entry.value; }))
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server, address = create_server(port=0, ttl=TTL)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield address
    server.shutdown()
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """A tab that tests use one after another: a new profile takes more processor time than a page in it."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(60_000)
    context.add_init_script(RECORDER)
    yield context.new_page()
    context.close()


@dataclass
class Visit:
    """A browser profile that visits the demo and records every problem."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_viewport_size({"width": 1280, "height": 800})
        self.context = self.page.context
        self.listeners: list[tuple[Any, Callable[[Any], None]]] = [
            ("request", self._check_request),
            ("weberror", lambda error: self.problems.append(f"error: {error.error}")),
            ("console", lambda message: self._check_message(message.type, message.text)),
        ]
        for event, listener in self.listeners:
            self.context.on(event, listener)

    def leave(self) -> None:
        """Leaves the profile as new."""
        for page in self.context.pages[1:]:
            page.close()
        self.page.unroute_all()
        self.context.unroute_all()
        self.open("/static/site.css")  # no script of a page runs from now on
        self.page.evaluate("sessionStorage.clear()")
        self.page.goto("about:blank")
        self.page.mouse.move(0, 0)
        devtools = self.context.new_cdp_session(self.page)
        devtools.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "all"})
        devtools.detach()
        for event, listener in self.listeners:
            self.context.remove_listener(event, listener)

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, person: str = "ada", path: str = "/") -> Page:
        self.open(path)
        self.page.locator(f"button[value={person}]").click()
        self.page.get_by_role("button", name="Sign out").wait_for()
        return self.page

    def _check_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "about:", "data:")):
            self.problems.append(f"request to {request.url}")

    def _check_message(self, kind: str, text: str) -> None:
        # A browser logs the 401 by which a tab learns of a sign-out, and the 400 for what is not a response.
        if kind in {"error", "warning"} and not re.search("status of 40[01]", text):
            self.problems.append(f"console: {text}")


@pytest.fixture
def visit(tab: Page, url: str) -> Iterator[Visit]:
    made = Visit(tab, url)
    yield made
    made.leave()
    assert made.problems == []


def verdict(page: Page) -> Locator:
    return page.locator("#verdict")


def deliveries(page: Page) -> Locator:
    return page.locator("#entries > li", has=page.locator(".chip[data-state=verified]"))


def send_message(page: Page, text: str = "Who am I?") -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send").click()


def test_each_widget_gets_a_verified_token_and_a_new_one_without_a_reload(visit: Visit) -> None:
    visit.sign_in("ada")
    tabs = {vendor: visit.context.new_page() for vendor in RENEWED}
    first = {}
    for vendor, page in tabs.items():
        page.goto(f"{visit.url}/{vendor}")
        page.evaluate("window.sameDocument = true")
        user = "customer 1001" if vendor == "digitalgenius" else "Ada Okafor"
        expect(verdict(page)).to_have_text(f"Verified: {user}")
        first[vendor] = page.evaluate(f"widgetmw.get('{vendor}').token")
    for vendor, page in tabs.items():
        renewed = deliveries(page).filter(has_text=RENEWAL[vendor]).filter(has_text="→")
        expect(renewed.first).to_be_visible()
        # if the first token was read late, it was a renewed one already
        page.wait_for_function(f"(old) => widgetmw.get('{vendor}').token !== old", arg=first[vendor])
        expect(page.locator("#announcer")).to_contain_text("Renewed at")
        expect(verdict(page)).to_have_attribute("data-state", "verified")
        assert page.evaluate("window.sameDocument")


def test_a_signature_that_does_not_expire_identifies_each_user(visit: Visit) -> None:
    visit.sign_in("ada")
    for vendor in LASTING:
        page = visit.open(f"/{vendor}")
        expect(verdict(page)).to_have_text("Verified: Ada Okafor")
        expect(page.locator(".message.shop").first).to_contain_text("Hello Ada Okafor")
        expect(page.locator("#expiry")).to_have_text("never")
        page.get_by_role("button", name="Verify an altered token").click()
        expect(page.locator("#result")).to_have_text("The altered token was rejected: Bad signature")
        send_message(page)
        expect(page.locator(".message.shop").last).to_contain_text("You are Ada Okafor")
    visit.sign_in("layla")
    for vendor in LASTING:
        page = visit.open(f"/{vendor}")
        expect(page.locator(".message.shop").first).to_contain_text("Hello ليلى حداد")
        expect(page.locator(".message.visitor")).to_have_count(0)


def test_another_user_starts_a_conversation_of_their_own(visit: Visit) -> None:
    visit.sign_in("ada")
    vendors = RENEWAL if ALL else ("digitalgenius", "zendesk")
    for vendor in vendors:
        page = visit.open(f"/{vendor}")
        expect(verdict(page)).to_have_attribute("data-state", "verified")
        send_message(page)
        expect(page.locator(".message.visitor")).to_have_count(1)
    visit.sign_in("layla")
    for vendor in vendors:
        page = visit.open(f"/{vendor}")
        user = "customer 1003" if vendor == "digitalgenius" else "ليلى حداد"
        expect(verdict(page)).to_have_text(f"Verified: {user}")
        expect(page.locator(".message.visitor")).to_have_count(0)


def test_sign_out_ends_the_conversations_and_the_tabs_follow(visit: Visit) -> None:
    page = visit.sign_in("ada", "/orlo")
    tabs = {vendor: visit.context.new_page() for vendor in LAYOUTS}
    for vendor, tab in tabs.items():
        tab.goto(f"{visit.url}/{vendor}")
        expect(verdict(tab)).to_have_attribute("data-state", "verified")
        send_message(tab)
        expect(tab.locator(".message.shop").last).to_contain_text("from the signed token sent with your message")
    page.bring_to_front()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    for tab in tabs.values():
        expect(verdict(tab)).to_have_text("Signed out: token dropped")
        expect(tab.locator(".message.visitor")).to_have_count(0)
        expect(tab.locator(".account")).to_have_text("Signed out")
        assert "Ada" not in tab.locator("body").inner_text()


@pytest.mark.parametrize("vendor", ["hissuno", "zendesk", "crisp"])
def test_sign_out_on_a_vendors_page_ends_its_conversation(visit: Visit, vendor: str) -> None:
    page = visit.sign_in("ada", f"/{vendor}")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    send_message(page)
    expect(page.locator(".message.visitor")).to_have_count(1)
    page.get_by_role("button", name="Sign out").click()
    page.locator(".chat-badge", has_text="Anonymous").wait_for(state="attached")
    expect(page.locator(".message.visitor")).to_have_count(0)


@only_with_all
def test_pages_are_those_of_an_anonymous_visitor_once_all_clean_ups_are_done(visit: Visit) -> None:
    page = visit.sign_in("ada", "/orlo")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    page.get_by_role("button", name="Sign out").click()
    # the second 401 has come
    page.wait_for_function("(end) => Object.keys(localStorage).some((key) => key.endsWith(end))", arg=":pending")
    for vendor in VENDORS:  # many clean-ups wait for their widgets
        page.goto(f"{visit.url}/{vendor}")
        page.wait_for_function(
            "(name) => !Object.keys(localStorage).some((key) => localStorage[key].split(',').includes(name))",
            arg=vendor,
        )
    for vendor in ("orlo", "crisp"):
        page.goto(f"{visit.url}/{vendor}")
        expect(page.get_by_text("byte for byte: no token")).to_be_visible()
        assert page.evaluate("[window.widgetmw, document.querySelector('[data-widgetmw]')]") == [None, None]
        assert "eyJ" not in page.content()
        assert page.locator(".message.visitor").count() == 0


def test_an_anonymous_visitor_can_chat_and_stays_anonymous(visit: Visit) -> None:
    for vendor in LAYOUTS:
        page = visit.open(f"/{vendor}")
        expect(page.locator(".chat-badge")).to_have_text("Anonymous")
        expect(page.locator(".message.shop").first).to_contain_text("Hello visitor")
        send_message(page)
        expect(page.locator(".message.shop").last).to_contain_text("I cannot tell who you are")
        assert page.evaluate("window.widgetmw") is None


def test_the_shops_own_digitalgenius_configuration_is_kept(visit: Visit) -> None:
    page = visit.sign_in("ada", "/digitalgenius")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    config = page.evaluate("DG_CHAT_WIDGET_CONFIG")
    assert config["metadata"]["page"] == "help"
    assert config["metadata"]["auth_token"].count(".") == 2
    expect(page.locator("#stage")).to_have_attribute("data-ready", "yes")


def test_the_shops_own_tawk_callback_is_kept(visit: Visit) -> None:
    page = visit.sign_in("ada", "/tawk")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    expect(page.locator("#stage")).to_have_attribute("data-ready", "yes")


def test_an_altered_token_is_refused_in_red(visit: Visit) -> None:
    page = visit.sign_in("ada", "/orlo")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    page.get_by_role("button", name="Verify an altered token").click()
    expect(page.locator("#result")).to_have_text("The altered token was rejected: Bad signature")
    expect(page.locator("#result")).to_have_attribute("data-state", "rejected")


def test_the_result_of_a_check_survives_the_expiry_and_the_renewal_of_the_token(visit: Visit) -> None:
    page = visit.sign_in("ada", "/orlo")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    held: list[Route] = []
    page.route("**/_widgetmw/token*", lambda route: held.append(route))
    page.get_by_role("button", name="Verify an altered token").click()
    expect(page.locator("#result")).to_contain_text("Bad signature")
    expect(page.locator("#renewal-note")).to_contain_text("Use this tab to renew")
    expect(verdict(page)).to_have_attribute("data-state", "rejected")
    expect(page.locator("#result")).to_contain_text("Bad signature")
    for route in held:
        route.continue_()
    page.unroute_all()
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    expect(page.locator("#renewal-note")).to_be_empty()
    expect(page.locator("#result")).to_contain_text("Bad signature")


def test_the_first_token_is_rejected_once_it_has_expired(visit: Visit) -> None:
    page = visit.sign_in("ada", "/digitalgenius")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    expiry = page.evaluate("widgetmw.get('digitalgenius').expiresAt")
    page.wait_for_function("(expiry) => Date.now() > expiry", arg=expiry)
    page.get_by_role("button", name="Verify the first token again").click()
    expect(page.locator("#result")).to_contain_text("was rejected: Token expired")


def test_the_signed_url_is_verified_and_leads_to_the_local_room(visit: Visit) -> None:
    page = visit.sign_in("layla", "/giosg")
    expect(page.locator("#room-verdict")).to_have_text("Signature verified for ليلى حداد")
    expect(page.locator("#room-link")).to_have_attribute("href", re.compile("^https://service.giosg.com/widgets/v1/"))
    expect(page.frame_locator(".room-frame").get_by_text("URL verified for")).to_be_visible()
    page.locator("#room-link").click()
    expect(page.locator("h1")).to_have_text("Chat room")
    expect(page.get_by_text("URL verified for ليلى حداد")).to_be_visible()


def test_a_name_that_looks_like_markup_is_shown_as_text_everywhere(visit: Visit) -> None:
    page = visit.sign_in("zoe", "/hissuno")
    expect(verdict(page)).to_contain_text('Zoë </script><b>"O\'Neil"</b> 🦊')
    send_message(page, "<img src=x onerror=alert(1)>")
    expect(page.locator(".message.shop").last).to_contain_text("You are Zoë </script><b>")
    assert page.locator("main b, main img").count() == 0


def test_the_overview_follows_the_token_of_each_vendor_that_can_serve_the_user(visit: Visit) -> None:
    page = visit.sign_in("guest")
    unserved = [vendor for vendor in VENDORS.values() if vendor.needs_email]
    asked = [vendor for vendor in VENDORS.values() if vendor.missing]
    expect(page.get_by_text("Anonymous: no email address")).to_have_count(len(unserved))
    served = len(VENDORS) - len(unserved) - len(asked)
    expect(page.locator("[data-verdict][data-state=verified]")).to_have_count(served)
    expect(page.locator("[data-card=zendesk] [data-verdict]")).to_have_text("Sent when the widget asks")
    assert page.locator("[data-times]").all_inner_texts()[0].startswith(("Renews in", "Renewing"))


def test_shows_the_page_with_and_without_widgetmw(visit: Visit) -> None:
    page = visit.sign_in("ada", "/orlo")
    page.get_by_text("Compare the page with and without widgetmw").click()
    expect(page.locator("#inspector-summary")).to_contain_text("bytes were inserted at byte")
    expect(page.locator("#inspector-code ins")).to_contain_text("data-widgetmw")
    page.get_by_label("As the app wrote it").check()
    expect(page.locator("#inspector-code ins")).to_have_count(0)
    expect(page.locator("#inspector-headers")).to_contain_text("private, no-store")
    expect(page.locator("#inspector-decision")).to_have_text("The page carries the script")


def test_an_anonymous_page_says_why_it_was_not_modified(visit: Visit) -> None:
    page = visit.open("/hissuno")
    page.get_by_text("Compare the page with and without widgetmw").click()
    expect(page.locator("#inspector-decision")).to_have_text("Sent unmodified")
    expect(page.locator("#inspector-why")).to_contain_text("anonymous: No user is signed in.")


def test_a_choice_shows_the_decision_and_its_remedy_at_once(visit: Visit) -> None:
    page = visit.sign_in("ada", "/decisions")
    expect(page.locator("#sample-code ins")).to_contain_text("data-widgetmw")
    page.get_by_label("Cache-Control").select_option("public")
    expect(page.locator("#sample-decision")).to_have_text("Sent unmodified")
    expect(page.locator("#sample-why")).to_contain_text("shared_cache")
    expect(page.locator("#sample-why")).to_contain_text("What to do: Mark pages for signed-in users private")
    expect(page.locator("#sample-headers")).to_contain_text("skipped; reason=shared_cache")
    page.get_by_label("Compression").select_option("br")
    expect(page.locator("#sample-why")).to_contain_text("content_encoding")
    expect(page.locator("#sample-code")).to_be_hidden()
    expect(page.get_by_role("link", name="Open this response")).to_be_hidden()
    expect(page.locator("#log > li")).to_have_count(3)
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#sample-decision")).to_have_text("The page carries the script")
    expect(page.locator("#log > li").first).to_contain_text("the defaults")


def test_the_sample_opens_as_a_real_page(visit: Visit) -> None:
    page = visit.sign_in("ada", "/decisions")
    page.get_by_label("Content-Security-Policy").select_option("self")
    page.get_by_label("Compression").select_option("gzip")
    page.get_by_label("Chunks").select_option("small")
    expect(page.get_by_role("link", name="Open this response")).to_have_attribute("href", re.compile("chunks=small"))
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Open this response").click()
    expect(opened.value.get_by_role("heading")).to_have_text("Your orders")
    opened.value.wait_for_function("widgetmw.get('orlo').token")


def test_nothing_moves_while_a_page_loads(visit: Visit) -> None:
    visit.sign_in("ada")
    for path in PATHS:
        page = visit.open(path)
        page.locator("[data-state=verified], #sample-decision[data-state=injected]").first.wait_for()
        assert page.evaluate("shifted") < 0.1  # what browsers call a good score


HOSTILE = """<!doctype html><html><head><script>top.pasted = 1; fetch("/stolen")</script>
<meta http-equiv="refresh" content="0;url=/stolen"></head><body onload="top.pasted = 1">
<img src="/stolen" onerror="top.pasted = 1"><iframe src="/stolen"></iframe><base href="https://evil.example/">
</textarea><svg onload="top.pasted = 1">"""


def test_a_pasted_page_is_not_sent_as_a_query_before_the_script_runs(visit: Visit) -> None:
    visit.context.route("**/decisions.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page = visit.sign_in("ada", "/decisions")
    expect(page.get_by_role("button", name="Show the decision")).to_be_disabled()


def test_a_pasted_page_is_shown_as_text_and_never_runs(visit: Visit) -> None:
    page = visit.sign_in("ada", "/decisions")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.get_by_label("HTML").fill(HOSTILE)
    page.get_by_label("Response headers").fill("Content-Type: text/html; charset=utf-8")
    page.get_by_role("button", name="Show the decision").click()
    expect(page.locator("#paste-code ins")).to_contain_text("data-widgetmw")
    expect(page.locator("#paste-code")).to_contain_text('<svg onload="top.pasted = 1">')
    assert page.locator("#paste-code *:not(ins)").count() == 0
    assert page.evaluate("[window.pasted, document.querySelector('base, svg[onload], iframe')]") == [None, None]
    assert not [url for url in requested if "stolen" in url]
    assert page.url.endswith("/decisions")


def test_what_cannot_be_read_is_named_beside_the_box(visit: Visit) -> None:
    page = visit.sign_in("ada", "/decisions")
    page.get_by_label("Response headers").fill("X-A: 1\nnot a header")
    page.get_by_role("button", name="Show the decision").click()
    expect(page.locator("#paste-error")).to_have_text("Line 2 is not a header: expected “Name: value”.")
    page.get_by_label("HTML").fill("x" * 100_001)
    page.get_by_role("button", name="Show the decision").click()
    expect(page.locator("#paste-error")).to_contain_text("more than 100,000 characters")
    page.get_by_label("Response headers").fill("")
    page.get_by_label("HTML").fill("<!doctype html><html><head>")
    page.get_by_role("button", name="Show the decision").click()
    expect(page.locator("#paste-error")).to_be_empty()
    expect(page.locator("#paste-decision")).to_have_text("The page carries the script")


def test_chooses_and_pastes_by_keyboard_alone(visit: Visit) -> None:
    page = visit.sign_in("ada", "/decisions")
    expect(page.locator("#sample-decision")).to_have_attribute("data-state", "injected")
    page.locator("#main").focus()
    tab_to(page, "choice-cache")
    page.keyboard.type("pub")
    expect(page.locator("#sample-why")).to_contain_text("shared_cache")
    tab_to(page, "paste-head")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Content-Type: text/plain")
    tab_to(page, "paste-page")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#paste-why")).to_contain_text("not_html")


def tab_to(page: Page, element_id: str) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == element_id:
            return
    raise AssertionError(f"{element_id} cannot be reached with the keyboard")


def test_a_person_looks_clickable_and_says_what_a_click_does(visit: Visit) -> None:
    page = visit.open("/")
    person = page.get_by_role("button", name=re.compile("^Ada Okafor .* Sign in$"))
    assert person.evaluate("e => getComputedStyle(e).cursor") == "pointer"
    color = person.evaluate("e => getComputedStyle(e).borderColor")
    person.hover()
    page.wait_for_function(
        "([e, color]) => getComputedStyle(e).borderColor !== color", arg=[person.element_handle(), color]
    )
    person.click()
    expect(page.get_by_role("button", name=re.compile("^Ada Okafor .* Signed in$"))).to_be_visible()


def test_signs_in_and_chats_by_keyboard_alone(visit: Visit) -> None:
    page = visit.open("/orlo")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "ada":
            break
    width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert width == "3px"
    page.keyboard.press("Enter")
    expect(verdict(page)).to_have_text("Verified: Ada Okafor")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "INPUT":
            break
    page.keyboard.type("Who am I?")
    page.keyboard.press("Enter")
    expect(page.locator(".message.shop").last).to_contain_text("You are Ada Okafor")


def test_fits_a_phone_without_horizontal_scrolling(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/", "/giosg", "/decisions"):
        assert_fits_a_phone(visit.open(path))
    for path in PATHS:
        page = visit.sign_in("zoe", path) if path == "/" else visit.open(path)
        if path == "/decisions":
            expect(page.locator("#sample-code ins")).to_be_visible()
            expect(page.locator("#paste-code")).to_contain_text("How can we help?")
        else:
            page.locator("[data-state=verified]").first.wait_for()
            page.get_by_text("Compare the page with and without widgetmw").click()
            expect(page.locator("#inspector-code ins")).to_be_visible()
        assert_fits_a_phone(page)


def assert_fits_a_phone(page: Page) -> None:
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_the_header_of_a_phone_has_two_rows_and_shows_the_current_page(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 800})
    page = visit.sign_in("zoe", "/decisions")
    brand, account = page.locator(".brand").bounding_box(), page.locator(".account").bounding_box()
    assert brand is not None
    assert account is not None
    assert account["y"] < brand["y"] + brand["height"]
    links = [link.bounding_box() for link in page.locator(".nav a").all()]
    assert len({link and link["y"] for link in links}) == 1
    expect(page.locator(".nav [aria-current]")).to_be_in_viewport(ratio=1)


def test_the_chat_stands_beside_the_page_where_there_is_room(visit: Visit) -> None:
    visit.sign_in("ada")
    for vendor in LAYOUTS:
        page = visit.open(f"/{vendor}")
        page.locator(".chat-window").wait_for()
        chat, goods = page.locator(".chat-window").bounding_box(), page.locator(".shop-goods").bounding_box()
        assert chat is not None
        assert goods is not None
        assert goods["x"] + goods["width"] <= chat["x"]
    page.get_by_role("button", name="Minimize", exact=True).click()
    wide = page.locator(".shop-goods").bounding_box()
    assert wide is not None
    assert wide["width"] > goods["width"]


@pytest.mark.parametrize("path", ["/giosg", "/decisions"])
def test_every_control_has_an_accessible_name(visit: Visit, path: str) -> None:
    page = visit.sign_in("ada", path)
    page.locator("#room-verdict[data-state=verified], #sample-decision[data-state=injected]").wait_for()
    for control in page.locator("a[href], button, input:not([type=hidden]), select, textarea, iframe, summary").all():
        assert control.evaluate(
            "e => (e.ariaLabel || e.title || e.labels?.[0]?.textContent || e.innerText || '').trim()"
        )
    assert page.locator("h1").count() == 1
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
