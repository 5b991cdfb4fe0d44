"""However the endpoint misbehaves, and however often a page asks: fewer than ten requests a minute."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Visit
from tests.browser.simulation import MINUTE, is_valid, live, most_in_a_minute
from tests.browser.site import Reply, Site, answer


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
    live(page, site, 80, step=2)
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
    live(page, site, 2 * MINUTE, step=11)
    assert 3 <= len(hanging) < 12
    page.unroute("**/_widgetmw/token")
    live(page, site, MINUTE, step=5)
    assert is_valid(page, site)


def test_a_request_has_its_ten_seconds_for_itself(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    page.evaluate("widgetmw.refresh('orlo')")
    live(page, site, 8, step=4)
    waiting: list[Route] = []
    page.route("**/_widgetmw/token", lambda route: waiting.append(route))
    page.evaluate("window.second = widgetmw.refresh('orlo').then((token) => token.provider); 0")
    live(page, site, 4, step=2)
    waiting[0].continue_()
    assert page.evaluate("second") == "orlo"


def test_refresh_in_a_loop_makes_fewer_than_ten_requests_a_minute(visit: Visit, site: Site) -> None:
    site.life = 10
    page = visit("ann", clock=True)
    page.evaluate(
        "window.loop = async () => { while (!window.enough) await widgetmw.refresh('orlo').catch(() => {}); };loop(); 0"
    )
    live(page, site, 2 * MINUTE, step=1)
    page.evaluate("window.enough = true")
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
    live(page, site, 70, step=1)
    assert 2 <= len(site.asked) < 6
    assert page.evaluate("widgetmw.get('orlo')") is None
    made["orlo"] = orlo
    live(page, site, MINUTE, step=1)
    assert page.evaluate("orloData.length") == 1


def test_a_vendor_that_fails_leaves_the_others_their_pace(visit: Visit, site: Site) -> None:
    site.life = 60

    def failing(user: str | None) -> Reply:
        tokens = site.tokens(str(user), relative=True)
        del tokens["giosg"]
        return answer(200, {"user": f"mark-of-{user}", "tokens": tokens, "errors": {"giosg": {}}})

    site.script = failing
    page = visit("ann", clock=True)
    invalid = 0
    for _ in range(150):
        live(page, site, 2, 2, active=False)
        invalid += not is_valid(page, site)
    assert invalid == 0
    assert len(site.asked) < 25


def test_good_and_expired_answers_in_turn_are_no_storm(visit: Visit, site: Site) -> None:
    site.life = 5
    page = visit("ann", clock=True)
    turn = iter(range(100_000))
    site.script = lambda user: expired(user) if next(turn) % 2 else None
    live(page, site, 2 * MINUTE, step=0.5)
    assert most_in_a_minute(site.asked) <= 15  # the good ones are served, and seven of the others
