from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.core.test_engine import SETTINGS
from widgetmw import User
from widgetmw.core.endpoint import Endpoint, InnerCall, TokenRequest, TokenResponse, is_drainable
from widgetmw.core.engine import Engine
from widgetmw.core.vendor import ConfiguredVendor
from widgetmw.providers.digitalgenius import DigitalGenius

TOKEN = TokenRequest("GET", "/token")
ADA = User("ada")


@pytest.fixture
def engine() -> Engine:
    return Engine(SETTINGS)


@pytest.mark.parametrize(
    ("content_length", "expected"),
    [("1", True), ("65536", True), ("0", False), ("65537", False), ("", False), ("-1", False), ("9" * 99, False)],
)
def test_only_a_small_announced_body_is_drained(content_length: str, expected: bool) -> None:
    assert is_drainable(content_length) is expected


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (TokenRequest("GET", "/nothing"), 404),
        (TokenRequest("GET", "/token/unknown"), 404),
        (TokenRequest("DELETE", "/token"), 405),
        (TokenRequest("GET", "/token", fetch_site="cross-site"), 403),
        (TokenRequest("GET", "/token", host="shop.example", origin="https://evil.example"), 403),
        (TokenRequest("GET", "/token", host="shop.example", origin="null"), 403),
    ],
)
def test_requests_that_no_user_could_make(engine: Engine, request_: TokenRequest, status: int) -> None:
    response = engine.endpoint.response_without_user(request_)
    assert response is not None
    assert response.status == status


@pytest.mark.parametrize(
    "request_",
    [
        TOKEN,
        TokenRequest("POST", "/token/digitalgenius"),
        TokenRequest("GET", "/token", fetch_site="same-origin", origin="https://shop.example", host="internal"),
        TokenRequest("GET", "/token", host="shop.example", origin="https://shop.example:443"),
        TokenRequest("POST", "/token", host="shop.example:80", origin="https://shop.example"),
    ],
)
def test_requests_that_may_get_a_token(engine: Engine, request_: TokenRequest) -> None:
    assert engine.endpoint.response_without_user(request_) is None


def test_an_allowed_origin_may_call_from_another_site() -> None:
    engine = Engine(replace(SETTINGS, allowed_origins=frozenset({"https://app.example"})))
    request = TokenRequest("GET", "/token", fetch_site="cross-site", origin="https://app.example")
    assert engine.endpoint.response_without_user(request) is None
    assert ("Access-Control-Allow-Origin", "https://app.example") in engine.endpoint.respond(request, ADA).headers


def test_the_token_of_one_vendor_and_of_all(engine: Engine) -> None:
    one = json.loads(engine.endpoint.respond(TokenRequest("GET", "/token/digitalgenius"), ADA).body)
    everything = json.loads(engine.endpoint.respond(TOKEN, ADA).body)
    assert everything["tokens"] == {"digitalgenius": one}
    assert one["expires_in"] > one["refresh_in"] > 0


def test_scripts_are_known_by_their_whole_path(engine: Engine) -> None:
    paths = ("/runtime.js", "/embed.js", "/token", "runtime.js", "/runtime.js/", "")
    assert [engine.endpoint.has_script(path) for path in paths] == [True, True, False, False, False, False]


def test_an_anonymous_visitor_gets_401(engine: Engine) -> None:
    assert engine.endpoint.respond(TOKEN, None).status == 401


def test_a_failed_resolver_is_503_and_logged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    assert engine.endpoint.failed(TOKEN, "resolver_failed", "no session").status == 503
    assert "no session" in caplog.text
    assert engine.events.counts["endpoint:resolver_failed"] == 1


def test_an_inner_call_returns_what_the_innermost_part_stored(engine: Engine) -> None:
    for status in (InnerCall.STAND_IN.status, 200, 0):  # 0: the innermost part sent nothing
        call = InnerCall(engine.endpoint, TOKEN)
        call.response = engine.endpoint.respond(TOKEN, ADA)
        assert call.conclude(status) is call.response


