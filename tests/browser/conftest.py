"""Fixtures: one Chromium, driven by Playwright, for all tests here, and a tab that most tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.browser.site import Site
from tests.chromium import launch, launch_with_bfcache


# Not for the whole session: while Playwright's sync API runs, no test can run an event loop in this thread.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = launch(playwright)
    yield running
    running.close()


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


#: Opens a page as a signed-in user or anonymously: in the shared tab, in ``context``, or with a clock of its own.
Visit = Callable[..., Page]
#: Creates a profile, signed in as a user or anonymous; optionally with a fake clock.
Profile = Callable[..., BrowserContext]
#: Returns the shared tab, signed in as a user or anonymous.
Tab = Callable[..., Page]

RECORDER = """
window.seen = {tokens: [], signedout: 0, violations: [], requests: 0, pending: 0};
const realTimeout = setTimeout;
seen.delay = (milliseconds) => new Promise((resolve) => realTimeout(resolve, milliseconds));
const originalFetch = window.fetch;
window.fetch = async (...values) => {
  seen.requests++;
  seen.pending++;
  try {
    const response = await originalFetch(...values);
    await response.clone().arrayBuffer();
    return response;
  } finally {
    seen.pending--;
  }
};
addEventListener("widgetmw:token", (event) => seen.tokens.push(event.detail));
addEventListener("widgetmw:signedout", () => seen.signedout++);
addEventListener("securitypolicyviolation", (event) => seen.violations.push(event.violatedDirective));
"""


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """The uncaught errors and rejections of the pages. One fails the test."""
    uncaught: list[str] = []
    yield uncaught
    assert uncaught == []


@pytest.fixture
def profile(browser: Browser, site: Site, errors: list[str]) -> Iterator[Profile]:
    """Creates profiles."""
    contexts: list[BrowserContext] = []

    def make(user: str | None = None, clock: bool = False) -> BrowserContext:
        context = new_context(browser)
        contexts.append(context)
        if clock:
            # A clock that is only installed runs, in addition to what a test adds to it.
            stopped_at = site.stop_clock()
            context.clock.install(time=stopped_at - 60)
            context.clock.pause_at(stopped_at)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        if user:
            sign_in(context, site, user)
        return context

    yield make
    for context in contexts:
        context.close()


def new_context(browser: Browser) -> BrowserContext:
    context = browser.new_context()
    context.set_default_timeout(60_000)  # the machine may be busy
    context.add_init_script(RECORDER)  # before a fake clock, since it keeps a real timer
    return context


class SharedTab:
    """A tab that tests use one after another: a new profile takes more processor time than a page in it.

    Each test has a site with a host of its own, so its pages see neither cookies nor storage of an earlier test.
    """

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._errors: list[str] = []
        context.on("weberror", lambda error: self._errors.append(str(error.error)))

    def take(self, site: Site, user: str | None, errors: list[str]) -> Page:
        """Returns the tab, signed in. Uncaught errors of its pages are added to ``errors``."""
        self._errors = errors
        if user:
            sign_in(self._context, site, user)
        return self._context.pages[0] if self._context.pages else self._context.new_page()

    def release(self) -> None:
        """Removes the routes of the test, and the tabs that its pages have opened."""
        self._context.unroute_all()
        self._context.clear_cookies()  # a browser keeps only so many of one domain
        for page in self._context.pages[:1]:
            page.unroute_all()
        for page in self._context.pages[1:]:
            page.close()


@pytest.fixture(scope="package")
def shared_tab(browser: Browser) -> Iterator[SharedTab]:
    context = new_context(browser)
    yield SharedTab(context)
    context.close()


@pytest.fixture
def tab(shared_tab: SharedTab, site: Site, errors: list[str]) -> Iterator[Tab]:
    """Gives the shared tab to a test that needs one profile, of which it changes nothing but cookies and routes."""
    taken: list[Page] = []

    def take(user: str | None = None) -> Page:
        assert not taken, "a second tab needs a profile"
        taken.append(shared_tab.take(site, user, errors))
        return taken[0]

    yield take
    if taken:
        shared_tab.release()


@dataclass(frozen=True)
class Loader:
    """A vendor's script, as its host serves it.

    Attributes:
        url: of the script, or a pattern.
        code: a stand-in for it.
    """

    url: str
    code: str

    def serve(self, page: Page) -> None:
        """Serves it to all tabs of the page's browser. The element may ask for CORS."""
        headers = {"Access-Control-Allow-Origin": "*"}
        page.context.route(self.url, lambda route: route.fulfill(body=self.code, headers=headers))

    def block(self, page: Page) -> None:
        """Lets requests for it fail from now on."""
        page.context.unroute(self.url)
        page.context.route(self.url, lambda route: route.abort())


#: Opens a page for a user or an anonymous visitor, in the shared tab, or in a further tab of ``context``.
Open = Callable[..., Page]


@pytest.fixture
def open_page(tab: Tab, site: Site, loader: Loader) -> Open:
    """Opens pages of a browser that gets the script of the vendor under test."""

    def open_page(user: str | None, context: BrowserContext | None = None) -> Page:
        if context is None:
            page = tab(user)
            loader.serve(page)
        else:
            page = context.new_page()
        page.goto(site.url)
        return page

    return open_page


def sign_in(context: BrowserContext, site: Site, user: str) -> None:
    context.add_cookies([{"name": "session", "value": user, "url": site.url}])


def sign_out(context: BrowserContext) -> None:
    context.clear_cookies(name="session")


@pytest.fixture(scope="package")
def bfcache_browser(playwright: Playwright) -> Iterator[Browser]:
    running = launch_with_bfcache(playwright)
    yield running
    running.close()


@pytest.fixture
def bfcache_context(bfcache_browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """A profile of that browser, signed in as ann. Its pages record whether they were restored from the cache."""
    context = bfcache_browser.new_context()
    context.add_init_script(
        RECORDER + "addEventListener('pageshow', (event) => { window.persisted = event.persisted; });"
    )
    sign_in(context, site, "ann")
    yield context
    context.close()


@pytest.fixture
def visit(profile: Profile, tab: Tab, site: Site) -> Visit:
    def open_page(
        user: str | None = None, path: str = "/", context: BrowserContext | None = None, clock: bool = False
    ) -> Page:
        page = (context or profile(user, clock)).new_page() if context or clock else tab(user)
        page.goto(site.url + path)
        return page

    return open_page
