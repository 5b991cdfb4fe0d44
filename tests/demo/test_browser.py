"""The demo in Chromium, as a visitor sees it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect, sync_playwright

from tests.chromium import launch
from widgetmw.demo.catalogue import VENDORS
from widgetmw.demo.server import create_server

TTL = 5
RENEWAL = {
    "digitalgenius": 'sendSystemMessage({name: "auth_token"})',
    "hissuno": "re-rendered with a new widgetToken",
    "orlo": "customer-data snippet, run again",
    "giosg": '_giosg("visitor", "submit", …)',
}
LOG_CSP_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))"
)


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


@dataclass
class Visit:
    """A browser profile that visits the demo and records every problem."""

    context: BrowserContext
    url: str
    page: Page = field(init=False)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(60_000)
        self.context.add_init_script(LOG_CSP_VIOLATIONS)
        self.context.on("request", self._check_request)
        self.context.on("weberror", lambda error: self.problems.append(f"error: {error.error}"))
        self.context.on("console", lambda message: self._check_message(message.type, message.text))
        self.page = self.context.new_page()

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
        # A tab learns of a sign-out from a 401 of the token endpoint, which the browser logs.
        if kind in {"error", "warning"} and "status of 401" not in text:
            self.problems.append(f"console: {text}")


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = Visit(context, url)
    yield made
    context.close()
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
    tabs = {vendor: visit.context.new_page() for vendor in VENDORS}
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


@pytest.mark.parametrize("vendor", VENDORS)
def test_sign_out_ends_the_conversation_and_the_other_tab_follows(visit: Visit, vendor: str) -> None:
    page = visit.sign_in("ada", f"/{vendor}")
    expect(verdict(page)).to_have_attribute("data-state", "verified")
    send_message(page)
    expect(page.locator(".message.shop").last).to_contain_text("from the signed token sent with your message")
    other = visit.context.new_page()
    other.goto(f"{visit.url}/{vendor}")
    expect(verdict(other)).to_have_attribute("data-state", "verified")
    page.bring_to_front()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    page.locator(".chat-badge", has_text="Anonymous").wait_for(state="attached")
    expect(page.locator(".message.visitor")).to_have_count(0)
    other.bring_to_front()
    expect(verdict(other)).to_have_text("Signed out: token dropped")
    expect(other.locator(".message.visitor")).to_have_count(0)
    expect(other.locator(".account")).to_have_text("Signed out")
    assert "Ada" not in other.locator("body").inner_text()
    page.bring_to_front()
    for each in ("digitalgenius", "giosg"):  # their clean-ups wait for their widgets
        page.goto(f"{visit.url}/{each}")
        page.wait_for_function(
            "(name) => !Object.keys(localStorage).some((key) => localStorage[key].split(',').includes(name))", arg=each
        )
    page.goto(f"{visit.url}/{vendor}")
    expect(page.get_by_text("byte for byte: no token")).to_be_visible()
    assert page.evaluate("[window.widgetmw, document.querySelector('[data-widgetmw]')]") == [None, None]
    assert "eyJ" not in page.content()
    assert page.locator(".message.visitor").count() == 0


def test_an_anonymous_visitor_can_chat_and_stays_anonymous(visit: Visit) -> None:
    for vendor in VENDORS:
        page = visit.open(f"/{vendor}")
        expect(page.locator(".chat-badge")).to_have_text("Anonymous")
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


def test_the_overview_follows_all_four_tokens(visit: Visit) -> None:
    page = visit.sign_in("guest")
    expect(page.locator("[data-verdict][data-state=verified]")).to_have_count(4)
    assert page.locator("[data-times]").all_inner_texts()[0].startswith(("Renews in", "Renewing"))


def test_shows_the_page_with_and_without_widgetmw(visit: Visit) -> None:
    page = visit.sign_in("ada", "/orlo")
    page.get_by_text("Compare the page with and without widgetmw").click()
    expect(page.locator("#inspector-summary")).to_contain_text("bytes were inserted at byte")
    expect(page.locator("#inspector-code ins")).to_contain_text("data-widgetmw")
    page.get_by_label("As the shop wrote it").check()
    expect(page.locator("#inspector-code ins")).to_have_count(0)
    expect(page.locator("#inspector-headers")).to_contain_text("private, no-store")


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


def test_fits_a_small_phone_without_horizontal_scrolling(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/", *(f"/{vendor}" for vendor in VENDORS)):
        page = visit.open(path)
        assert horizontal_overflow(page) == 0
    for path in ("/", *(f"/{vendor}" for vendor in VENDORS)):
        page = visit.sign_in("zoe", path) if path == "/" else visit.open(path)
        page.locator("[data-state=verified]").first.wait_for()
        page.get_by_text("Compare the page with and without widgetmw").click()
        expect(page.locator("#inspector-code ins")).to_be_visible()
        assert horizontal_overflow(page) == 0


def horizontal_overflow(page: Page) -> int:
    pixels: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return pixels


def test_every_control_has_an_accessible_name(visit: Visit) -> None:
    page = visit.sign_in("ada", "/giosg")
    page.locator("#room-verdict[data-state=verified]").wait_for()
    for control in page.locator("a[href], button, input:not([type=hidden]), iframe, summary").all():
        assert control.evaluate(
            "e => (e.ariaLabel || e.title || e.innerText || e.labels?.[0]?.textContent || '').trim()"
        )
    assert page.locator("h1").count() == 1
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
