"""Fewer than ten requests a minute, however the endpoint misbehaves and however often a page calls `refresh`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Visit
from tests.browser.simulation import MINUTE, has_valid_token, max_requests_per_minute, pass_time, wait_until
from tests.browser.site import Response, Site, json_response
from tests.combinations import ALL


def failed(vendor: str) -> dict[str, str]:
    return {vendor: "token_unavailable"}


def expired(user: str | None) -> Response:
    dead = {"token": "dead", "expires_at": 5, "refresh_at": 4, "expires_in": 0, "refresh_in": 0}
    return json_response(
        200, {"user": f"hash-of-{user}", "tokens": {"digitalgenius": dead | {"provider": "digitalgenius"}}}
    )


def short_lived() -> Callable[[str | None], Response]:
    numbers = iter(range(100_000))

    def serve(user: str | None) -> Response:
        token = {"token": f"t{next(numbers)}", "expires_at": 10, "refresh_at": 9, "expires_in": 1, "refresh_in": 0}
        return json_response(200, {"user": f"hash-of-{user}", "tokens": {"digitalgenius": token}})

    return serve


MISBEHAVIOURS: dict[str, Callable[[str | None], Response]] = {
    "unavailable": lambda user: json_response(503, {"error": "token_unavailable"}),
    "broken": lambda user: Response(500, b"oops"),
    "forbidden": lambda user: json_response(403, {"error": "cross_site"}),
    "gone": lambda user: Response(404, b"not here"),
    "no json": lambda user: Response(200, b"<html>login</html>", {"Content-Type": "text/html"}),
    "other json": lambda user: json_response(200, [1, 2, 3]),
    "null": lambda user: json_response(200, None),
    "no tokens": lambda user: json_response(200, {"user": f"hash-of-{user}", "tokens": {}, "errors": failed("orlo")}),
    "odd tokens": lambda user: json_response(
        200, {"tokens": {"digitalgenius": None, "orlo": 7, "giosg": {"token": 3}}}
    ),
    "redirect": lambda user: Response(302, b"", {"Location": "/login"}),
    "not modified": lambda user: Response(304),
    "already expired": expired,
    "one second": short_lived(),
}

#: Each takes 50 steps of the clock. The others differ from these in the response only.
TRIED = MISBEHAVIOURS if ALL else ("unavailable", "odd tokens", "already expired", "one second")


@pytest.mark.parametrize("name", TRIED)
def test_a_broken_endpoint_sees_fewer_than_ten_requests_a_minute(visit: Visit, site: Site, name: str) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    before = page.evaluate("widgetmw.get('hissuno')")
    site.endpoint_override = MISBEHAVIOURS[name]
    pass_time(page, site, 80, step=2)
    assert max_requests_per_minute(site.token_requests) < 10
    assert len(site.token_requests) >= 3
    assert page.evaluate("widgetmw.get('hissuno')") == before
    assert page.evaluate("seen.signedout") == 0
    site.endpoint_override = lambda user: None
    pass_time(page, site, 30, step=2)
    assert has_valid_token(page, site)


def test_requests_back_off_while_the_chat_is_not_used(visit: Visit, site: Site) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    site.endpoint_override = MISBEHAVIOURS["unavailable"]
    pass_time(page, site, 10 * MINUTE, step=5, active=False)
    times = [request.at for request in site.token_requests]
    assert len(times) <= 10
    assert times[-1] - times[-2] > 4 * (times[1] - times[0])


def test_a_request_to_an_endpoint_that_hangs_times_out(visit: Visit, site: Site) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    page.route("**/_widgetmw/token", lambda route: None)
    pass_time(page, site, 2 * MINUTE, step=11, responses=False)
    assert 3 <= page.evaluate("seen.requests") < 12
    page.unroute("**/_widgetmw/token")
    pass_time(page, site, MINUTE, step=5)
    assert has_valid_token(page, site)


def test_each_request_has_ten_seconds_of_its_own(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    page.evaluate("widgetmw.refresh('orlo')")
    pass_time(page, site, 8, step=4)
    waiting: list[Route] = []
    page.route("**/_widgetmw/token", lambda route: waiting.append(route))
    page.evaluate("window.second = widgetmw.refresh('orlo').then((token) => token.provider); 0")
    pass_time(page, site, 4, step=2, responses=False)
    wait_until(page, lambda: waiting)
    waiting[0].continue_()
    assert page.evaluate("second") == "orlo"


def test_refresh_in_a_loop_makes_fewer_than_ten_requests_a_minute(visit: Visit, site: Site) -> None:
    site.token_lifetime = 10
    page = visit("ann", clock=True)
    page.evaluate(
        "window.loop = async () => { while (!window.done) await widgetmw.refresh('orlo').catch(() => {}); }; loop(); 0"
    )
    pass_time(page, site, 2 * MINUTE, step=1)
    page.evaluate("window.done = true")
    assert max_requests_per_minute(site.token_requests) < 10
    assert has_valid_token(page, site)


def test_concurrent_refreshes_share_one_request(visit: Visit, site: Site) -> None:
    page = visit("ann")
    calls = "Promise.all(Array.from({length: 50}, (_, i) => widgetmw.refresh(['orlo', 'giosg'][i % 2])))"
    assert page.evaluate(f"{calls}.then((tokens) => tokens.length)") == 50
    assert len(site.token_requests) == 1


def test_refresh_rejects_with_the_reason(visit: Visit, site: Site) -> None:
    page = visit("ann")
    result = "(name) => widgetmw.refresh(name).then(() => 'fine', (error) => error.message)"
    assert page.evaluate(result, "acme") == "widgetmw: no token for acme"
    site.endpoint_override = MISBEHAVIOURS["unavailable"]
    assert page.evaluate(result, "orlo") == "widgetmw: request failed"


def test_a_vendor_that_failed_on_the_server_is_requested_again(visit: Visit, site: Site) -> None:
    data = site.page_data("ann")
    assert data
    del data["vendors"]["orlo"]["token"]
    site.data_overrides = {"vendors": data["vendors"]}
    made = site.tokens("ann", relative=True)
    orlo = made.pop("orlo")
    site.endpoint_override = lambda user: json_response(
        200, {"user": "hash-of-ann", "tokens": made, "errors": failed("orlo")}
    )
    page = visit("ann", clock=True)
    pass_time(page, site, 70, step=1)
    assert 2 <= len(site.token_requests) < 6
    assert page.evaluate("widgetmw.get('orlo')") is None
    made["orlo"] = orlo
    pass_time(page, site, 2 * MINUTE, step=1)
    assert page.evaluate("orloData.length") == 1


def test_a_failing_vendor_does_not_change_the_renewal_of_the_others(visit: Visit, site: Site) -> None:
    site.token_lifetime = 60

    def failing(user: str | None) -> Response:
        tokens = site.tokens(str(user), relative=True)
        del tokens["giosg"]
        return json_response(200, {"user": f"hash-of-{user}", "tokens": tokens, "errors": failed("giosg")})

    site.endpoint_override = failing
    page = visit("ann", clock=True)
    invalid = 0
    for _ in range(150):
        pass_time(page, site, 2, 2, active=False)
        invalid += not has_valid_token(page, site)
    assert invalid == 0
    assert len(site.token_requests) < 25


def without_orlo(site: Site) -> Callable[[str | None], Response]:
    def serve(user: str | None) -> Response:
        tokens = site.tokens(str(user), relative=True)
        del tokens["orlo"]
        body = {"user": f"hash-of-{user}", "now": site.now(), "tokens": tokens, "errors": failed("orlo")}
        return json_response(200, body)

    return serve


def test_a_vendor_that_keeps_failing_is_requested_less_and_less(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    site.endpoint_override = without_orlo(site)
    page.evaluate("widgetmw.refresh('hissuno')")
    pass_time(page, site, 15 * MINUTE, step=5)
    times = [request.at for request in site.token_requests]
    assert 5 <= len(times) <= 8
    assert times[2] - times[1] < 45
    assert times[-1] - times[-2] > 200


def test_an_expired_token_of_a_failing_vendor_is_not_handed_out(visit: Visit, site: Site) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    site.endpoint_override = without_orlo(site)
    pass_time(page, site, 40, step=2)
    for name in ("refresh", "getToken"):
        page.evaluate(f"window.result = widgetmw.{name}('orlo').then(() => 'fine', (error) => error.message); 0")
        pass_time(page, site, MINUTE, step=2)
        assert page.evaluate("result") == "widgetmw: no token for orlo"


def test_the_repeat_of_a_request_that_a_cache_answered_counts(visit: Visit, site: Site) -> None:
    page = visit("ann", clock=True)
    turn = iter(range(10_000))

    def serve(user: str | None) -> Response:
        old = {"user": "hash-of-ann", "now": site.now() - 60, "tokens": site.tokens("ann", relative=True)}
        return json_response(503, {}) if next(turn) % 2 else json_response(200, old)

    site.endpoint_override = serve
    for _ in range(45):
        pass_time(page, site, 2, step=2)
        page.evaluate("void widgetmw.refresh('orlo')")
    assert 3 <= max_requests_per_minute(site.token_requests) < 10


def test_a_clock_that_jumps_does_not_lift_the_limit(visit: Visit, site: Site) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    page.evaluate("const now = Date.now; Date.now = () => now() + (Math.random() < 0.5 ? 3600e3 : 0); 0")
    site.endpoint_override = MISBEHAVIOURS["unavailable"]
    pass_time(page, site, 80, step=1)
    assert max_requests_per_minute(site.token_requests) < 10


def test_request_headers_of_the_page_that_never_come_stop_nothing(visit: Visit, site: Site) -> None:
    site.token_lifetime = 20
    page = visit("ann", clock=True)
    page.evaluate(
        """() => {
          let calls = 0;
          widgetmw.setRequestHeaders(() => (calls++ ? {} : new Promise(() => {})));
          window.result = widgetmw.refresh("orlo").then(() => "fine", (error) => error.message);
        }"""
    )
    pass_time(page, site, MINUTE, step=1)
    assert page.evaluate("result") == "widgetmw: request failed"
    assert has_valid_token(page, site)


def test_headers_that_throw_leave_no_rejection_for_the_end_of_the_page(visit: Visit) -> None:
    page = visit("ann")
    page.evaluate(
        """() => {
          window.rejections = 0;
          addEventListener("unhandledrejection", () => rejections++);
          widgetmw.setRequestHeaders(() => { throw Error("not signed in yet"); });
          return widgetmw.refresh("orlo").catch(() => dispatchEvent(new PageTransitionEvent("pagehide")));
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("rejections") == 0


def test_alternating_good_and_expired_responses_cause_no_storm(visit: Visit, site: Site) -> None:
    site.token_lifetime = 5
    page = visit("ann", clock=True)
    turn = iter(range(100_000))
    site.endpoint_override = lambda user: expired(user) if next(turn) % 2 else None
    pass_time(page, site, 2 * MINUTE, step=1)
    assert max_requests_per_minute(site.token_requests) <= 15  # the good ones do not count; seven of the others