@pytest.mark.parametrize(
    ("status", "location", "expected"),
    [
        (401, "", 401),
        (403, "", 401),
        (302, "/login?next=/_widgetmw/token", 401),
        (200, "", 401),
        (202, "", 503),  # our own stand-in, out of a cache
        (307, "https://shop.example/_widgetmw/token", 503),
        (404, "", 503),
        (500, "", 503),
    ],
)
def test_a_layer_that_answers_first_means_anonymous_or_a_failure(
    engine: Engine, status: int, location: str, expected: int
) -> None:
    assert InnerCall(engine.endpoint, TOKEN).conclude(status, location).status == expected


@pytest.mark.parametrize("status", [200, 302, 403])
@pytest.mark.parametrize("is_late", [False, True], ids=["before the endpoint", "after it"])
def test_a_page_a_redirect_or_a_403_for_a_signed_in_user_is_no_sign_out(
    engine: Engine, caplog: pytest.LogCaptureFixture, status: int, is_late: bool
) -> None:
    call = InnerCall(engine.endpoint, TOKEN)
    assert call.is_interrupted(status)
    if is_late:
        call.response = TokenResponse(200, (), b"")
        assert not call.is_interrupted(status)
        status = 302  # not that of our own response
    call.may_be_signed_in = not is_late
    assert call.conclude(status, "/terms").status == 503
    assert "let requests for tokens through" in caplog.text


