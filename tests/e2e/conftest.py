"""The real middleware on a real server, seen by a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.conftest import launch
from tests.servers.conftest import free_port, start, stop

WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (e) => {
  violations.push(`${e.disposition} ${e.effectiveDirective} ${e.blockedURI}`);
});
"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, str]], str]]:
    """Starts the site with an environment; returns its address."""
    running = []

    def make(environ: dict[str, str]) -> str:
        port = free_port()
        words = ["uvicorn", "tests.e2e.app:site", "--port", str(port), "--lifespan", "off", "--log-level", "warning"]
        running.append(start(words, port, environ, tmp_path_factory.mktemp("site") / "log"))
        return f"http://127.0.0.1:{port}"

    yield make
    for process in running:
        stop(process)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    made.set_default_timeout(10_000)
    made.add_init_script(WATCH)
    yield made
    made.close()


@pytest.fixture
def sign_in(context: BrowserContext) -> Callable[[str, str], Page]:
    """Opens a blank tab of somebody who is signed in at an address."""

    def tab(url: str, who: str) -> Page:
        context.add_cookies([{"name": "user", "value": who, "url": url}])
        return context.new_page()

    return tab


def claims(page: Page) -> Any:
    """The claims of DigitalGenius' token in the page, or ``None``."""
    return page.evaluate(
        "() => { const t = window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token;"
        " return t ? JSON.parse(atob(t.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))) : null }"
    )
