"""The open tab keeps its tokens fresh: in time, at once when used, and never as a storm."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser import standins
from tests.browser.conftest import Visit
from tests.browser.simulation import DAY, HOUR, MINUTE, becomes_valid, hide, is_valid, live, most_in_a_minute, show, sleep
from tests.browser.site import Reply, Site, answer
from tests.browser.standins import script

CONNECTED = script(standins.DIGITALGENIUS_EMBEDDED)


def test_a_ten_second_token_is_renewed_without_a_reload_and_reaches_the_widget(visit: Visit, site: Site) -> None:
    site.life = 10
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


@pytest.mark.parametrize("life", [3, 5, 10])
def test_tokens_of_a_few_seconds_are_served_at_their_pace(visit: Visit, site: Site, life: int) -> None:
    site.life = life
    page = visit("ann", clock=True)
    expired = 0
    for _ in range(60 * 4):
        live(page, site, 0.25, 0.25)
        expired += not is_valid(page, site)
    assert expired <= 4  # a quarter of a second each, out of a minute
    assert len(site.asked) <= 2.1 * MINUTE / life
    assert len(site.asked) >= MINUTE / life - 2


def test_renewal_comes_before_the_expiry_at_a_moment_of_its_own(visit: Visit, site: Site) -> None:
    site.life = HOUR
    moments = set()
    for _ in range(3):
        site.forget()
        site.asked.clear()
        page = visit("ann", clock=True)
        start = site.now()
        live(page, site, HOUR, step=MINUTE)
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


@pytest.mark.parametrize("jump", [-2 * DAY, 2 * DAY])
def test_a_clock_that_is_set_causes_no_storm(visit: Visit, site: Site, jump: float) -> None:
    page = visit("ann", clock=True)
    live(page, site, MINUTE, step=10)
    page.evaluate("(jump) => { const now = Date.now; Date.now = () => now() + jump; }", jump * 1000)
    live(page, site, 10 * MINUTE, step=10)
    assert len(site.asked) <= 1


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


# --- idle, hidden, asleep, offline ------------------------------------------------------------------------------------


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


# --- an endpoint that misbehaves --------------------------------------------------------------------------------------


def expired(user: str | None) -> Reply:
    dead = {"token": "dead", "expires_at": 5, "refresh_at": 4, "expires_in": 0, "refresh_in": 0}
    return answer(200, {"user": f"mark-of-{user}", "tokens": {"digitalgenius": dead | {"provider": "digitalgenius"}}})


def short_lived() -> Callable[[str | None], Reply]:
    numbers = iter(range(100_000))

    def serve(user: str | None) -> Reply:
        token = {"token": f"t{next(numbers)}", "expires_at": 10, "refresh_at": 9, "expires_in": 1, "refresh_in": 0}
        return answer(200, {"user": f"mark-of-{user}", "tokens": {"digitalgenius": token}})

    return serve


MISBEHAVIOURS: dict[str, Callable[[str | None], Reply]] = {
    "unavailable": lambda user: answer(503, {"error": "token_unavailable"}),
    "broken": lambda user: Reply(500, b"oops"),
    "forbidden": lambda user: answer(403, {"error": "cross_site"}),
    "gone": lambda user: Reply(404, b"not here"),
    "no json": lambda user: Reply(200, b"<html>login</html>", {"Content-Type": "text/html"}),
    "other json": lambda user: answer(200, [1, 2, 3]),
    "null": lambda user: answer(200, None),
    "no tokens": lambda user: answer(200, {"user": f"mark-of-{user}", "tokens": {}, "errors": {"orlo": {}}}),
    "odd tokens": lambda user: answer(200, {"tokens": {"digitalgenius": None, "orlo": 7, "giosg": {"token": 3}}}),
    "redirect": lambda user: Reply(302, b"", {"Location": "/login"}),
    "not modified": lambda user: Reply(304),
    "already expired": expired,
    "one second": short_lived(),
}


@pytest.mark.parametrize("script", MISBEHAVIOURS.values(), ids=MISBEHAVIOURS.keys())
def test_a_broken_endpoint_sees_fewer_than_ten_requests_a_minute(
    visit: Visit, site: Site, script: Callable[[str | None], Reply]
) -> None:
    site.life = 20
    page = visit("ann", clock=True)
    before = page.evaluate("widgetmw.get('hissuno')")
    site.script = script
    live(page, site, 100, step=2)
    assert most_in_a_minute(site.asked) < 10
    assert len(site.asked) >= 3
    assert page.evaluate("widgetmw.get('hissuno')") == before
    assert page.evaluate("seen.signedout") == 0
    site.script = lambda user: None
    live(page, site, 30, step=2)
    assert is_valid(page, site)


def test_requests_get_rarer_while_nobody_uses_the_broken_chat(visit: Visit, site: Site) -> None:
    site.life = 20
    page = visit("ann", clock=True)
    site.script = MISBEHAVIOURS["unavailable"]
    live(page, site, 10 * MINUTE, step=5, active=False)
    times = [request.at for request in site.asked]
    assert len(times) <= 10
    assert times[-1] - times[-2] > 4 * (times[1] - times[0])


def test_an_endpoint_that_hangs_is_given_up(visit: Visit, site: Site) -> None:
    site.life = 20
    page = visit("ann", clock=True)
    hanging: list[object] = []
    page.route("**/_widgetmw/token", lambda route: hanging.append(route))
    live(page, site, 3 * MINUTE, step=5)
    assert 3 <= len(hanging) < 20
    page.unroute("**/_widgetmw/token")
    live(page, site, MINUTE, step=5)
    assert is_valid(page, site)


def test_refresh_in_a_loop_makes_fewer_than_ten_requests_a_minute(visit: Visit, site: Site) -> None:
    site.life = 10
    page = visit("ann", clock=True)
    page.evaluate(
        "window.loop = async () => { while (!window.stop) await widgetmw.refresh('orlo').catch(() => {}); }; loop(); 0"
    )
    live(page, site, 2 * MINUTE, step=1)
    page.evaluate("window.stop = true")
    assert most_in_a_minute(site.asked) < 10
    assert is_valid(page, site)


def test_concurrent_refreshes_share_one_request(visit: Visit, site: Site) -> None:
    page = visit("ann")
    calls = "Promise.all(Array.from({length: 50}, (_, i) => widgetmw.refresh(['orlo', 'giosg'][i % 2])))"
    assert page.evaluate(f"{calls}.then((tokens) => tokens.length)") == 50
    assert len(site.asked) == 1


def test_refresh_tells_why_there_is_no_token(visit: Visit, site: Site) -> None:
    page = visit("ann")
    failed = "(name) => widgetmw.refresh(name).then(() => 'fine', (error) => error.message)"
    assert page.evaluate(failed, "intercom") == "widgetmw: no token for intercom"
    site.script = MISBEHAVIOURS["unavailable"]
    assert page.evaluate(failed, "orlo") == "widgetmw: no answer"


def test_a_vendor_that_failed_on_the_server_is_asked_for_again(visit: Visit, site: Site) -> None:
    data = site.data("ann")
    assert data
    del data["vendors"]["orlo"]["token"]
    site.facts = {"vendors": data["vendors"]}
    made = site.tokens("ann", relative=True)
    orlo = made.pop("orlo")
    site.script = lambda user: answer(200, {"user": "mark-of-ann", "tokens": made, "errors": {"orlo": {}}})
    page = visit("ann", clock=True)
    live(page, site, 30, step=1)
    assert 2 <= len(site.asked) < 8
    assert page.evaluate("widgetmw.get('orlo')") is None
    made["orlo"] = orlo
    live(page, site, MINUTE, step=1)
    assert page.evaluate("orloData.length") == 1


# --- many tabs --------------------------------------------------------------------------------------------------------


def test_twenty_tabs_make_one_renewal(profile: Callable[..., BrowserContext], site: Site) -> None:
    site.life = 15
    context = profile("ann")
    pages = [context.new_page() for _ in range(20)]
    for page in pages:
        page.goto(site.url)
    site.forget()
    for page in pages:
        page.wait_for_function("seen.tokens.length", timeout=30_000)
    assert len(site.asked) == 1
    assert len({page.evaluate("widgetmw.get('orlo').token") for page in pages}) == 1


def test_twenty_tabs_that_wake_together_make_one_renewal(profile: Callable[..., BrowserContext], site: Site) -> None:
    site.delivery = "fetch"
    context = profile("ann")
    pages = [context.new_page() for _ in range(20)]
    for page in pages:
        page.goto("about:blank")
    site.script = lambda user: time.sleep(1.5)  # type: ignore[func-returns-value]
    for page in pages:
        page.goto(site.url, wait_until="commit")
    for page in pages:
        page.wait_for_function("window.seen && seen.tokens.length")
    assert len(site.asked) <= 2


def test_without_locks_and_channel_every_tab_manages_for_itself(
    profile: Callable[..., BrowserContext], site: Site
) -> None:
    site.life = 6
    context = profile("ann")
    context.add_init_script("delete window.BroadcastChannel; delete Navigator.prototype.locks;")
    pages = [context.new_page() for _ in range(2)]
    for page in pages:
        page.goto(site.url)
    for page in pages:
        page.wait_for_function("seen.tokens.length", timeout=15_000)
    assert len(site.asked) == 2


# --- fetch delivery ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["inline", "bundled", "external"])
def test_fetch_delivery_brings_the_token_by_the_same_ways(visit: Visit, site: Site, form: str) -> None:
    site.form = form  # type: ignore[assignment]
    site.delivery = "fetch"
    site.head = CONNECTED
    site.body = '<a id="chat" data-widgetmw-giosg>chat</a>'
    page = visit("ann")
    page.wait_for_function("seen.tokens.length === 4")
    tokens = site.tokens("ann", relative=False)
    assert page.evaluate("vendor.messages.at(-1).payload") == tokens["digitalgenius"]["token"]
    assert page.evaluate("HISSUNO_WIDGET_CONFIG.userId") == "ann"
    assert page.evaluate("orloData") == [[tokens["orlo"]["token"], "o-1"]]
    assert page.get_attribute("#chat", "href") == tokens["giosg"]["url"]
    assert tokens["orlo"]["token"] not in page.content()


def test_fetch_delivery_asks_again_when_the_endpoint_was_down_at_first(visit: Visit, site: Site) -> None:
    site.delivery = "fetch"
    site.script = MISBEHAVIOURS["unavailable"]
    page = visit("ann", clock=True)
    live(page, site, 20, step=1)
    assert page.evaluate("widgetmw.get('orlo')") is None
    site.script = lambda user: None
    live(page, site, MINUTE, step=1)
    assert is_valid(page, site)
