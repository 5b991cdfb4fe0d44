"""``widgetmw check --url`` names the cause of every skip reason, provoked on a live server."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from asgiref.wsgi import WsgiToAsgi

from tests.cli.live_site import Answer, Front, LiveSite, Request, Respond, pass_on, serve
from tests.contract.site import BODY, HTML, Page
from widgetmw import Settings, User, testing
from widgetmw.asgi import WidgetMiddleware
from widgetmw.cli import main
from widgetmw.core.engine import Engine
from widgetmw.core.identity.request_identity import identity_of
from widgetmw.core.reasons import SkipReason
from widgetmw.providers.digitalgenius import DigitalGenius
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware
from widgetmw.wsgi.responder import use_marker

USER = User("ada-1", "Ada")
NO_CHARSET = ("Content-Type", "text/html")
CSP = "Content-Security-Policy"
EMBED = {"WIDGETMW_EMBED": "digitalgenius"}
Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass
class Case:
    """A way to provoke a reason.

    Attributes:
        seen: whether the reason can be seen from outside, so that it is named without ``WIDGETMW_DEBUG``, too.
        is_injected: whether the page carries the script all the same.
        variables: of the site; those of ``shell`` are also in the shell that runs the command.
    """

    page: Page = field(default_factory=Page)
    user: Any = USER
    variables: dict[str, str] = field(default_factory=dict)
    shell: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    front: Front = pass_on
    wrap: Callable[[Page, Settings, Any], Any] | None = None
    patch: Patch | None = None
    seen: bool = True
    is_injected: bool = False


def html(body: str | bytes, *headers: tuple[str, str], status: int = 200) -> Page:
    return Page(body.encode() if isinstance(body, str) else body, (*headers,) or (HTML,), status)


def with_headers(*headers: tuple[str, str]) -> Page:
    return Page(headers=(HTML, *headers))


def override_method(request: Request, respond: Respond) -> Answer:
    request.method = request.headers.get("X-Http-Method-Override", "GET")
    return respond(request)


def fail(target: Any, name: str) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(target, name, lambda *_: 1 / 0)

    return patch


def sends_a_file(page: Page, settings: Settings, user: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"last-modified", b"Sun, 06 Nov 1994 08:49:37 GMT")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.pathsend", "path": str(Path(__file__).parent / "page.html")})

    return WidgetMiddleware(app, settings, user=lambda scope: user)


def returns_early(page: Page, settings: Settings, user: Any) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<!-- not", "more_body": True})

    return WidgetMiddleware(app, settings, user=lambda scope: user)


def places_the_script_after_a_base(page: Page, settings: Settings, user: Any) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        assert middleware.engine is not None
        owner = identity_of(environ).owner
        marker = use_marker(middleware.engine, environ, owner, lambda _: user)
        start_response("200 OK", list(page.headers))
        return [BODY.replace(b"<title>", b'<base href="https://cdn.example/">' + marker.encode() + b"<title>")]

    middleware = WsgiMiddleware(app, settings, user=lambda environ: user)
    return WsgiToAsgi(middleware)


def app_of(page: Page) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in page.headers]
        await send({"type": "http.response.start", "status": page.status, "headers": headers})
        await send({"type": "http.response.body", "body": page.whole})

    return app


CASES: dict[SkipReason, list[Case]] = {
    SkipReason.ANONYMOUS: [Case(user=None)],
    SkipReason.RESOLVER_FAILED: [Case(user=LookupError("no database"))],
    SkipReason.MINT_FAILED: [Case(patch=fail(DigitalGenius, "mint"))],
    SkipReason.METHOD: [Case(front=override_method, arguments=("--header", "X-HTTP-Method-Override: PUT"), seen=False)],
    SkipReason.EXCLUDED: [Case(variables={"WIDGETMW_EXCLUDE": "/orders"})],
    SkipReason.CROSS_SITE_FRAME: [
        Case(arguments=("--header", "Sec-Fetch-Dest: iframe", "--header", "Sec-Fetch-Site: cross-site"))
    ],
    SkipReason.NOT_HTML: [Case(html("{}", ("Content-Type", "application/json")))],
    SkipReason.STATUS: [Case(Page(b"", status=204))],
    SkipReason.PARTIAL: [Case(with_headers(("Content-Range", "bytes 0-9/20")))],
    SkipReason.ATTACHMENT: [Case(with_headers(("Content-Disposition", "attachment")))],
    SkipReason.AMBIGUOUS: [Case(with_headers(HTML))],
    SkipReason.NO_TRANSFORM: [Case(with_headers(("Cache-Control", "no-transform")))],
    SkipReason.CONTENT_ENCODING: [Case(html(b"\x0b\x02", HTML, ("Content-Encoding", "br")))],
    SkipReason.SHARED_CACHE: [
        Case(with_headers(("Cache-Control", "public, max-age=60"))),
        Case(with_headers(("CDN-Cache-Control", "max-age=60"))),
    ],
    SkipReason.CROSS_ORIGIN: [
        Case(
            with_headers(
                ("Access-Control-Allow-Origin", "https://a.example"), ("Access-Control-Allow-Credentials", "true")
            )
        )
    ],
    SkipReason.SIGNING_OUT: [
        Case(with_headers(("Clear-Site-Data", '"cookies"'))),
        Case(with_headers(("Set-Cookie", "session=; Max-Age=0; Path=/")), arguments=("--cookie", "session=abc")),
    ],
    SkipReason.FILE_SENT: [Case(wrap=sends_a_file)],
    SkipReason.INCOMPLETE: [Case(wrap=returns_early)],
    SkipReason.CORRUPT: [Case(html(b"\x1f\x8b\x08\x00 not gzip at all", HTML, ("Content-Encoding", "gzip")))],
    SkipReason.ALREADY_INJECTED: [],  # see test_a_page_that_holds_the_script_already_is_injected
    SkipReason.AMP: [Case(html("<!doctype html><html amp><head></head>"))],
    SkipReason.FRAGMENT: [Case(html("<p>Hello, World!</p>"))],
    SkipReason.HEAD_NOT_FOUND: [Case(html("<!doctype html><!-- never closed"))],
    SkipReason.NUL: [Case(html("<!doctype html>\0<html><head></head>"))],
    SkipReason.ENCODING: [
        Case(html("<!doctype html>", ("Content-Type", "text/html; charset=utf-16"))),
        Case(html(b"\xff\xfe<\0h\0t\0m\0l\0>\0", NO_CHARSET)),
    ],
    SkipReason.CHARSET_MISSING: [Case(html("<!doctype html><html><head><title>Größe</title></head>", NO_CHARSET))],
    SkipReason.CHARSET_LATE: [
        Case(html('<!doctype html><head><script>1</script><meta charset="utf-8"></head>', NO_CHARSET))
    ],
    SkipReason.CSP_SANDBOX: [Case(with_headers((CSP, "sandbox")))],
    SkipReason.CSP_NONE: [Case(with_headers((CSP, "script-src 'none'")))],
    SkipReason.CSP_BLOCKS_SCRIPT: [Case(with_headers((CSP, "script-src https://cdn.example")))],
    SkipReason.CSP_BLOCKS_CONNECT: [
        Case(with_headers((CSP, "connect-src 'none'")), variables={"WIDGETMW_DELIVERY": "fetch"}),
        Case(with_headers((CSP, "connect-src 'none'")), is_injected=True),
    ],
    SkipReason.CSP_BLOCKS_LOADER: [Case(with_headers((CSP, "script-src 'self'")), shell=EMBED, is_injected=True)],
    SkipReason.CSP_TRUSTED_TYPES: [
        Case(with_headers((CSP, "require-trusted-types-for 'script'")), shell=EMBED, is_injected=True),
        Case(with_headers((CSP, "require-trusted-types-for 'script'")), variables=EMBED, is_injected=True),
    ],
    SkipReason.INTEGRITY_BLOCKS_LOADER: [
        Case(with_headers(("Integrity-Policy", "blocked-destinations=(script)")), shell=EMBED, is_injected=True),
        Case(with_headers(("Integrity-Policy", "blocked-destinations=(script)")), variables=EMBED, is_injected=True),
    ],
    SkipReason.BASE_OF_OTHER_ORIGIN: [
        Case(with_headers((CSP, "script-src 'self'")), wrap=places_the_script_after_a_base)
    ],
    SkipReason.URLS_MISSING: [],  # only in Django, see test_without_urls_pages_are_skipped_with_one_warning
    SkipReason.INTERNAL_ERROR: [Case(patch=fail(Engine, "prepare_page"), seen=False)],
}
ALL = [(reason, case) for reason, cases in CASES.items() for case in cases]


def test_every_reason_has_a_case() -> None:
    assert CASES.keys() == set(SkipReason)


def check(
    case: Case, is_debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Runs the site, and the command; returns its exit status and what it prints."""
    environ = testing.environ("digitalgenius", **case.variables, **case.shell)
    settings = Settings.from_env({**environ, **({"WIDGETMW_DEBUG": "true"} if is_debug else {})})
    if case.shell:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
    if case.patch:
        case.patch(monkeypatch)

    def resolve(scope: Any) -> Any:
        if isinstance(case.user, Exception):
            raise case.user
        return case.user

    if case.wrap:
        app = case.wrap(case.page, settings, case.user)
    else:
        app = WidgetMiddleware(app_of(case.page), settings, user=resolve)
    with serve(app, case.front) as site:
        status = main(["check", "--url", f"{site.url}/orders", *case.arguments])
    output = capsys.readouterr()
    assert "Traceback" not in output.out + output.err
    return status, output.out


