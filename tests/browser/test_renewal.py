"""The open tab keeps its tokens fresh: in time, at once when used, and never as a storm."""

from __future__ import annotations

import pytest

from tests.browser import standins
from tests.browser.conftest import Visit
from tests.browser.simulation import (
    DAY,
    HOUR,
    MINUTE,
    becomes_valid,
    hide,
    is_valid,
    live,
    most_in_a_minute,
    show,
    sleep,
)
from tests.browser.site import Site, answer
from tests.browser.standins import script

CONNECTED = script(standins.DIGITALGENIUS_EMBEDDED)


def test_a_ten_second_token_is_renewed_without_a_reload_and_reaches_the_widget(visit: Visit, site: Site) -> None:
    site.life = 10  # in real time
    site.head = CONNECTED
    page = visit("ann")
    first = page.evaluate("widgetmw.get('digitalgenius')")
    page.wait_for_function("seen.tokens.length")
    assert page.evaluate("Date.now()") < first["expiresAt"]
    fresh = page.evaluate("widgetmw.get('digitalgenius').token")
    assert fresh != first["token"]
    assert page.evaluate("vendor.messages") == [{"name": "auth_token", "payload": fresh}]
    assert page.evaluate("vendor.config.metadata.auth_token") == first["token"]
    assert len(site.asked) == 1


