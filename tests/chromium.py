"""Starts Chromium for the tests, without a window."""

from __future__ import annotations

from playwright.sync_api import Browser, Playwright, expect

from tests.components import find
from tests.conftest import require

expect.set_options(timeout=60_000)  # milliseconds; the machine may be busy

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# These save a third of the processor time of a page: a document may reuse the frame of the one before, and tabs share a
# process. The first replaces Playwright's own switch of that name, of which screenshots need the other feature.
_CHEAP_PAGES = (
    "--enable-features=CDPScreenshotNewSurface,RenderDocument:level/crashed-frame",
    "--renderer-process-limit=1",
)


def launch(playwright: Playwright) -> Browser:
    """Starts Chromium; skips the test if it is not installed.

    The headless shell, which is Chromium without its user interface, needs a third of the processor time.
    """
    program = find("chromium-headless-shell") or require("chromium")
    return playwright.chromium.launch(executable_path=program, args=[*_ARGUMENTS, *_CHEAP_PAGES])


def launch_with_bfcache(playwright: Playwright) -> Browser:
    """Starts Chromium with its back/forward cache, which the headless shell lacks and Playwright disables."""
    switch = "--disable-back-forward-cache"
    program = require("chromium")
    return playwright.chromium.launch(executable_path=program, args=_ARGUMENTS, ignore_default_args=[switch])