@pytest.mark.parametrize(("reason", "case"), ALL, ids=[reason.code for reason, _ in ALL])
def test_the_reason_and_its_remedy_are_named_with_debug(
    reason: SkipReason, case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output = check(case, True, monkeypatch, capsys)
    assert status == (0 if case.is_injected else 1), output
    assert f"{reason.code}: {reason.text}" in output
    assert reason.remedy in output
    if not case.is_injected:
        assert f"not injected; reason={reason.code}\n" in output


SEEN = [(reason, case) for reason, case in ALL if case.seen]


@pytest.mark.parametrize(("reason", "case"), SEEN, ids=[reason.code for reason, _ in SEEN])
def test_the_reason_and_its_remedy_are_named_without_debug(
    reason: SkipReason, case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output = check(case, False, monkeypatch, capsys)
    assert status == (0 if case.is_injected else 1), output
    assert f"{reason.code}: {reason.text}" in output
    assert reason.remedy in output
    if not case.is_injected:
        assert f"not injected; reason={reason.code}\n" in output


def test_an_internal_error_is_a_guess_without_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, output = check(CASES[SkipReason.INTERNAL_ERROR][0], False, monkeypatch, capsys)
    assert "This is a guess" in output
    assert "look into the log of the site" in output
    assert "user= may fail (resolver_failed) or return None" in output
    assert "set WIDGETMW_DEBUG=true" in output


def test_what_cannot_be_seen_is_said_to_be_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output = check(CASES[SkipReason.METHOD][0], False, monkeypatch, capsys)
    assert (status, "problem: unknown: Nothing that can be seen explains" in output) == (1, True)


@pytest.mark.parametrize("is_debug", [True, False])
def test_a_page_that_holds_the_script_already_is_injected(
    is_debug: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored: list[bytes] = []

    def cached(page: Page, settings: Settings, user: Any) -> Any:
        inner = WidgetMiddleware(app_of(page), settings, user=lambda scope: user)
        stored.append(LiveSite(inner, pass_on).respond(Request("/orders", {})).body)
        return WidgetMiddleware(app_of(Page(stored[0])), settings, user=lambda scope: user)

    status, output = check(Case(wrap=cached), is_debug, monkeypatch, capsys)
    assert b"data-widgetmw" in stored[0]
    assert status == 0, output
    assert (SkipReason.ALREADY_INJECTED.text in output) == is_debug


def test_compressed_pages_are_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = html(gzip.compress(BODY), HTML, ("Content-Encoding", "gzip"))
    status, output = check(Case(page), False, monkeypatch, capsys)
    assert status == 0, output
    assert "carries tokens for digitalgenius" in output
