"""Lets time pass for pages whose profile has a fake clock, and waits for what takes real time."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser.site import CHANNEL, KEY, Site, TokenRequest

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0
# For what takes real time, however slow the machine is.
REAL_TIMEOUT = 30.0

# A lock that is requested while no other tab holds it is about to be granted; its owner then sends a request.
# Three times in a row: the runtime handles a response a moment after it has arrived.
IS_IDLE = """
async ([isActive, awaitResponses]) => {
  if (isActive) document.dispatchEvent(new Event("pointermove", {bubbles: true}));
  let tries = 100;
  for (let times = 0; times < 3; times++) {
    const {held, pending} = await navigator.locks.query();
    if ((pending.length && !held.length) || (awaitResponses && seen.pending)) {
      if (--tries < 0) return false;
      await seen.delay(4);
      times = -1;
      continue;
    }
    // Not a timer of the page: its clock stands still.
    const {port1, port2} = new MessageChannel();
    await new Promise((resolve) => { port1.onmessage = resolve; port2.postMessage(0); });
    port1.close();
  }
  return true;
}
"""

# What another tab does at a sign-out, of which a tab that was frozen meanwhile learns late.
LATE_SIGN_OUT = (
    f"localStorage.removeItem('{KEY}');"
    f"new BroadcastChannel('{CHANNEL}').postMessage({{type: 'signout', at: Date.now() - 9000, pending: []}});"
)
PENDING = f"localStorage['{KEY}:pending']"
LOCK_IS_FREE = "navigator.locks.query().then(({held, pending}) => !held.length && !pending.length)"


def pass_time(
    page: Page, site: Site, seconds: float, step: float = 1.0, active: bool = True, responses: bool = True
) -> None:
    """Lets time pass for the browser and the server.

    Args:
        step: by how many seconds the clocks go forward at a time.
        active: whether the user moves the pointer after each step.
        responses: whether the endpoint responds; if not, requests stay pending.
    """
    clock = page.context.clock
    for _ in range(round(seconds / step)):
        site.clock_offset += step
        # A long step is a single jump. Otherwise a request, which takes real time, would find its timeout expired.
        (clock.run_for if step <= 5 else clock.fast_forward)(round(step * 1000))
        wait_for_requests(page, responses, active)


def sleep(page: Page, site: Site, seconds: float) -> None:
    """Puts the machine to sleep: no timer fires until it wakes up, then each fires once."""
    site.clock_offset += seconds
    page.context.clock.fast_forward(round(seconds * 1000))
    wait_for_requests(page)


def wait_for_requests(page: Page, responses: bool = True, active: bool = False) -> None:
    """Waits until all requests that are due have been sent and, unless ``responses`` is false, have completed.

    If ``active``, the user moves the pointer first. In the same call: one into the browser takes most of a step's time.
    """
    deadline = time.monotonic() + REAL_TIMEOUT
    while not page.evaluate(IS_IDLE, [active, responses]):
        if time.monotonic() > deadline:
            raise TimeoutError("a request is still pending")
        active = False
        page.wait_for_timeout(4)


def wait_until(page: Page, condition: Callable[[], object]) -> None:
    """Waits for something outside of the page, for example a request."""
    deadline = time.monotonic() + REAL_TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the condition is still false")
        page.wait_for_timeout(5)


def wait_for_lock_release(page: Page) -> None:
    """Waits until the lock is free: the runtime holds it a moment longer than the request takes."""
    # Not `wait_for_function`: it takes a promise for true.
    wait_until(page, lambda: page.evaluate(LOCK_IS_FREE))


def hide_tab(page: Page) -> None:
    page.evaluate("Object.defineProperty(document, 'visibilityState', {get: () => 'hidden', configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")


def show_tab(page: Page) -> None:
    page.evaluate(
        "delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
    )


def sign_out_elsewhere(page: Page, site: Site, vendor: str, age: int) -> None:
    """Lets the page learn of a sign-out in another tab, some milliseconds later.

    That tab could not clean up what is the vendor's when it sent the message, and has done so since.
    """
    other = page.context.new_page()
    other.goto(site.url + "/chat")
    message = f"{{type: 'signout', at: Date.now() - {age}, pending: ['{vendor}']}}"
    other.evaluate(f"new BroadcastChannel('{CHANNEL}').postMessage({message})")
    page.wait_for_function("seen.signedout")


def await_promise(page: Page, site: Site, promise: str) -> object:
    """Returns what the promise is resolved with, after letting pass the time that it needs."""
    page.evaluate(f"{promise}.then((value) => {{ window.settled = {{value}}; }}); 0")
    wait_for_requests(page)
    for _ in range(60):
        if settled := page.evaluate("window.settled"):
            page.evaluate("delete window.settled")
            return settled["value"]
        pass_time(page, site, 1)
    raise TimeoutError("the promise is still pending")


def max_requests_per_minute(requests: list[TokenRequest]) -> int:
    """Returns the largest number of requests in any sixty seconds."""
    times = [request.at for request in requests]
    return max((sum(start <= time < start + MINUTE for time in times) for start in times), default=0)


def gets_valid_token(page: Page, site: Site) -> bool:
    """Whether the page has a valid token within one second of the fake clock."""
    wait_for_requests(page)
    for _ in range(10):
        if has_valid_token(page, site):
            return True
        pass_time(page, site, 0.1, step=0.1, active=False)
    return has_valid_token(page, site)


def has_valid_token(page: Page, site: Site) -> bool:
    """Whether the page holds a token that has not expired by the server's clock."""
    expires_at: float = page.evaluate("widgetmw.get('digitalgenius')?.expires_at ?? 0")
    return expires_at > site.now()
