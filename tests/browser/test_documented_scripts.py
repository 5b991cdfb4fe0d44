"""The scripts in docs/adding-a-vendor.md do what the page says, with a stand-in for the widget that it describes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import site as site_module
from tests.browser.conftest import Visit, sign_in
from tests.browser.fake_vendors import script
from tests.browser.simulation import LATE_SIGN_OUT, wait_until
from tests.browser.site import Response, Site

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-vendor.md"
BLOCKS = re.findall(r"```js\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)

#: The user is stored, and so outlives the page.
WIDGET = """
window.toyChat = {
  calls: [],
  isHidden: false,
  user: localStorage.toy_user ?? null,
  identify(token) {
    Object.assign(toyChat, {user: JSON.parse(atob(token.split(".")[1])).userId});
    localStorage.toy_user = toyChat.user;
    toyChat.calls.push(toyChat.user);
  },
  async login(getToken) {
    toyChat.ask = getToken;
    toyChat.identify(await getToken());
  },
  reset() {
    toyChat.user = null;
    localStorage.removeItem("toy_user");
    toyChat.calls.push("reset");
  },
  hide() {
    toyChat.isHidden = true;
    toyChat.calls.push("hide");
  },
};
"""
LOAD = "document.head.append(Object.assign(document.createElement('script'), {src: '/widget.js'}));"
LATE = f"addEventListener('load', () => setTimeout(() => {{ {LOAD} }}));"


def block(text: str) -> str:
    """Returns the only script of the page that holds a text."""
    (found,) = (one for one in BLOCKS if text in one)
    return str(found)


@pytest.fixture(autouse=True)
def toy_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(site_module.PUBLIC, "toy", {"appId": "app-1"})
    site.vendors = ("toy",)
    headers = {"Content-Type": "text/javascript"}
    site.pages["/widget.js"] = lambda user: Response(200, WIDGET.encode(), headers)
    site.pages["/own.js"] = lambda user: Response(200, b"", headers)


@pytest.fixture(params=["Later, toyChat.identify()", "toyChat.login()"])
def toy(request: pytest.FixtureRequest, site: Site) -> Site:
    """A site with one of the two scripts that identify a user."""
    site.vendor_scripts = {"toy": block(request.param)}
    if "login" in request.param:
        site.missing = {"toy": "on_request"}
    return site


def calls_of(page: Page, user: str) -> list[str]:
    """Returns the calls of the page, once the user is identified."""
    wait_until(page, lambda: page.evaluate("window.toyChat?.user") == user)
    calls: list[str] = page.evaluate("toyChat.calls")
    return calls


@pytest.mark.parametrize("widget", [WIDGET, LATE], ids=["loaded", "late"])
def test_another_user_is_identified_after_the_clean_up(visit: Visit, toy: Site, widget: str) -> None:
    toy.head = script(widget)
    page = visit("ann")
    calls_of(page, "ann")
    sign_in(page.context, toy, "bob")
    page.goto(toy.url)
    assert calls_of(page, "bob") == ["reset", "bob"]
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("[toyChat.user, window.toyChatConfig?.token]") == [None, None]


def test_another_user_is_identified_after_a_clean_up_that_takes_a_while(visit: Visit, toy: Site) -> None:
    toy.head = script(
        WIDGET.replace("reset() {", "async reset() {\n    await new Promise((done) => setTimeout(done, 200));")
    )
    page = visit("ann")
    calls_of(page, "ann")
    sign_in(page.context, toy, "bob")
    page.goto(toy.url)
    wait_until(page, lambda: "reset" in page.evaluate("toyChat.calls"))
    assert calls_of(page, "bob") == ["reset", "bob"]


def test_another_user_who_comes_before_the_widget_is_identified_after_the_clean_up(visit: Visit, toy: Site) -> None:
    toy.head = script(WIDGET)
    page = visit("ann")
    calls_of(page, "ann")
    toy.head = ""
    page.reload()
    sign_in(page.context, toy, "bob")
    page.evaluate("widgetmw.refresh('toy').then(() => 0)")
    page.evaluate(LOAD)
    # What waited for ann goes on as bob, too.
    assert list(dict.fromkeys(calls_of(page, "bob"))) == ["reset", "bob"]


def test_a_late_sign_out_hides_the_chat_until_the_next_page(visit: Visit, toy: Site) -> None:
    toy.head = script(WIDGET)
    page = visit("ann")
    calls_of(page, "ann")
    visit(context=page.context, path="/chat").evaluate(LATE_SIGN_OUT)
    page.wait_for_function("toyChat.isHidden")
    assert page.evaluate("toyChat.calls") == ["ann", "hide"]
    sign_in(page.context, toy, "bob")
    page.evaluate("widgetmw.refresh('toy').then(() => 0)")
    assert page.evaluate("toyChat.calls") == ["ann", "hide"]
    page.reload()
    assert calls_of(page, "bob") == ["bob"]


def test_a_widget_that_asks_gets_no_token_of_another_user(visit: Visit, site: Site) -> None:
    site.vendor_scripts, site.missing = {"toy": block("toyChat.login()")}, {"toy": "on_request"}
    site.head = script(WIDGET)
    page = visit("ann")
    calls_of(page, "ann")
    sign_in(page.context, site, "bob")
    page.evaluate("window.before = toyChat.ask; widgetmw.refresh('toy').then(() => 0)")
    calls_of(page, "bob")
    assert page.evaluate("before().catch((error) => error.message)") == "signed out"
    assert page.evaluate("toyChat.ask().then((token) => token === widgetmw.get('toy').token)")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_configuration_of_the_page_keeps_its_keys_and_gets_the_token(visit: Visit, site: Site, when: str) -> None:
    own = "window.toyChatConfig = {appId: 'own', theme: 'dark', token: 'old'};"
    site.vendor_scripts = {"toy": block("on pages that set window.toyChatConfig themselves")}
    context = visit("ann", "/chat").context
    if when == "before":
        context.add_init_script(own)
    else:
        site.head = script(own)
    page = visit(context=context)
    token = page.evaluate("widgetmw.get('toy').token")
    assert page.evaluate("toyChatConfig") == {"appId": "own", "theme": "dark", "token": token}
    page.evaluate("widgetmw.signOut()")
    assert page.evaluate("toyChatConfig") == {"appId": "own", "theme": "dark"}


@pytest.mark.parametrize(("own", "expected"), [("", 1), ("<script id=toy-chat src='/own.js?v=2'></script>", 0)])
def test_the_loader_is_added_with_its_attributes_unless_the_page_has_it(
    visit: Visit, site: Site, own: str, expected: int
) -> None:
    site.vendor_scripts = {"toy": block('"data-app"')}
    site.embed, site.head = ("toy",), own
    context = visit("ann", "/chat").context
    context.route("https://chat.toy.example/**", lambda route: route.fulfill(body=""))
    page = visit(context=context)
    added = "script#toy-chat[data-app=app-1][src^='https://chat.toy.example/']"
    assert page.locator(added).count() == expected


def test_the_cookies_of_a_widget_are_deleted_on_each_domain(visit: Visit, site: Site) -> None:
    site.vendor_scripts = {"toy": "export default {};"}
    site.url = site.url.replace("127.0.0.1", "app.shop.localhost")
    page = visit("ann")
    page.evaluate("document.cookie = 'toy_session=1; path=/; domain=shop.localhost'; 0")
    page.evaluate("document.cookie = 'toy_session=2; path=/'; 0")
    assert "toy_session" in page.evaluate("document.cookie")
    page.evaluate("{" + block("toy_session") + "} 0")
    assert "toy_session" not in page.evaluate("document.cookie")
