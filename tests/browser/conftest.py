"""Fixtures: one Chromium, driven by Playwright, for all tests here, and a new profile for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


#: Opens a page as a signed-in user or anonymously, in a new profile or in ``context``.
Visit = Callable[..., Page]

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
def profile(browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Creates profiles. An uncaught error or rejection in one of their pages fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(user: str | None = None, clock: bool = False) -> BrowserContext:
        context = browser.new_context()
        context.set_default_timeout(60_000)  # the machine may be busy
        contexts.append(context)
        context.add_init_script(RECORDER)  # before the clock, since it keeps a real timer
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
    assert errors == []


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
def visit(profile: Callable[..., BrowserContext], site: Site) -> Visit:
    def open_page(
        user: str | None = None, path: str = "/", context: BrowserContext | None = None, clock: bool = False
    ) -> Page:
        page = (context or profile(user, clock)).new_page()
        page.goto(site.url + path)
        return page

    return open_page