def test_the_request_is_a_plain_get_of_the_same_origin(visit: Visit, site: Site) -> None:
    page = visit("ann")
    page.evaluate("widgetmw.refresh('orlo')")
    headers = site.asked[0].headers
    assert headers["Accept"] == "application/json"
    assert headers["Cookie"].startswith("session=ann")
    assert headers["Sec-Fetch-Site"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("life", [3, 10])
def test_tokens_of_a_few_seconds_are_served_at_their_pace(visit: Visit, site: Site, life: int) -> None:
    site.life = life
    page = visit("ann", clock=True)
    expired = 0
    for _ in range(120):
        live(page, site, 0.25, 0.25)
        expired += not is_valid(page, site)
    assert expired <= 4  # a quarter of a second each, out of half a minute
    assert 30 / life - 2 <= len(site.asked) <= 2.1 * 30 / life


def test_renewal_comes_before_the_expiry_at_a_moment_of_its_own(visit: Visit, site: Site) -> None:
    site.life = HOUR
    moments = set()
    for _ in range(3):
        site.forget()
        site.asked.clear()
        page = visit("ann", clock=True)
        start = site.now()
        sleep(page, site, 0.75 * HOUR)
        live(page, site, 0.25 * HOUR, step=10)
        assert len(site.asked) == 1
        moments.add(round(site.asked[0].at - start))
        page.close()
    assert all(0.8 * HOUR < moment < 0.95 * HOUR for moment in moments)
    assert len(moments) > 1


@pytest.mark.parametrize("skew", [-3 * DAY, 3 * DAY])
def test_a_server_clock_that_differs_does_not_matter(visit: Visit, site: Site, skew: float) -> None:
    site.skew = skew
    site.life = 60
    page = visit("ann", clock=True)
    live(page, site, 5 * MINUTE, step=5)
    assert is_valid(page, site)
    assert 4 <= len(site.asked) <= 7


SET_CLOCK = "(seconds) => { const now = Date.now; Date.now = () => now() + 1000 * seconds; }"


@pytest.mark.parametrize("jump", [-2 * DAY, 2 * DAY])
def test_a_clock_that_is_set_neither_causes_a_storm_nor_stops_renewal(visit: Visit, site: Site, jump: float) -> None:
    site.life = 5 * MINUTE
    page = visit("ann", clock=True)
    live(page, site, MINUTE, step=10)
    page.evaluate(SET_CLOCK, jump)
    live(page, site, 10 * MINUTE, step=10)
    assert is_valid(page, site)
    assert 2 <= len(site.asked) <= 4


def test_a_sleep_that_stopped_the_steady_clock_is_noticed(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    page.evaluate(SET_CLOCK, 8 * HOUR)  # while performance.now stands still
    site.shift += 8 * HOUR
    page.mouse.move(3, 3)
    assert becomes_valid(page, site)


def test_a_token_without_expiry_is_never_renewed(visit: Visit, site: Site) -> None:
    site.vendors = ("orlo",)
    eternal = {"provider": "orlo", "token": "t", "expires_at": None, "refresh_at": None}
    site.facts = {"vendors": {"orlo": {"page": {}, "token": eternal}}}
    page = visit("ann", clock=True)
    assert page.evaluate("widgetmw.get('orlo').expiresAt") is None
    live(page, site, DAY, step=HOUR / 2)
    assert site.asked == []
    site.script = lambda user: answer(200, {"tokens": {"orlo": eternal | {"expires_in": None, "refresh_in": None}}})
    assert page.evaluate("widgetmw.refresh('orlo').then((token) => token === widgetmw.get('orlo'))")
    assert page.evaluate("seen.tokens") == []


# --- idle, hidden, asleep, offline ----------------------------------------------------------------


def test_a_hidden_tab_does_not_renew_and_does_so_when_shown(visit: Visit, site: Site) -> None:
    site.life = 5 * MINUTE
    page = visit("ann", clock=True)
    hide(page)
    live(page, site, HOUR, step=30, active=False)
    assert site.asked == []
    show(page)
    assert becomes_valid(page, site)
    assert len(site.asked) == 1


def test_a_tab_without_input_for_a_quarter_of_an_hour_does_not_renew_until_used(visit: Visit, site: Site) -> None:
    site.life = 5 * MINUTE
    page = visit("ann", clock=True)
    live(page, site, 15 * MINUTE, step=30, active=False)
    renewed = len(site.asked)
    assert 2 <= renewed <= 4
    live(page, site, 3 * HOUR, step=MINUTE, active=False)
    assert len(site.asked) == renewed
    page.mouse.move(1, 1)
    assert becomes_valid(page, site)
    assert len(site.asked) == renewed + 1


def test_after_a_sleep_the_first_use_brings_a_valid_token_within_a_second(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    hide(page)
    sleep(page, site, 10 * HOUR)
    show(page)
    assert becomes_valid(page, site)


def test_a_simulated_week_with_sleep_network_loss_and_a_server_restart(visit: Visit, site: Site) -> None:
    site.head = CONNECTED
    page = visit("ann", clock=True)
    context = page.context

    def use() -> None:
        """The person comes back to the tab: it has a valid token within a second, and so has the widget."""
        page.mouse.click(5, 5)
        assert becomes_valid(page, site), day
        token = page.evaluate("widgetmw.get('digitalgenius').token")
        assert page.evaluate("vendor.messages.at(-1).payload") == token

    for day in range(7):
        sleep(page, site, 8 * HOUR)
        use()
        live(page, site, 2 * HOUR, step=5 * MINUTE)
        use()
        if day % 3 == 0:
            context.set_offline(True)
            live(page, site, 90 * MINUTE, step=5 * MINUTE)
            context.set_offline(False)
        elif day % 3 == 1:
            site.script = lambda user: answer(503, {"error": "token_unavailable"})
            live(page, site, 90 * MINUTE, step=5 * MINUTE)
            site.script = lambda user: None
            site.forget()
            live(page, site, 10, step=5, active=False)
        else:
            hide(page)
            live(page, site, 90 * MINUTE, step=10 * MINUTE, active=False)
            show(page)
        use()
        live(page, site, 5 * HOUR, step=20 * MINUTE, active=False)
    assert most_in_a_minute(site.asked) < 10


def test_coming_back_online_asks_at_once(visit: Visit, site: Site) -> None:
    site.life = 5 * MINUTE
    page = visit("ann", clock=True)
    page.context.set_offline(True)
    live(page, site, 20 * MINUTE, step=10)
    assert not is_valid(page, site)
    page.context.set_offline(False)
    page.wait_for_function("widgetmw.get('orlo').expiresAt > Date.now()")
