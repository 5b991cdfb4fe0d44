"""An open tab renews its tokens: before they expire, at once when it is used again, and without request storms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import fake_vendors
from tests.browser.conftest import Visit
from tests.browser.fake_vendors import script
from tests.browser.simulation import (
    DAY,
    HOUR,
    MINUTE,
    gets_valid_token,
    has_valid_token,
    hide_tab,
    max_requests_per_minute,
    pass_time,
    show_tab,
    sleep,
)
from tests.browser.site import Site, json_response
from tests.combinations import ALL, combine, only_with_all

Profile = Callable[..., BrowserContext]
EMBEDDED = script(fake_vendors.DIGITALGENIUS_EMBEDDED)


def test_a_ten_second_token_is_renewed_without_a_reload_and_reaches_the_widget(visit: Visit, site: Site) -> None:
    site.token_lifetime = 10  # in real time
    site.head = EMBEDDED
    page = visit("ann")
    first = page.evaluate("widgetmw.get('digitalgenius')")
    page.wait_for_function("seen.tokens.length")
    assert page.evaluate("Date.now()") < first["expiresAt"]
    fresh = page.evaluate("widgetmw.get('digitalgenius').token")
    assert fresh != first["token"]
    assert page.evaluate("vendor.messages") == [{"name": "auth_token", "payload": fresh}]
    assert page.evaluate("vendor.config.metadata.auth_token") == first["token"]
    assert len(site.token_requests) == 1


def test_the_request_is_a_plain_get_of_the_same_origin(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate("widgetmw.refresh('orlo')")
    headers = site.token_requests[0].headers
    assert headers["Accept"] == "application/json"
    assert headers["Cookie"].startswith("session=ann")
    assert headers["Sec-Fetch-Site"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("lifetime", [3, 10] if ALL else [3])  # ten seconds are in the test above
def test_tokens_with_a_lifetime_of_seconds_are_renewed_in_time(visit: Visit, site: Site, lifetime: int) -> None:
    site.token_lifetime = lifetime
    page = visit("ann", clock=True)
    start, expired = site.now(), 0
    for _ in range(120):
        pass_time(page, site, 0.25, 0.25)
        expired += not has_valid_token(page, site)
    assert expired <= 4  # at most one second out of thirty
    elapsed = site.now() - start  # on a busy machine more than the simulated thirty seconds
    assert 30 / lifetime - 2 <= len(site.token_requests) <= 2.1 * elapsed / lifetime


def test_a_token_is_renewed_before_its_expiry_with_jitter(profile: Profile, site: Site) -> None:
    site.token_lifetime = HOUR
    moments = []
    for random in (0.01, 0.99):
        site.clear_token_cache()
        site.token_requests.clear()
        context = profile("ann", clock=True)
        context.add_init_script(f"Math.random = () => {random};")
        page = context.new_page()
        page.goto(site.url)
        start = site.now()
        sleep(page, site, 0.75 * HOUR)
        pass_time(page, site, 0.25 * HOUR, step=20)
        assert len(site.token_requests) == 1
        moments.append(site.token_requests[0].at - start)
    assert 0.8 * HOUR < moments[0] < moments[1] - MINUTE < 0.95 * HOUR


@pytest.mark.parametrize("skew", [-3 * DAY, 3 * DAY])
def test_a_server_clock_that_differs_does_not_matter(visit: Visit, site: Site, skew: float) -> None:
    site.skew = skew
    site.token_lifetime = 60
    page = visit("ann", clock=True)
    pass_time(page, site, 5 * MINUTE, step=5)
    assert has_valid_token(page, site)
    assert 4 <= len(site.token_requests) <= 7


def test_an_active_tab_asks_once_an_hour_where_no_token_expires(visit: Visit, site: Site) -> None:
    site.token_lifetime = float("inf")
    page = visit("ann", clock=True)
    assert page.evaluate("widgetmw.get('orlo').expiresAt") is None
    pass_time(page, site, 0.9 * HOUR, step=2 * MINUTE)
    assert len(site.token_requests) == 0
    pass_time(page, site, 2.3 * HOUR, step=2 * MINUTE)
    assert len(site.token_requests) == 3
    page.context.clear_cookies(name="session")
    pass_time(page, site, HOUR, step=2 * MINUTE)
    assert page.evaluate("seen.signedout") == 1


SET_CLOCK = "(seconds) => { const now = Date.now; Date.now = () => now() + 1000 * seconds; }"


@pytest.mark.parametrize("jump", [-2 * DAY, 2 * DAY])
def test_setting_the_clock_neither_causes_a_storm_nor_stops_renewal(visit: Visit, site: Site, jump: float) -> None:
    site.token_lifetime = 5 * MINUTE
    page = visit("ann", clock=True)
    pass_time(page, site, MINUTE, step=10)
    page.evaluate(SET_CLOCK, jump)
    pass_time(page, site, 10 * MINUTE, step=10)
    assert has_valid_token(page, site)
    assert 2 <= len(site.token_requests) <= 4


def test_a_sleep_that_stopped_the_monotonic_clock_is_noticed(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    page.evaluate(SET_CLOCK, 8 * HOUR)  # performance.now stands still meanwhile
    site.clock_offset += 8 * HOUR
    page.mouse.move(3, 3)
    assert gets_valid_token(page, site)


# --- idle, hidden, asleep, offline ----------------------------------------------------------------


def test_a_hidden_tab_renews_only_when_shown(visit: Visit, site: Site) -> None:
    site.token_lifetime = 5 * MINUTE
    page = visit("ann", clock=True)
    hide_tab(page)
    pass_time(page, site, HOUR, step=MINUTE, active=False)
    assert site.token_requests == []
    show_tab(page)
    assert gets_valid_token(page, site)
    assert len(site.token_requests) == 1


def test_a_tab_without_input_for_fifteen_minutes_renews_only_when_used(visit: Visit, site: Site) -> None:
    site.token_lifetime = 5 * MINUTE
    page = visit("ann", clock=True)
    pass_time(page, site, 15 * MINUTE, step=30, active=False)
    before = len(site.token_requests)
    assert 2 <= before <= 4
    pass_time(page, site, 3 * HOUR, step=5 * MINUTE, active=False)
    assert len(site.token_requests) == before
    page.mouse.move(1, 1)
    assert gets_valid_token(page, site)
    assert len(site.token_requests) == before + 1


CONTENT_CHANGES = {
    "body": "document.body.innerHTML = '<p>' + Date.now() + '</p>'",
    "address": "history.replaceState(0, '', '?at=' + Date.now())",
}


@combine(change=CONTENT_CHANGES, is_hidden=[True, False])
def test_content_that_changes_unseen_causes_a_request_only_when_the_tab_is_used(
    visit: Visit, site: Site, change: str, is_hidden: bool
) -> None:
    page = visit("ann", clock=True)
    if is_hidden:
        hide_tab(page)
    else:
        sleep(page, site, 16 * MINUTE)
    page.evaluate(f"setInterval(() => {{ {CONTENT_CHANGES[change]}; }}, 20000); 0")
    pass_time(page, site, 5 * MINUTE, step=5, active=False)
    assert site.token_requests == []
    if is_hidden:
        show_tab(page)
    else:
        page.mouse.move(1, 1)
    pass_time(page, site, 2, step=1, active=False)
    assert len(site.token_requests) == 1


def test_after_a_sleep_the_tab_has_a_valid_token_within_a_second(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    hide_tab(page)
    sleep(page, site, 10 * HOUR)
    show_tab(page)
    assert gets_valid_token(page, site)


@only_with_all
def test_a_week_with_sleep_network_loss_and_a_server_restart(visit: Visit, site: Site) -> None:
    site.head = EMBEDDED
    page = visit("ann", clock=True)
    context = page.context

    def use() -> None:
        """The user returns: tab and widget have a valid token within a second."""
        page.mouse.click(5, 5)
        assert gets_valid_token(page, site), day
        token = page.evaluate("widgetmw.get('digitalgenius').token")
        assert page.evaluate("vendor.messages.at(-1).payload") == token

    for day in range(7):
        sleep(page, site, 8 * HOUR)
        use()
        pass_time(page, site, 2 * HOUR, step=5 * MINUTE)
        use()
        if day % 3 == 0:
            context.set_offline(True)
            pass_time(page, site, 90 * MINUTE, step=5 * MINUTE)
            context.set_offline(False)
        elif day % 3 == 1:
            site.endpoint_override = lambda user: json_response(503, {"error": "token_unavailable"})
            pass_time(page, site, 90 * MINUTE, step=5 * MINUTE)
            site.endpoint_override = lambda user: None
            site.clear_token_cache()
            pass_time(page, site, 10, step=5, active=False)
        else:
            hide_tab(page)
            pass_time(page, site, 90 * MINUTE, step=10 * MINUTE, active=False)
            show_tab(page)
        use()
        pass_time(page, site, 5 * HOUR, step=20 * MINUTE, active=False)
    assert max_requests_per_minute(site.token_requests) < 10


def test_a_request_is_made_at_once_when_back_online(visit: Visit, site: Site) -> None:
    site.token_lifetime = 5 * MINUTE
    page = visit("ann", clock=True)
    page.context.set_offline(True)
    pass_time(page, site, 20 * MINUTE, step=10)
    assert not has_valid_token(page, site)
    page.context.set_offline(False)
    assert gets_valid_token(page, site)
