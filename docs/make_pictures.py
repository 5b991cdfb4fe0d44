"""Takes the screenshot in the README: ``python -m docs.make_pictures``, from the root of the repository.

Needs Chromium and the ``dev`` dependencies. Run it after a visible change to the demo.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.chromium import launch
from widgetmw.demo.server import create_server

_VIEWPORT = {"width": 1180, "height": 880}


def main() -> None:
    """Writes ``docs/demo.png``."""
    server, url = create_server(port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            page = browser.new_page(viewport=_VIEWPORT, color_scheme="light", locale="en-US")
            _show_verified_chat(page, url)
            page.screenshot(path=Path(__file__).with_name("demo.png"))
            browser.close()
    finally:
        server.shutdown()
        thread.join()


def _show_verified_chat(page: Page, url: str) -> None:
    page.goto(f"{url}/hissuno")
    page.locator("button[value=ada]").click()
    expect(page.locator("#verdict")).to_have_attribute("data-state", "verified")
    page.get_by_label("Your message").fill("Who am I?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".message.shop")).to_have_count(2)
    page.mouse.click(5, 5)  # takes the focus ring off the message field
    expect(page.locator("#renewal")).to_have_text(re.compile(r"^1[0-4] s$"), timeout=20_000)


if __name__ == "__main__":
    main()