def test_the_log_names_a_remedy_unless_the_app_is_down(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    for status in (503, 429):
        assert "let requests for tokens through" not in caplog.text
        assert InnerCall(engine.endpoint, TOKEN).conclude(status).status == 503
        assert f"answered {status}" in caplog.text
    assert "let requests for tokens through" in caplog.text


def test_a_401_means_anonymous_also_for_a_signed_in_user(engine: Engine) -> None:
    call = InnerCall(engine.endpoint, TOKEN)
    assert not call.is_interrupted(401), "the user need not be resolved"
    call.may_be_signed_in = True
    assert call.conclude(401).status == 401


def test_an_error_in_the_layers_is_503_without_the_errors_text(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    assert InnerCall(engine.endpoint, TOKEN).fail(ValueError("secret detail")).status == 503
    assert "ValueError" in caplog.text
    assert "secret detail" not in caplog.text


@pytest.mark.parametrize(
    "request_",
    [
        TokenRequest("GET", "/token", origin="https://www.shop.example", fetch_site="cross-site"),
        TokenRequest("GET", "/token", origin="https://www.shop.example", fetch_site="same-site"),
        TokenRequest("GET", "/token", origin="https://www.shop.example", host="app.shop.example"),
        TokenRequest("OPTIONS", "/token", origin="https://www.shop.example", is_preflight=True),
    ],
)
def test_an_origin_that_is_not_listed_is_logged_once_with_the_remedy(
    engine: Engine, request_: TokenRequest, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        engine.endpoint.response_without_user(request_)
    (message,) = caplog.messages
    assert message.startswith("widgetmw: endpoint: cross_site: ")
    assert "https://www.shop.example" in message
    assert "WIDGETMW_ALLOWED_ORIGINS" in message


@pytest.mark.parametrize(
    ("host", "origin", "is_port_missing"),
    [
        ("shop.example", "https://shop.example:8443", True),
        ("shop.example:80", "https://shop.example:8443", False),
        ("shop.example", "https://www.shop.example:8443", False),
        ("", "https://shop.example", False),
    ],
)
def test_a_host_without_its_port_is_named_in_the_log(
    engine: Engine, caplog: pytest.LogCaptureFixture, host: str, origin: str, is_port_missing: bool
) -> None:
    engine.endpoint.response_without_user(TokenRequest("POST", "/token", host=host, origin=origin))
    (message,) = caplog.messages
    assert ("let the proxy keep the port in Host" in message) is is_port_missing


def test_requests_of_many_origins_do_not_flood_the_log(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(50):
        origin = f"https://{number}.example"
        engine.endpoint.response_without_user(TokenRequest("GET", "/token", origin=origin, fetch_site="cross-site"))
    assert len(caplog.messages) == 10


@pytest.mark.parametrize(
    "request_",
    [
        TokenRequest("POST", "/token", origin="https://shop.example", fetch_site="same-origin"),
        TokenRequest("POST", "/token", origin="https://shop.example", host="shop.example"),
        TokenRequest("GET", "/token", origin="https://shop.example\nforged", fetch_site="cross-site"),
        TokenRequest("GET", "/token", fetch_site="cross-site"),
    ],
)
def test_requests_of_no_other_origin_are_not_logged(
    engine: Engine, request_: TokenRequest, caplog: pytest.LogCaptureFixture
) -> None:
    engine.endpoint.response_without_user(request_)
    assert caplog.messages == []


def test_a_path_of_the_app_that_the_prefix_hides_says_so(engine: Engine) -> None:
    response = engine.endpoint.response_without_user(TokenRequest("GET", "/users"))
    assert response is not None
    assert b"all paths below WIDGETMW_PATH belong to widgetmw" in response.body


class Picky(DigitalGenius):
    """Serves users with an email address only, and has cookies on the site."""

    def cannot_serve(self, user: User) -> str:
        return "" if user.email else "email_missing"

    def cookies(self) -> tuple[str, ...]:
        return ("acme-session", "acme-id")


@pytest.fixture
def picky() -> Endpoint:
    vendor = ConfiguredVendor(Picky(SETTINGS.vendors[0].provider.values))
    return Engine(replace(SETTINGS, vendors=(vendor,), cookie_domain="shop.example")).endpoint


def test_a_user_whom_the_vendor_cannot_serve_gets_409_with_the_code(picky: Endpoint) -> None:
    response = picky.respond(TokenRequest("GET", "/token/digitalgenius"), ADA)
    assert (response.status, json.loads(response.body)["error"]) == (409, "email_missing")


def test_the_response_for_all_vendors_names_the_code_of_each_without_a_token(picky: Endpoint) -> None:
    body = json.loads(picky.respond(TOKEN, ADA).body)
    assert (body["tokens"], body["errors"]) == ({}, {"digitalgenius": "email_missing"})
    assert "errors" not in json.loads(picky.respond(TOKEN, User("ada", email="a@b.example")).body)


def test_only_a_confirmed_sign_out_expires_the_cookies_of_the_vendors(picky: Endpoint) -> None:
    def expired(request: TokenRequest, user: User | None) -> list[str]:
        return [value for name, value in picky.respond(request, user).headers if name == "Set-Cookie"]

    assert expired(TOKEN, None) == []
    assert expired(TOKEN._replace(query="signout"), ADA) == []
    assert expired(TOKEN._replace(query="signout"), None) == [
        "acme-session=; Path=/; Max-Age=0",
        "acme-session=; Path=/; Max-Age=0; Domain=shop.example",
        "acme-id=; Path=/; Max-Age=0",
        "acme-id=; Path=/; Max-Age=0; Domain=shop.example",
    ]
    # a POST, whose URL is never the same
    assert len(expired(TOKEN._replace(method="POST", query="signout&0.25"), None)) == 4
    assert expired(TOKEN._replace(query="signouts"), None) == []


@pytest.mark.parametrize("destination", ["image", "document", "iframe", "script"])
def test_what_a_user_has_written_expires_no_cookies(picky: Endpoint, destination: str) -> None:
    request = TOKEN._replace(query="signout", fetch_site="same-origin", fetch_destination=destination)
    assert "Set-Cookie" not in dict(picky.respond(request, None).headers)
    assert "Set-Cookie" in dict(picky.respond(request._replace(fetch_destination="empty"), None).headers)


def test_a_layer_that_refuses_a_confirmed_sign_out_expires_them_too(picky: Endpoint) -> None:
    response = picky.interrupted_response(TOKEN._replace(query="signout"), 401)
    assert (response.status, dict(response.headers)["Set-Cookie"][:5]) == (401, "acme-")
