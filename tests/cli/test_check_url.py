"""``widgetmw check --url`` on a live server: what it finds besides skip reasons, and what keeps it from a page."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.cli.live_site import Answer, Front, LiveSite, Request, Respond, pass_on, serve
from tests.cli.test_check_url_reasons import app_of
from tests.contract.site import BODY, HTML, Page
from tests.growth import assert_linear
from widgetmw import Settings, User, testing
from widgetmw.asgi import WidgetMiddleware
from widgetmw.cli import main
from widgetmw.cli.page import fetch
from widgetmw.cli.page.fetched import CSP, cache_header
from widgetmw.cli.page.source import PageSource

USERS = {"session=ada-cookie": User("ada-1", "Ada"), "session=bob-cookie": User("bob-2", "Bob")}
ADA = ("--cookie", "session=ada-cookie")
NOT_FOUND = Answer(404, [HTML], b"<!doctype html><title>Not found</title>")
LOGIN = Answer(200, [HTML], b"<!doctype html><form><input type='password' name='p'></form>")
Check = Callable[..., tuple[int, str]]
NO_LOADER = (
    "the page has no loader of digitalgenius: unless a script adds it later, embed it or set "
    "WIDGETMW_EMBED=digitalgenius"
)


def shop(
    body: bytes = BODY, headers: tuple[tuple[str, str], ...] = (HTML,), resolve: Any = None, **variables: str
) -> WidgetMiddleware:
    """The app: a page for the user of the session cookie."""
    settings = Settings.from_env(testing.environ("digitalgenius", **variables))
    return WidgetMiddleware(app_of(Page(body, headers)), settings, user=resolve or session_user)


def session_user(scope: Any) -> User | None:
    return USERS.get(dict(scope["headers"]).get(b"cookie", b"").decode())


def with_header(name: str, value: str, path: str = "/orders") -> Front:
    """A proxy that sets a header of one response."""

    def front(request: Request, respond: Respond) -> Answer:
        answer = respond(request)
        if request.path == path:
            answer.set(name, value)
        return answer

    return front


def instead(path: str, other: Answer) -> Front:
    """A proxy that answers for one path."""

    def front(request: Request, respond: Respond) -> Answer:
        return other if request.path.startswith(path) else respond(request)

    return front


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Runs a site and the command on its page; returns the exit status, and what the command prints."""

    def run(app: Any = None, front: Front = pass_on, *arguments: str, path: str = "/orders") -> tuple[int, str]:
        with serve(app or shop(), front) as site:
            status = main(["check", "--url", site.url + path, *(arguments or ADA)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        for secret in ("ada-cookie", "bob-cookie", "eyJ"):
            assert secret not in printed.out + printed.err
        return status, printed.out

    return run


def codes(output: str) -> list[str]:
    """Returns the codes of the findings."""
    return re.findall(r"^(?:warning|problem): (\w+):", output, re.MULTILINE)


# the outcome


def test_a_page_that_works_has_no_findings(check: Check) -> None:
    status, output = check()
    assert (status, codes(output)) == (0, [])
    assert "200, injected\n" in output
    assert "carries tokens for digitalgenius" in output
    assert "the token endpoint answers 200" in output


def test_early_hints_are_not_taken_for_the_page(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        answer = respond(request)
        answer.early_hints = 2
        return answer

    status, output = check(None, front)
    assert (status, codes(output)) == (0, [])
    assert "200, injected\n" in output


def test_json_describes_the_page(check: Check) -> None:
    status, output = check(shop(), pass_on, "--json", *ADA)
    found = json.loads(output)
    page = found["page"]
    assert (status, found["ok"], found["problems"], found["vendors"]) == (0, True, [], {})
    assert page.pop("url").endswith("/orders")
    notes = ["carries tokens for digitalgenius", NO_LOADER]
    expected = {"status": 200, "injected": True, "reason": None, "findings": [], "endpoint_status": 200, "notes": notes}
    assert page == expected
    status, output = check(shop(), pass_on, "--json", "--cookie", "session=nobody")
    page = json.loads(output)["page"]
    assert (status, page["injected"], page["reason"], page["endpoint_status"]) == (1, False, "anonymous", 401)
    assert [finding["code"] for finding in page["findings"]] == ["anonymous"]
    assert page["findings"][0].keys() == {"code", "text", "remedy"}


def test_strict_fails_on_findings_of_an_injected_page(check: Check) -> None:
    app = shop(BODY.replace(b"</body>", b"<script>DG_CHAT_WIDGET_CONFIG = {widgetId: 'other'}</script></body>"))
    assert check(app)[0] == 0
    assert check(app, pass_on, "--strict", *ADA)[0] == 1
    assert check(shop(), pass_on, "--strict", *ADA)[0] == 0


def test_the_settings_of_the_shell_are_checked_too_where_there_are_any(
    check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in testing.environ("digitalgenius").items():
        monkeypatch.setenv(name, value)
    status, output = check()
    assert (status, "digitalgenius: HS256 key" in output) == (0, True)
    monkeypatch.setenv("WIDGETMW_TYPO", "1")
    assert check()[0] == 1


def test_the_endpoint_path_comes_from_the_shell(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    app = shop(WIDGETMW_PATH="/chat-login")
    _, output = check(app, pass_on, "--cookie", "session=nobody")
    assert codes(output) == ["endpoint_not_found"]
    assert "If the site sets WIDGETMW_PATH, set it here, too." in output
    monkeypatch.setenv("WIDGETMW_PATH", "/chat-login")
    assert codes(check(app, pass_on, "--cookie", "session=nobody")[1]) == ["anonymous"]


def test_a_site_without_the_middleware_is_told_so(check: Check) -> None:
    status, output = check(app_of(Page()))
    assert (status, codes(output)) == (1, ["endpoint_not_found"])
    assert "Add the middleware, enable it and configure a vendor." in output
    assert "If the app lies below a path, pass a URL below it." in output


def test_a_page_and_an_endpoint_that_are_not_found_may_be_below_a_prefix_that_the_proxy_keeps(check: Check) -> None:
    output = check(app_of(Page(status=404)), path="/app/orders")[1]
    assert codes(output) == ["error_status", "endpoint_not_found"]
    assert "let it remove the prefix from the path" in output


def test_a_skipped_page_whose_endpoint_is_elsewhere_has_one_finding(check: Check) -> None:
    app = shop(WIDGETMW_PATH="/chat-login", WIDGETMW_DEBUG="true")
    _, output = check(app, pass_on, "--cookie", "session=nobody")
    assert codes(output) == ["anonymous"]
    assert "if the site sets WIDGETMW_PATH, set it here, too" in output


def test_an_unknown_reason_is_shown(check: Check) -> None:
    status, output = check(None, with_header("X-Widgetmw", "skipped; reason=new_reason"), "--cookie", "a=b")
    assert (status, codes(output)) == (1, ["new_reason"])
    assert "which this version does not know" in output


def test_a_script_that_was_removed_on_the_way_is_missed(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        answer = respond(request)
        answer.body = re.sub(rb"<script data-widgetmw.*?</script>", b"", answer.body)
        return answer

    status, output = check(shop(WIDGETMW_DEBUG="true"), front)
    assert (status, codes(output)) == (1, ["script_removed"])


def test_a_policy_that_a_signed_in_user_would_meet_is_named_beside_anonymous(check: Check) -> None:
    app = shop(headers=(HTML, (CSP, "script-src https://cdn.example")))
    assert codes(check(app, pass_on, "--cookie", "session=nobody")[1]) == ["anonymous", "csp_blocks_script"]


def test_a_page_that_only_its_own_origin_may_read_is_not_said_to_be_open_to_others(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        answer = respond(request)
        answer.set("Access-Control-Allow-Origin", f"http://{request.headers['Host']}")
        answer.set("Access-Control-Allow-Credentials", "true")
        return answer

    assert codes(check(shop(), front, "--cookie", "session=nobody")[1]) == ["anonymous"]


def test_an_anonymous_page_says_whether_a_cookie_was_given(check: Check) -> None:
    for app in (shop(), shop(WIDGETMW_DEBUG="true")):
        _, output = check(app, pass_on, "--strict")
        assert "No user is signed in. No --cookie or --header was given. Copy the Cookie header" in output
        _, output = check(app, pass_on, "--cookie", "session=nobody")
        assert "No user is signed in. What --cookie and --header give is not signed in." in output
        assert "If the site ties sessions to the address and the User-Agent" in output


def test_fetch_delivery_is_injected_for_everybody(check: Check) -> None:
    app = shop(WIDGETMW_DELIVERY="fetch")
    status, output = check(app)
    assert (status, codes(output)) == (0, [])
    assert "carries no token: the browser fetches it" in output
    assert codes(check(app, pass_on, "--cookie", "session=nobody")[1]) == ["anonymous"]


def test_a_vendor_whose_widget_asks_for_the_token_is_no_problem(check: Check) -> None:
    settings = testing.settings("zendesk")
    app = WidgetMiddleware(app_of(Page(BODY, (HTML,))), settings, user=session_user)
    status, output = check(app)
    assert (status, codes(output)) == (0, [])
    assert "carries no token: the browser fetches it" in output


def test_a_page_that_loads_embed_js_itself_counts_as_injected(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        body = b"<!doctype html><script src='/_widgetmw/embed.js'></script>"
        return Answer(200, [HTML], body) if request.path == "/orders" else respond(request)

    status, output = check(shop(), front)
    assert (status, codes(output)) == (0, [])
    assert "/_widgetmw/embed.js, which fetches the tokens" in output
    assert codes(check(shop(), front, "--cookie", "session=nobody")[1]) == ["anonymous"]


def test_the_endpoint_of_another_origin_is_not_asked(check: Check) -> None:
    with serve(shop()) as other:
        body = f"<!doctype html><script src='{other.url}/_widgetmw/embed.js'></script>".encode()
        status, output = check(shop(), instead("/orders", Answer(200, [HTML], body)))
    assert (status, codes(output), other.requests) == (0, [], [])
    assert "only the origin of --url gets the cookies" in output


# a second config


def test_a_config_of_the_page_itself_is_found(check: Check) -> None:
    def page_with(script: bytes) -> WidgetMiddleware:
        return shop(BODY.replace(b"</body>", b"<script>" + script + b"</script></body>"))

    status, output = check(page_with(b"window.DG_CHAT_WIDGET_CONFIG = {'widgetId': 'other'};"))
    assert (status, codes(output)) == (0, ["second_config"])
    assert "Its widgetId differs from ours" in output
    _, output = check(page_with(b'DG_CHAT_WIDGET_CONFIG={metadata: {"auth_token": "old"}}'))
    assert codes(output) == ["second_config"]
    assert "sets auth_token" in output
    assert codes(check(page_with(b"if (DG_CHAT_WIDGET_CONFIG == 1) {}"))[1]) == []
    assert codes(check(shop(BODY + b"<!-- <script>DG_CHAT_WIDGET_CONFIG = {}</script> -->"))[1]) == []


@pytest.mark.parametrize(
    "config",
    [
        b"{ callbacks: { onChatInitialised() {} } }",
        b"{ widgetId: 'test-dg-widget-id', env: 'eu', metadata: { plan: 'gold' } }",  # the vendor's own snippet
    ],
)
def test_a_config_that_agrees_with_ours_is_no_finding(check: Check, config: bytes) -> None:
    script = b"<script>window.DG_CHAT_WIDGET_CONFIG = " + config + b";</script></body>"
    status, output = check(shop(BODY.replace(b"</body>", script)), pass_on, "--strict", *ADA)
    assert (status, codes(output)) == (0, [])
    assert "the page assigns DG_CHAT_WIDGET_CONFIG itself: its keys are kept" in output


def test_a_page_without_the_loader_is_told_so(check: Check) -> None:
    page = BODY.replace(b"</body>", b"<script src='https://chat.digitalgenius.com/init.js'></script></body>")
    assert NO_LOADER in check()[1]
    assert NO_LOADER not in check(shop(page))[1]
    assert NO_LOADER not in check(shop(WIDGETMW_EMBED="digitalgenius"))[1]


def test_a_second_loader_is_found(check: Check) -> None:
    page = BODY.replace(b"</body>", b"<script src='https://chat.digitalgenius.com/init.js'></script></body>")
    status, output = check(shop(page, WIDGETMW_EMBED="digitalgenius"))
    assert (status, codes(output)) == (0, ["second_loader"])
    assert codes(check(shop(page))[1]) == []


# policies that the middleware does not see


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        (CSP, "script-src 'self'", "csp_blocks_script", "blocks the inline script,"),
        (CSP, "script-src 'unsafe-inline'", "csp_blocks_script", "blocks /_widgetmw/runtime.js?...,"),
        (CSP, "script-src 'nonce-abc'", "csp_blocks_script", "blocks the inline script, /_widgetmw/runtime.js?...,"),
        (CSP, "script-src 'none'", "csp_none", "the middleware has inserted it"),
        (CSP, "sandbox allow-forms", "csp_sandbox", "If a proxy, a CDN or a layer around the app"),
        (CSP, "connect-src https://api.example", "csp_blocks_connect", "Add `'self'` to `connect-src`."),
        ("Integrity-Policy", "blocked-destinations=(script)", "integrity_blocks_runtime", "runtime.js"),
    ],
)
def test_a_policy_that_a_proxy_adds_is_found(check: Check, name: str, value: str, code: str, words: str) -> None:
    status, output = check(shop(), with_header(name, value))
    assert (status, codes(output)) == (0, [code])
    assert words in output
    assert output.count(f"{code}: ") == 1


@pytest.mark.parametrize("policy", ["script-src 'nonce-abc'", "script-src 'unsafe-inline' 'self'; connect-src 'self'"])
def test_a_policy_that_the_app_sets_itself_is_no_finding(check: Check, policy: str) -> None:
    assert codes(check(shop(headers=(HTML, (CSP, policy))))[1]) == []
    assert codes(check(shop(headers=(HTML, (CSP, "script-src 'sha256-abc'")), WIDGETMW_CSP="amend"))[1]) == []


def test_a_policy_in_a_meta_tag_that_blocks_renewal_is_found(check: Check) -> None:
    meta = b"<head><meta http-equiv='Content-Security-Policy' content=\"connect-src 'none'\">"
    assert codes(check(shop(BODY.replace(b"<head>", meta)))[1]) == ["csp_blocks_connect"]


# caches


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Age", "12"),
        ("X-Cache", "HIT from proxy"),
        ("CF-Cache-Status", "MISS"),
        ("Cache-Status", "edge; hit"),
        ("X-Varnish", "32770 3"),
        ("Cache-Control", "public, max-age=60"),
        ("Cache-Control", "s-maxage=60"),
        ("CDN-Cache-Control", "max-age=60"),
    ],
)
def test_a_shared_cache_in_front_is_found(check: Check, name: str, value: str) -> None:
    status, output = check(shop(), with_header(name, value))
    assert (status, codes(output)) == (0, ["shared_cache"])


@pytest.mark.parametrize(("name", "value"), [("Age", "0"), ("X-Cache", "Miss"), ("CF-Cache-Status", "DYNAMIC")])
def test_a_cache_that_stores_nothing_is_no_finding(check: Check, name: str, value: str) -> None:
    assert codes(check(shop(), with_header(name, value))[1]) == []


def test_a_page_that_everybody_gets_is_found(check: Check) -> None:
    stored: list[Answer] = []

    def front(request: Request, respond: Respond) -> Answer:
        if request.path != "/orders":
            return respond(request)
        stored[:] = stored or [respond(request)]
        return stored[0]

    app = shop()
    assert codes(check(app, front)[1]) == ["token_without_credentials"]
    _, output = check(app, front, "--cookie", "session=bob-cookie")
    assert codes(output) == ["page_of_another_user", "token_without_credentials"]


def test_a_login_wall_in_front_of_the_endpoint_is_found(check: Check) -> None:
    def wall(request: Request, respond: Respond) -> Answer:
        is_anonymous = "cookie" not in {name.lower() for name in dict(request.headers)}
        return Answer(302, [("Location", "/login")]) if is_anonymous else respond(request)

    status, output = check(shop(), wall)
    assert (status, codes(output)) == (0, ["endpoint_behind_login"])
    assert "something else answers for the token endpoint: 302" in output


def test_an_anonymous_page_out_of_a_cache_is_found(check: Check) -> None:
    app = shop(WIDGETMW_DEBUG="true")
    page = LiveSite(app, pass_on).respond(Request("/orders", {}))
    status, output = check(app, instead("/orders", page))
    assert (status, codes(output)) == (1, ["anonymous", "page_without_user"])


# the endpoint and the runtime


def test_a_wrong_mount_prefix_is_found(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        if not request.path.startswith("/app/"):
            return NOT_FOUND
        request.path = request.path.removeprefix("/app")
        return respond(request)

    status, output = check(shop(), front, path="/app/orders")
    assert (status, codes(output)) == (0, ["runtime_not_found", "endpoint_not_found"])
    assert "/_widgetmw/runtime.js?... answers 404 text/html, not our script." in output
    assert "/_widgetmw/token answers 404 text/html, which is not ours." in output
    assert "mount prefix is wrong" in output
    assert "uvicorn by --root-path" in output
    assert "x_prefix=1" in output
    assert "If the app's own routes begin with it, set WIDGETMW_PATH" in output
    # the endpoint of a page without a script is found below the prefix
    assert codes(check(shop(), front, "--cookie", "a=b", path="/app/orders")[1]) == ["anonymous"]


def test_an_app_whose_own_routes_begin_with_the_prefix_needs_its_path_below_it(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        return respond(request) if request.path.startswith("/app/") else NOT_FOUND

    assert codes(check(shop(), front, path="/app/orders")[1]) == ["runtime_not_found", "endpoint_not_found"]
    assert codes(check(shop(WIDGETMW_PATH="/app/_widgetmw"), front, path="/app/orders")[1]) == []


def below_prefix(request: Request, respond: Respond) -> Answer:
    """An app that is told its prefix, on its own address: there, URLs with the prefix are not found."""
    if request.path.startswith("/app/_widgetmw"):
        return NOT_FOUND
    request.root_path, request.path = "/app", f"/app{request.path}"
    return respond(request)


def test_a_page_on_the_address_of_a_pod_is_told_to_use_its_public_url(check: Check) -> None:
    _, output = check(shop(), below_prefix)
    assert codes(output) == ["runtime_not_found", "endpoint_not_found"]
    assert "Check its public URL" in output


def test_a_prefix_that_the_proxy_does_not_remove_is_found(check: Check) -> None:
    _, output = check(shop(), below_prefix, path="/app/orders")
    assert codes(output) == ["runtime_not_found", "endpoint_not_found"]
    assert "let it remove the prefix from the path. If the app's own routes begin with it, set WIDGETMW_PATH" in output


def test_a_rule_for_static_files_that_answers_for_the_script_is_found(check: Check) -> None:
    _, output = check(shop(), instead("/_widgetmw/runtime.js", NOT_FOUND))
    assert codes(output) == ["runtime_not_found"]
    assert "use location ^~" in output


def test_a_site_that_answers_every_path_with_a_page_is_found(check: Check) -> None:
    front = instead("/_widgetmw", Answer(200, [HTML], b"<!doctype html><div id=app></div>"))
    assert codes(check(shop(), front)[1]) == ["runtime_not_found", "endpoint_not_found"]


def test_a_401_for_a_page_that_is_signed_in_is_found(check: Check) -> None:
    app = shop(resolve=lambda scope: session_user(scope) if scope["path"] == "/orders" else None)
    status, output = check(app)
    assert (status, codes(output)) == (0, ["endpoint_401"])
    assert "Put the middleware inside of what decodes the session" in output


def test_a_503_of_the_endpoint_is_found(check: Check) -> None:
    def resolve(scope: Any) -> User | None:
        if scope["path"] == "/orders":
            return session_user(scope)
        raise LookupError("no database")

    status, output = check(shop(resolve=resolve))
    assert (status, codes(output)) == (0, ["endpoint_503"])
    assert "the token endpoint answers 503" in output
    assert "The log of the site names the cause" in output


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(302, [("Location", "/login")]), "endpoint_redirected"),
        (Answer(403, [("Content-Type", "application/json")], b'{"error": "cross_site"}'), "endpoint_403"),
        (Answer(200, [("Content-Type", "application/json")], b"[" * 100_000), "endpoint_not_found"),
    ],
)
def test_what_answers_for_the_endpoint_is_found(check: Check, answer: Answer, code: str) -> None:
    assert codes(check(shop(), instead("/_widgetmw/token", answer))[1]) == [code]


def test_an_endpoint_that_a_cache_stores_is_found(check: Check) -> None:
    front = with_header("Cache-Control", "max-age=60", "/_widgetmw/token")
    assert codes(check(shop(), front)[1]) == ["endpoint_cached"]


def test_a_vendor_that_the_endpoint_cannot_serve_is_found(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        answer = respond(request)
        if request.path == "/_widgetmw/token":
            answer.body = json.dumps({**json.loads(answer.body), "errors": {"acme": "token_unavailable"}}).encode()
        return answer

    _, output = check(shop(), front)
    assert codes(output) == ["endpoint_token_missing"]
    assert "no token for acme" in output


# redirects, and who gets the cookies


def test_redirects_are_followed_and_shown_without_their_query(check: Check) -> None:
    front = instead("/start", Answer(302, [("Location", "/orders?ticket=secret-ticket")]))

    def to_orders(request: Request, respond: Respond) -> Answer:
        return front(request, respond)

    status, output = check(shop(), to_orders, path="/start")
    assert status == 0
    assert "redirected by http://127.0.0.1:" in output
    assert "/orders?...: 200, injected" in output
    assert "secret-ticket" not in output


@pytest.mark.parametrize("target", ["/login?next=/orders", "/welcome"])
def test_a_redirect_to_a_login_page_means_that_nobody_is_signed_in(check: Check, target: str) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        if request.path == "/orders":
            return Answer(302, [("Location", target)])
        return respond(request) if request.path.startswith("/_widgetmw") else LOGIN

    status, output = check(shop(), front, "--cookie", "session=expired")
    assert (status, codes(output)[0]) == (1, "redirected_to_login")
    assert "what --cookie and --header give is not signed in" in output
    assert "no --cookie or --header was given" in check(shop(), front, "--strict")[1]


def test_cookies_and_headers_stay_with_the_origin_of_the_url(capsys: pytest.CaptureFixture[str]) -> None:
    with serve(shop()) as other:

        def front(request: Request, respond: Respond) -> Answer:
            return Answer(302, [("Location", f"{other.url}/orders"), ("Set-Cookie", "own=1; Path=/elsewhere")])

        with serve(shop(), front) as site:
            arguments = [
                "--cookie",
                "a=secret-1; b=secret-2",
                "--header",
                "X-Key: secret-3",
                "--header",
                "Cookie: c=secret-4",
            ]
            assert main(["check", "--url", f"{site.url}/orders", *arguments]) == 1
    output = capsys.readouterr().out
    assert codes(output) == ["redirected_elsewhere", "anonymous"]
    first = site.requests[0].headers
    assert (first["Cookie"], first["X-Key"]) == ("a=secret-1; b=secret-2; c=secret-4", "secret-3")
    assert other.requests
    assert not any("secret" in str(request.headers) for request in other.requests)
    assert "secret" not in output


@pytest.mark.parametrize("name", ["cookie of the user", "cookie of the site"])
def test_subdomains_do_not_get_the_cookies_of_a_host(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", partial(to_loopback, socket.getaddrinfo))

    def front(request: Request, respond: Respond) -> Answer:
        if request.headers["Host"].startswith("evil."):
            return respond(request)
        elsewhere = f"http://evil.{request.headers['Host']}/orders"
        return Answer(302, [("Location", elsewhere), ("Set-Cookie", "given=secret-2; Path=/")])

    with serve(shop(), front) as site:
        url = site.url.replace("127.0.0.1", "shop.test.localhost")
        main(["check", "--url", f"{url}/orders", *(["--cookie", "session=secret-1"] if "user" in name else [])])
    assert len(site.requests) > 1
    assert not any("secret" in str(request.headers) for request in site.requests[1:])


def to_loopback(look_up: Any, host: str, *rest: Any, **options: Any) -> Any:
    return look_up("127.0.0.1", *rest, **options)


def test_cookies_of_the_site_are_kept_as_in_a_browser(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        if request.path == "/orders" and request.headers.get("Cookie") == "session=old":
            return Answer(302, [("Location", "/orders"), ("Set-Cookie", "session=ada-cookie; Path=/")])
        return respond(request)

    assert check(shop(), front, "--cookie", "session=old")[0] == 0


def test_a_redirect_loop_ends(check: Check) -> None:
    front = instead("/", Answer(302, [("Location", "/orders?again")]))
    status, output = check(shop(), front)
    assert (status, codes(output)) == (1, ["redirect_loop"])
    assert "not fetched" in output


@pytest.mark.parametrize("location", ["ftp://files.example/", "http://[", "javascript:1", "http://user@host.example/"])
def test_a_redirect_to_no_page_is_a_finding(check: Check, location: str) -> None:
    status, output = check(shop(), instead("/", Answer(302, [("Location", location)])))
    assert (status, codes(output)) == (1, ["redirect_invalid"])


def test_a_header_can_sign_in(check: Check) -> None:
    app = shop(resolve=lambda scope: USERS["session=ada-cookie"] if (b"x-user", b"ada") in scope["headers"] else None)
    status, output = check(app, pass_on, "--header", "X-User: ada")
    assert (status, codes(output)) == (0, [])


# what keeps the command from a page


def url_of(port: int, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{port}/"


def run(capsys: pytest.CaptureFixture[str], url: str) -> list[str]:
    assert main(["check", "--url", url, *ADA]) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    return codes(printed.out)


def test_a_refused_connection_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert run(capsys, url_of(port)) == ["connection_refused"]


def test_silence_is_explained(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SILENCE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert run(capsys, url_of(server.getsockname()[1])) == ["timeout"]


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"1"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: 1\r\n"),
    ],
)
def test_a_response_without_an_end_is_given_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, start: bytes, part: bytes
) -> None:
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5 - fetch.SILENCE_SECONDS)
    is_over = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(start)
                while not is_over.wait(0.02):
                    connection.sendall(part)

        thread = Thread(target=answer)
        thread.start()
        assert run(capsys, url_of(server.getsockname()[1])) == ["timeout"]
        is_over.set()
        thread.join()


def test_a_body_that_never_ends_is_cut_off(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", -1.0)
    assert "incomplete_body" in codes(check()[1])


def test_a_host_that_nobody_knows_is_explained(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert run(capsys, "http://shop.localhost/") == ["host_not_found"]


def test_a_tls_error_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with serve(shop()) as site:
        assert run(capsys, site.url.replace("http:", "https:")) == ["tls_error"]


def test_a_certificate_that_nobody_trusts_is_explained(
    check: Check, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with serve(shop(), tls=self_signed(tmp_path)) as site:
        assert main(["check", "--url", site.url]) == 1
    output = capsys.readouterr().out
    assert codes(output) == ["tls_error"]
    assert "self-signed certificate" in output


def self_signed(folder: Path) -> ssl.SSLContext:
    """Returns what a server with a new certificate of its own needs."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]),
    )
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    certificate, file = builder.sign(key, SHA256()), folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(
    "reply", [b"", b"not http\r\n\r\n", b"HTTP/1.1 banana\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200]
)
def test_what_is_not_http_is_explained(capsys: pytest.CaptureFixture[str], reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)

        thread = Thread(target=answer)
        thread.start()
        assert run(capsys, url_of(server.getsockname()[1])) == ["connection_failed"]
        thread.join()


def test_of_a_page_that_is_too_large_the_start_is_read(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 20_000)
    status, output = check(shop(BODY + b"x" * 100_000))
    assert (status, codes(output)) == (0, [])
    assert "only the first 20000 bytes were read" in output


def test_what_we_cannot_decode_is_left_to_the_header(check: Check) -> None:
    def front(request: Request, respond: Respond) -> Answer:
        answer = respond(request)
        if request.path == "/orders":
            answer.body = b"\x0b\x02"
            answer.set("Content-Encoding", "br")
        return answer

    status, output = check(shop(WIDGETMW_DEBUG="true"), front)
    assert (status, "cannot be decoded here" in output) == (0, True)
    assert codes(check(shop(), front)[1]) == ["content_encoding"]


@pytest.mark.parametrize("content_type", ["text/html; charset=nonsense", "text/html; charset=", "text/html"])
def test_a_bad_charset_does_not_matter(check: Check, content_type: str) -> None:
    assert check(shop(headers=(("Content-Type", content_type),)))[0] == 0


def test_an_error_page_is_named(check: Check) -> None:
    status, output = check(shop(), instead("/orders", NOT_FOUND))
    assert (status, codes(output)[0]) == (1, "error_status")


def test_a_session_that_is_refused_by_a_401_may_be_tied_to_the_browser(check: Check) -> None:
    refused = Answer(401, [HTML], b"<!doctype html><title>401 Unauthorized</title>")  # as with Flask-Paranoid
    _, output = check(shop(), instead("/orders", refused))
    assert "If the site ties sessions to the address and the User-Agent" in output
    _, output = check(shop(), instead("/orders", NOT_FOUND))
    assert "User-Agent" not in output


@pytest.mark.parametrize("debug", ["true", "false"])
def test_an_error_in_json_is_no_page_with_a_wrong_type(check: Check, debug: str) -> None:
    json_error = Page(b'{"detail":"Not Found"}', (("Content-Type", "application/json"),), status=404)
    settings = Settings.from_env(testing.environ("digitalgenius", WIDGETMW_DEBUG=debug))
    status, output = check(WidgetMiddleware(app_of(json_error), settings, user=session_user))
    assert (status, codes(output)) == (1, ["error_status"])
    assert "reason=not_html" in output


@pytest.mark.parametrize(
    "body",
    [
        b'<!doctype html><![x[ <script data-widgetmw>({"url":[[',
        b"<script",
        b"\xff\xfe\0",
        b"<script src='http://['></script><script data-widgetmw src='//[x'>",
    ],
)
def test_a_malformed_page_is_no_error(check: Check, body: bytes) -> None:
    check(shop(), instead("/orders", Answer(200, [HTML], body)))


def test_a_script_counts_only_where_it_runs(check: Check) -> None:
    tag = b'<script data-widgetmw>f({"url":"/_widgetmw/token"})</script>'
    for dead in (b"<!--" + tag + b"-->", b"<title>" + tag + b"</title>", b"<textarea>" + tag + b"</textarea>"):
        status, output = check(shop(), instead("/orders", Answer(200, [HTML], b"<!doctype html>" + dead)))
        assert (status, "not injected" in output) == (1, True)
    live = b"<!doctype html><![x[ ]><!--[if IE]><![endif]--><![if !IE]>" + tag + b"<![endif]>"
    assert check(shop(), instead("/orders", Answer(200, [HTML], live)))[0] == 0


@pytest.mark.parametrize("part", [b"<!--", b"<a a='"])
def test_a_page_that_is_never_complete_takes_linear_time(part: bytes) -> None:
    assert_linear(PageSource, lambda count: part * count, 8000)


@pytest.mark.parametrize(("name", "part"), [("Age", " "), ("Age", "0"), ("X-Varnish", "1")])
def test_headers_of_caches_take_linear_time(name: str, part: str) -> None:
    def answer(count: int) -> fetch.Response:
        return fetch.Response("http://127.0.0.1/", 200, [(name, part * count)], b"")

    assert_linear(cache_header, answer, 8000)


def test_control_characters_of_the_site_are_not_printed(check: Check) -> None:
    data = json.dumps({"url": "/_widgetmw/token", "vendors": {"\x1b[31mred": {"token": {"token": "x"}}}})
    body = b"<!doctype html><script data-widgetmw>f(" + data.encode() + b")</script>"
    _, output = check(shop(), instead("/orders", Answer(200, [HTML], body.replace(b'{"url": ', b'{"url":'))))
    assert "?[31mred" in output
    assert "\x1b" not in output


# the documentation


def test_every_code_is_documented() -> None:
    root = Path(fetch.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in root.glob("*.py"))
    used = set(re.findall(r"(?:report\.add|FetchError)\(\s*\"(\w+)\"", source))
    text = (root.parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
    table = text.partition("| code |")[2].partition("\n\n")[0]
    documented = set(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:])))
    assert used == documented


# options


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", "shop.example"),
        ("--url", "ftp://shop.example"),
        ("--url", "http://"),
        ("--url", "http://shop.example:99999"),
        ("--url", "http://shop.example:x"),
        ("--url", "http://a..b"),
        ("--url", "http://secret-name:secret-word@shop.example"),
        ("--url", "http://127.0.0.1", "--cookie", "secret-value"),
        ("--url", "http://127.0.0.1", "--cookie", "a=secret-value\r\nX: y"),
        ("--url", "http://127.0.0.1", "--header", "secret-value"),
        ("--url", "http://127.0.0.1", "--header", "A: secret-value\r\nX: y"),
        ("--url", "http://127.0.0.1", "--header", "A: secret-value\u20ac"),
        ("--cookie", "a=secret-value"),
        ("--header", "a: secret-value"),
    ],
)
def test_a_bad_option_is_a_usage_error_that_shows_no_value(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert "usage:" in printed.err
    assert "secret" not in printed.out + printed.err
