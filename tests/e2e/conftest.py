"""The middleware on a real server, visited with a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.chromium import launch
from tests.servers.conftest import free_port, start, stop

RECORD_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (e) => {
  violations.push(`${e.disposition} ${e.effectiveDirective} ${e.blockedURI}`);
});
"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, str]], str]]:
    """Starts the site with the given environment; returns its URL."""
    processes = []

    def make(environ: dict[str, str]) -> str:
        port = free_port()
        words = ["uvicorn", "tests.e2e.app:site", "--port", str(port), "--lifespan", "off", "--log-level", "warning"]
        processes.append(start(words, port, environ, tmp_path_factory.mktemp("site") / "log"))
        return f"http://127.0.0.1:{port}"

    yield make
    for process in processes:
        stop(process)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    context.add_init_script(RECORD_VIOLATIONS)
    yield context
    context.close()


@pytest.fixture
def sign_in(context: BrowserContext) -> Callable[[str, str], Page]:
    """Opens a blank tab of a user who is signed in at a URL."""

    def open_tab(url: str, user_id: str) -> Page:
        context.add_cookies([{"name": "user", "value": user_id, "url": url}])
        return context.new_page()

    return open_tab


class _Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """Logs nothing."""


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serves a WSGI app of the test itself. Returns the server's URL, which ends with the port."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def claims(page: Page) -> Any:
    """The claims of DigitalGenius' token in the page, or ``None``."""
    return page.evaluate(
        "() => { const t = window.DG_CHAT_WIDGET_CONFIG?.metadata?.auth_token;"
        " return t ? JSON.parse(atob(t.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))) : null }"
    )
