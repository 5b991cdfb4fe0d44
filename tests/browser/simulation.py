"""Time, sleep, and other people's tabs, for pages whose profile has a fake clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser.site import Asked, Site

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0


def live(page: Page, site: Site, seconds: float, step: float = 1.0, active: bool = True) -> None:
    """Lets time pass for browser and server, with somebody moving the pointer now and then."""
    clock = page.context.clock
    for number in range(round(seconds / step)):
        site.shift += step
        # a long step at once: else it would leave requests, which take real time, no time at all
        (clock.run_for if step <= 5 else clock.fast_forward)(round(step * 1000))
        if active:
            page.mouse.move(number % 50, 10)
        settle(page)


def sleep(page: Page, site: Site, seconds: float) -> None:
    """The machine sleeps: no timer fires until it wakes, then each once."""
    site.shift += seconds
    page.context.clock.fast_forward(round(seconds * 1000))
    settle(page)


def settle(page: Page) -> None:
    """Lets requests under way come to their end: they take real time."""
    for _ in range(60):
        page.wait_for_timeout(8)
        if not page.evaluate("seen.busy"):
            return


def until(page: Page, condition: Callable[[], object]) -> None:
    """Waits for what happens outside of the page, a request for instance."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        page.wait_for_timeout(5)


def release_lock(page: Page) -> None:
    """Waits for the lock to be released: it is held a moment longer than the request takes."""
    page.wait_for_function("navigator.locks.query().then(({held, pending}) => !held.length && !pending.length)")


def hide(page: Page) -> None:
    page.evaluate("Object.defineProperty(document, 'visibilityState', {get: () => 'hidden', configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")


def show(page: Page) -> None:
    page.evaluate(
        "delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
    )


def most_in_a_minute(asked: list[Asked]) -> int:
    """The largest number of requests in any sixty seconds."""
    times = [request.at for request in asked]
    return max((sum(start <= time < start + MINUTE for time in times) for start in times), default=0)


def becomes_valid(page: Page, site: Site, within: float = 1.0) -> bool:
    """Whether the page comes by such a token in this many (real) seconds."""
    deadline = time.monotonic() + within
    while not is_valid(page, site) and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    return is_valid(page, site)


def is_valid(page: Page, site: Site) -> bool:
    """Whether the page holds a token that has not expired by the server's clock."""
    expires_at: float = page.evaluate("widgetmw.get('digitalgenius')?.expires_at ?? 0")
    return expires_at > site.now()
