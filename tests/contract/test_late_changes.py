"""Apps and inner middleware that modify the request, its header lists or the response later on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.site import MARK
from widgetmw import Settings, User, asgi, wsgi

PAGE = b"<!doctype html><html><head><title>a</title></head><body></body></html>"
HTML = (b"content-type", b"text/html; charset=utf-8")
CROSS_SITE_FRAME = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-dest", b"iframe")]


@pytest.fixture
def settings(dg_env: dict[str, str]) -> Settings:
    return Settings.from_env(dg_env)


def ada(request: Any) -> User:
    return User("ada")


def sent(app: Any, headers: Any = ()) -> list[Any]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": list(headers)}
    asyncio.run(app(scope, None, send))
    return messages


def make_app(change: Any, body: Any = PAGE, late: Any = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        change(scope)
        headers = [HTML, (b"etag", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if late is not None:
            late(headers)
        await send({"type": "http.response.body", "body": body})

    return app


def environ(**more: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "wsgi.url_scheme": "http", **more}


def replace_headers(scope: Any) -> None:
    scope["headers"] = [pair for pair in scope["headers"] if not pair[0].startswith(b"sec-")]


def clear_headers(scope: Any) -> None:
    scope["headers"].clear()


@pytest.mark.parametrize("change", [replace_headers, clear_headers])
def test_a_cross_site_frame_is_recognized_when_an_asgi_app_drops_its_headers(settings: Settings, change: Any) -> None:
    middleware = asgi.WidgetMiddleware(make_app(change), settings, user=ada)
    assert sent(middleware, CROSS_SITE_FRAME)[1]["body"] == PAGE
    assert b"<script" in sent(middleware)[1]["body"]


def test_a_cross_site_frame_is_recognized_when_a_wsgi_app_drops_its_headers(settings: Settings) -> None:
    def app(given: Any, start_response: Any) -> Any:
        for name in [name for name in given if name.startswith("HTTP_SEC")]:
            del given[name]
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    middleware = wsgi.WidgetMiddleware(app, settings, user=ada)
    request = environ(HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_DEST="iframe")
    assert b"".join(middleware(request, lambda *_: None)) == PAGE
    assert b"<script" in b"".join(middleware(environ(), lambda *_: None))


def keep_own_cookies(scope: Any) -> None:
    scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"cookie"]


def test_the_mark_is_seen_when_an_asgi_app_drops_cookies_that_are_not_its_own(settings: Settings) -> None:
    middleware = asgi.WidgetMiddleware(make_app(keep_own_cookies), settings, user=lambda scope: None)
    assert b'"ask":true' in sent(middleware, [(b"cookie", MARK.encode())])[1]["body"]
    assert sent(middleware, [(b"cookie", b"theme=dark")])[1]["body"] == PAGE


def test_the_mark_is_seen_when_a_wsgi_app_drops_cookies_that_are_not_its_own(settings: Settings) -> None:
    def app(given: Any, start_response: Any) -> Any:
        del given["HTTP_COOKIE"]
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    middleware = wsgi.WidgetMiddleware(app, settings, user=lambda environ: None)
    assert b'"ask":true' in b"".join(middleware(environ(HTTP_COOKIE=MARK), lambda *_: None))
    assert b"".join(middleware(environ(HTTP_COOKIE="theme=dark"), lambda *_: None)) == PAGE


def test_later_changes_to_the_header_list_are_not_remembered(settings: Settings) -> None:
    unchanged = asgi.WidgetMiddleware(make_app(lambda scope: None), settings, user=ada)
    for late in (lambda headers: headers.pop(), lambda headers: headers.append((b"x-late", b"1"))):
        changed = asgi.WidgetMiddleware(make_app(lambda scope: None, late=late), settings, user=ada)
        assert b"<script" in sent(changed)[1]["body"]
        start, chunk = sent(unchanged)
        assert b"<script" in chunk["body"]
        assert b"etag" not in dict(start["headers"])


@pytest.mark.parametrize("request_headers", [(), [(b"if-none-match", b"1")]])
def test_an_anonymous_page_has_the_headers_that_were_sent(settings: Settings, request_headers: Any) -> None:
    app = make_app(lambda scope: None, late=lambda headers: headers.append((b"x-late", b"1")))
    start, chunk = sent(asgi.WidgetMiddleware(app, settings, user=lambda scope: None), request_headers)
    assert (start["headers"], chunk["body"]) == ([HTML, (b"etag", b"1")], PAGE)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_bytes_like_bodies_get_the_script(settings: Settings, kind: Any) -> None:
    middleware = asgi.WidgetMiddleware(make_app(lambda scope: None, kind(PAGE)), settings, user=ada)
    for _ in range(2):
        assert b"<head><script" in bytes(sent(middleware)[1]["body"])


@pytest.mark.parametrize("user", [ada, lambda request: None])
def test_an_error_of_start_response_propagates(settings: Settings, user: Any) -> None:
    def app(given: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    calls = []

    def start_response(*given: Any) -> None:
        calls.append(given)
        raise ValueError("the server refuses a header of the app")

    middleware = wsgi.WidgetMiddleware(app, settings, user=user)
    with pytest.raises(ValueError, match="refuses"):
        middleware(environ(), start_response)
    assert len(calls) == 1
    assert middleware.engine is not None
    assert "page:internal_error" not in middleware.engine.events.counts


def test_an_environ_can_be_served_again_after_an_error_of_the_app(settings: Settings) -> None:
    errors = iter([KeyError("x"), None])

    def app(given: Any, start_response: Any) -> Any:
        error = next(errors)
        if error is not None:
            raise error
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    middleware, request = wsgi.WidgetMiddleware(app, settings, user=ada), environ()
    with pytest.raises(KeyError):
        middleware(request, lambda *_: None)
    assert b"<script" in b"".join(middleware(request, lambda *_: None))


@pytest.mark.parametrize("driver", ["asgi", "wsgi"])
def test_the_time_in_a_page_is_not_older_than_its_tokens(settings: Settings, driver: str) -> None:
    times = iter(range(1_700_000_000, 1_700_000_100))

    def app(given: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [PAGE]

    ticking = replace(settings, clock=lambda: float(next(times)))
    if driver == "asgi":
        page = sent(asgi.WidgetMiddleware(make_app(lambda scope: None), ticking, user=ada))[1]["body"]
    else:
        page = b"".join(wsgi.WidgetMiddleware(app, ticking, user=ada)(environ(), lambda *_: None))
    now = float(page.partition(b'"now":')[2].partition(b",")[0])
    expires_at = int(page.partition(b'"expires_at":')[2].partition(b",")[0])
    assert expires_at - now <= 3600


@pytest.mark.parametrize("user", [None, User("ada")])
@pytest.mark.parametrize("is_buffer", [False, True])
def test_an_asgi_app_may_use_one_message_and_one_buffer_for_all_chunks(
    settings: Settings, user: User | None, is_buffer: bool
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [HTML]})
        buffer, message = bytearray(7), {"type": "http.response.body", "more_body": True}
        for chunk in (PAGE[start : start + 7] for start in range(0, len(PAGE), 7)):
            buffer[: len(chunk)] = chunk
            message["body"] = memoryview(buffer)[: len(chunk)] if is_buffer else chunk
            await send(message)
        await send({"type": "http.response.body"})

    copies: list[bytes] = []

    async def send(message: Any) -> None:
        copies.append(bytes(message.get("body", b"")))

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(asgi.WidgetMiddleware(app, settings, user=lambda scope: user)(scope, None, send))  # type: ignore[arg-type]
    found = b"".join(copies)
    before, _, after = found.partition(b"<script data-widgetmw")
    assert (found == PAGE) is (user is None)
    assert before + after.rpartition(b"</script>")[2] == PAGE


def user_of_state(scope: Any) -> User | None:
    return User(scope["state"]["user"]) if scope["state"].get("user") else None


async def user_of_state_later(scope: Any) -> User | None:
    return user_of_state(scope)


@pytest.mark.parametrize("resolver", [user_of_state, user_of_state_later])
@pytest.mark.parametrize(("user", "expected"), [("ada", 1), (None, 0)])
def test_a_user_whom_only_an_inner_layer_puts_into_a_state_of_the_server_is_reported(
    settings: Settings, resolver: Any, user: str | None, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    middleware = asgi.WidgetMiddleware(
        make_app(lambda scope: scope["state"].update(user=user)), settings, user=resolver
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await middleware({**scope, "state": {"db": object()}}, receive, send)

    for _ in range(2):
        assert sent(app)[1]["body"] == PAGE
    assert caplog.text.count("endpoint_without_user") == expected
