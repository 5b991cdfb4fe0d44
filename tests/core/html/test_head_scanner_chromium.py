"""In Chromium, with scripts enabled: the document, mode and encoding stay the same, and our script runs."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.chromium import launch
from tests.combinations import ALL, combine
from tests.core.html.pages import PAGES, UNDECLARED_PAGES, locate, split
from tests.core.html.test_meta_charset import AFTER, BEFORE, FILLERS, page_with_meta_at
from widgetmw.core.reasons import SkipReason

# As long as a real one, so that what follows is pushed out of the first 1,024 bytes.
SCRIPT = b"<script data-widgetmw>/*%b*/ window.ran = document.scripts.length;</script>" % (b"function () {} " * 200)

LOOK = """() => {
    const ours = node => node.nodeName === "SCRIPT" && node.hasAttribute("data-widgetmw");
    const within = node => node.nodeName === "TEMPLATE" ? node.content.childNodes : node.childNodes;
    const inside = node => [...within(node)].filter(child => !ours(child)).map(seen);
    const seen = node => [node.nodeName, node.namespaceURI ?? "", node.nodeValue ?? "", node.publicId ?? "",
        [...(node.attributes ?? [])].map(({name, value}) => [name, value]), inside(node)];
    const script = document.querySelector("script");
    return {
        document: [seen(document), document.compatMode, document.characterSet],
        ours: [script !== null && ours(script) && script.parentNode === document.head, window.ran ?? 0],
    };
}"""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content_type, page = self.server.pages.get(self.path, ("text/plain", b""))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        pass


class Chromium:
    """Loads pages in Chromium. Each test takes two page loads, so `make test` has a sample of the pages."""

    def __init__(self, tab: Page, server: ThreadingHTTPServer) -> None:
        self.tab, self.server = tab, server
        self.pages: dict[str, tuple[str, bytes]] = {}
        server.pages = self.pages  # type: ignore[attr-defined]

    def look(self, page: bytes, content_type: str) -> dict[str, Any]:
        """Returns what the browser makes of a page."""
        path = f"/{len(self.pages)}"
        self.pages[path] = content_type, page
        self.tab.goto(f"http://127.0.0.1:{self.server.server_port}{path}")
        found: dict[str, Any] = self.tab.evaluate(LOOK)
        return found

    def assert_same_document(self, page: bytes, charset_declared: bool) -> str:
        """Compares a page with and without our script; returns its encoding."""
        content_type = "text/html; charset=windows-1252" if charset_declared else "text/html"
        offset, reason = locate(page, charset_declared)
        assert reason is None
        before = self.look(page, content_type)
        after = self.look(page[:offset] + SCRIPT + page[offset:], content_type)
        assert after["document"] == before["document"]
        assert before["ours"] == [False, 0]
        assert after["ours"] == [True, 1]  # ours was the only script when it ran
        encoding: str = after["document"][2]
        return encoding


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield Chromium(browser.new_page(), server)
        browser.close()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", sorted(PAGES) if ALL else sorted(PAGES)[::4])
def test_a_difficult_page_stays_the_same_document(chromium: Chromium, name: str) -> None:
    chromium.assert_same_document(split(PAGES[name])[0], charset_declared=True)


@pytest.mark.parametrize("name", UNDECLARED_PAGES if ALL else sorted(UNDECLARED_PAGES)[::2])
def test_a_page_that_declares_its_charset_keeps_it(chromium: Chromium, name: str) -> None:
    chromium.assert_same_document(split(UNDECLARED_PAGES[name])[0], charset_declared=False)


@combine(filler=FILLERS, offset=[900, 1003, 1004, 1023, 1024, 1025, 3000])
def test_the_charset_counts_wherever_it_is_in_the_head(chromium: Chromium, offset: int, filler: str) -> None:
    assert chromium.assert_same_document(page_with_meta_at(offset, FILLERS[filler]), charset_declared=False) == "UTF-8"


def test_a_script_before_the_charset_would_change_the_encoding(chromium: Chromium) -> None:
    page = BEFORE + b"</head><body>" + b"<meta charset=koi8-r>" + AFTER
    assert chromium.look(page, "text/html")["document"][2] == "KOI8-R"
    assert chromium.look(BEFORE + SCRIPT + page[len(BEFORE) :], "text/html")["document"][2] != "KOI8-R"
    assert locate(page, charset_declared=False)[1] is SkipReason.CHARSET_LATE
