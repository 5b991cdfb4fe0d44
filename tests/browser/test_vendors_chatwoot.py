"""Chatwoot's script against a stand-in for its SDK, which behaves as the published one did when it was run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from tests.browser.conftest import sign_in
from tests.browser.fake_vendors import CHATWOOT, CHATWOOT_FRAME, CHATWOOT_SNIPPET, script
from tests.browser.simulation import LATE_SIGN_OUT, PENDING, wait_until
from tests.browser.site import POLICIES, Site

Open = Callable[..., Page]
USER_COOKIE = "document.cookie.split('; ').find((it) => it.startsWith('cw_user_token-1='))"


@dataclass
class Server:
    """The vendor's server: who is known in each conversation."""

    identified: dict[str, str] = field(default_factory=dict)
    conversations: list[str] = field(default_factory=list)
    #: The conversation of each frame that was loaded.
    frames: list[str] = field(default_factory=list)
    #: Conversation, id and name of each user that was set.
    set_users: list[tuple[str, str, str]] = field(default_factory=list)
    refuses: bool = False
    has_frames: bool = True
    key: str = "first-key"
    sdk: str | None = CHATWOOT

    def handle(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path == "/set_user":
            self._set_user(route, json.loads(route.request.post_data or ""))
        elif url.path == "/packs/js/sdk.js" and self.sdk:
            route.fulfill(body=self.sdk)
        elif url.path == "/widget" and self.has_frames:
            wanted = parse_qs(url.query).get("cw_conversation", [""])[0]
            self.frames.append(wanted if wanted in self.conversations else self._start())
            route.fulfill(body=CHATWOOT_FRAME.replace("AUTH", self.frames[-1]), content_type="text/html")
        else:
            route.abort()

    def _start(self) -> str:
        self.conversations.append(f"c{len(self.conversations) + 1}")
        return self.conversations[-1]

    def _set_user(self, route: Route, user: dict[str, str]) -> None:
        auth, identifier = user["auth"], user["identifier"]
        self.set_users.append((auth, identifier, user["name"]))
        if self.refuses:
            return route.fulfill(status=401, body='{"error": "HMAC failed: Invalid Identifier Hash Provided"}')
        is_other = self.identified.get(auth, identifier) != identifier
        conversation = self._start() if is_other else auth
        self.identified[conversation] = identifier
        return route.fulfill(body=json.dumps({"widget_auth_token": conversation} if is_other else {}))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def site(site: Site, server: Server) -> Site:
    """A site whose tokens do not expire, with a second vendor that must stay untouched."""
    site.vendors = ("chatwoot", "hissuno")
    site.token_lifetime = float("inf")
    site.token_fields["chatwoot"] = lambda user: {
        "token": f"{server.key}-{user}",
        "identifier": user,
        "name": user.title(),
    }
    site.head = script(CHATWOOT_SNIPPET)
    site.url = site.url.replace(site.host, "app.shop.localhost")
    return site


@pytest.fixture
def open_page(profile: Callable[..., BrowserContext], site: Site, server: Server) -> Open:
    """Opens a page of a browser for which the vendor's script and frame are served."""

    def open_page(user: str | None, context: BrowserContext | None = None) -> Page:
        if context is None:
            context = profile(user)
            context.route("https://chat.example/**", server.handle)
        page = context.new_page()
        page.goto(site.url)
        return page

    return open_page


def refresh(page: Page) -> None:
    page.evaluate("widgetmw.refresh('chatwoot').then(() => 0)")


def wait_for_users(page: Page, server: Server, *users: tuple[str, str, str]) -> None:
    """Waits until exactly these users were set, and nothing further is under way."""
    wait_until(page, lambda: len(server.set_users) >= len(users))
    page.wait_for_timeout(50)
    assert server.set_users == list(users)


def conversation(page: Page) -> str | None:
    """Returns the browser's conversation."""
    found: str | None = page.evaluate("/cw_conversation=(\\w+)/.exec(document.cookie)?.[1]")
    return found


PAGES = {
    "snippet in the head": (script(CHATWOOT_SNIPPET), "", ()),
    "snippet added late": (
        "",
        script(f"addEventListener('load', () => setTimeout(() => {{ {CHATWOOT_SNIPPET} }}));"),
        (),
    ),
    "embedded": ("", "", ("chatwoot",)),
    "snippet and embedded": (script(CHATWOOT_SNIPPET), "", ("chatwoot",)),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_user_is_set_once_the_frame_is_ready(open_page: Open, site: Site, server: Server, name: str) -> None:
    site.head, site.body, site.embed = PAGES[name]
    page = open_page("ann")
    ann = ("c1", "ann", "Ann")
    wait_for_users(page, server, ann)
    page.reload()
    page.wait_for_function("window.$chatwoot?.hasLoaded")
    wait_for_users(page, server, ann)
    server.key = "second-key"
    refresh(page)
    wait_for_users(page, server, ann, ann)
    assert server.frames == ["c1", "c1"]


def test_another_user_gets_a_conversation_of_their_own(open_page: Open, site: Site, server: Server) -> None:
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    page.evaluate("addEventListener('chatwoot:error', () => { window.failed = true; })")
    sign_in(page.context, site, "bob")
    refresh(page)
    wait_for_users(page, server, ("c1", "ann", "Ann"), ("c2", "bob", "Bob"))
    assert page.evaluate("window.failed") is None
    sign_in(page.context, site, "cleo")
    page.goto(site.url)
    wait_until(page, lambda: len(server.set_users) == 3)
    assert server.identified == {"c1": "ann", "c2": "bob", "c3": "cleo"}
    assert conversation(page) == "c3"


def test_another_user_who_comes_before_the_widget_is_set_after_the_reset(
    open_page: Open, site: Site, server: Server
) -> None:
    server.has_frames = False
    page = open_page("ann")
    page.wait_for_function("window.$chatwoot")
    sign_in(page.context, site, "bob")
    refresh(page)
    server.has_frames = True
    page.evaluate("document.getElementById('chatwoot_live_chat_widget').src += '&again'")
    wait_for_users(page, server, ("c2", "bob", "Bob"))


@pytest.mark.parametrize("domain", ["", "shop.localhost"])
def test_a_sign_out_ends_the_conversation_in_every_tab_and_the_same_user_can_return(
    open_page: Open, site: Site, server: Server, domain: str
) -> None:
    site.head = script(f"window.chatwootSettings = {{baseDomain: '{domain}'}};") + site.head
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    other = open_page("ann", page.context)
    other.wait_for_function("window.$chatwoot?.hasLoaded")
    page.evaluate("widgetmw.signOut()")
    wait_until(page, lambda: len(server.frames) == 4)
    wait_until(page, lambda: conversation(page) in ("c2", "c3"))
    assert page.evaluate(f"[{USER_COOKIE} ?? null, {PENDING} ?? null, $chatwoot.user ?? null]") == [None] * 3
    # The conversation of the browser may be that of the other tab by now.
    refresh(page)
    wait_until(page, lambda: len(server.set_users) == 2)
    assert server.identified[conversation(page) or ""] == "ann"
    page.reload()
    page.wait_for_function("window.$chatwoot?.hasLoaded")
    assert server.identified[server.frames[-1]] == "ann"


def test_a_sign_out_that_is_noticed_late_leaves_the_next_users_conversation_alone(
    open_page: Open, server: Server
) -> None:
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    other = open_page(None, page.context)
    other.wait_for_function("window.$chatwoot?.hasLoaded")
    server.conversations.append("c2")
    other.evaluate("document.cookie = 'cw_conversation=c2; path=/'")
    other.evaluate(LATE_SIGN_OUT)
    page.wait_for_function("seen.signedout")
    wait_until(page, lambda: server.frames[-1] == "c2")
    assert conversation(page) == "c2"


@pytest.mark.parametrize("missing", ["sdk", "frame"])
def test_a_widget_that_never_loads_costs_no_other_vendor_and_is_cleaned_up(
    open_page: Open, site: Site, server: Server, missing: str
) -> None:
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    server.sdk, server.has_frames = (None, True) if missing == "sdk" else (CHATWOOT, False)
    page.reload()
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    page.evaluate("widgetmw.signOut()")
    # Without the SDK, the next one starts without a conversation.
    pending = None if missing == "sdk" else "chatwoot"
    assert page.evaluate(f"[document.cookie.includes('cw_'), {PENDING} ?? null]") == [False, pending]
    server.sdk, server.has_frames = CHATWOOT, True
    sign_in(page.context, site, "bob")
    page.goto(site.url)
    wait_until(page, lambda: len(server.set_users) == 2)
    wait_until(page, lambda: page.evaluate(PENDING) is None)
    assert server.identified == {"c1": "ann", "c2": "bob"}
    assert server.frames == ["c1", "c2"]


def test_an_element_named_cookie_does_not_keep_the_conversation_at_a_sign_out(
    open_page: Open, site: Site, server: Server
) -> None:
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    site.head, site.body = "", '<img name="cookie" alt="">'  # a page without the widget
    page.reload()
    page.evaluate("widgetmw.signOut()")
    page.wait_for_function(f"!{PENDING}")
    assert [cookie["name"] for cookie in page.context.cookies()] == ["session"]


def test_a_user_whom_the_server_refused_is_set_again_by_the_next_page(
    open_page: Open, site: Site, server: Server
) -> None:
    site.head = script("window.chatwootSettings = {baseDomain: 'shop.localhost'};") + site.head
    server.refuses = True
    page = open_page("ann")
    wait_until(page, lambda: len(server.set_users) == 1)
    wait_until(page, lambda: page.evaluate(USER_COOKIE) is None)
    server.refuses = False
    page.reload()
    wait_until(page, lambda: server.identified == {"c1": "ann"})


def test_a_message_of_another_window_names_no_conversation(open_page: Open, server: Server) -> None:
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    page.evaluate("""postMessage('chatwoot-widget:{"event":"loaded","config":{"authToken":"evil"}}')""")
    wait_until(page, lambda: conversation(page) == "evil")  # the vendor's script takes it
    server.key = "second-key"
    refresh(page)
    wait_until(page, lambda: len(server.set_users) == 2)
    assert (server.set_users[-1][0], conversation(page)) == ("c1", "c1")


def test_a_message_of_another_window_is_not_even_read(open_page: Open, server: Server) -> None:
    """Reading a long one takes minutes. This one cannot be read as text, which would be an uncaught error."""
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    message = "{toString: 1, valueOf: 1}"
    page.evaluate(f"new Promise((done) => {{ addEventListener('message', done); postMessage({message}); }})")
    page.evaluate("new Promise((done) => setTimeout(done))")


def test_an_anonymous_visitor_gets_the_widget_alone(open_page: Open, site: Site, server: Server) -> None:
    site.embed, site.head = ("chatwoot",), ""
    page = open_page(None)
    page.wait_for_function("window.$chatwoot?.hasLoaded")
    assert (server.frames, server.set_users) == (["c1"], [])


@pytest.mark.parametrize("policy", POLICIES)
def test_a_strict_policy_is_respected(open_page: Open, site: Site, server: Server, policy: str) -> None:
    site.embed, site.head = ("chatwoot",), ""
    # The SDK needs the nonce, or its host in the policy. Its frame needs its host in any case.
    sources = "; script-src 'self' https://chat.example" if policy == "self" else ""
    site.use_policy(policy, f"{sources}; frame-src https://chat.example")
    page = open_page("ann")
    wait_for_users(page, server, ("c1", "ann", "Ann"))
    page.evaluate("widgetmw.signOut()")
    wait_until(page, lambda: len(server.frames) == 2)
    assert page.evaluate("seen.violations") == []
