"""The ASGI protocol: every kind of message, in order, without modifying the app's objects."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from tests.contract.site import BODY, HEAD_END, MARK
from tests.growth import assert_linear
from widgetmw import Settings, User, identify
from widgetmw.asgi import WidgetMiddleware

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html; charset=utf-8")]}


def body(data: Any = BODY, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def middleware(environ: dict[str, str], *messages: Any, user: Any = None) -> WidgetMiddleware:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            await send(message)

    return WidgetMiddleware(app, Settings.from_env(environ), user=user or (lambda scope: User("ada")))


def scope(**changes: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], **changes}


async def sent_by(app: Any, request: dict[str, Any] | None = None) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    await app(scope() if request is None else request, receive, send)
    return sent


def run(app: Any, request: dict[str, Any] | None = None) -> list[Any]:
    return asyncio.run(sent_by(app, request))


def joined_body(sent: list[Any]) -> bytes:
    return b"".join(bytes(m.get("body", b"")) for m in sent if m["type"] == "http.response.body")


def test_call_is_a_coroutine_function(dg_env: dict[str, str]) -> None:
    assert inspect.iscoroutinefunction(middleware(dg_env).__call__)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_it_runs_on_asyncio_and_trio(dg_env: dict[str, str], backend: str) -> None:
    async def user(_: Any) -> User:
        await anyio.sleep(0)
        return User("ada")

    sent = anyio.run(sent_by, middleware(dg_env, START, body(), user=user), backend=backend)
    assert b"data-widgetmw" in joined_body(sent)


@pytest.mark.parametrize("kind", ["lifespan", "websocket", "something.new"])
def test_other_scope_types_pass_through_unmodified(dg_env: dict[str, str], kind: str) -> None:
    seen: list[Any] = []

    async def app(*args: Any) -> None:
        seen.extend(args)

    request, receive, send = {"type": kind}, object(), object()
    asyncio.run(WidgetMiddleware(app, Settings.from_env(dg_env))(request, receive, send))  # type: ignore[arg-type]
    assert seen == [request, receive, send]
    assert request == {"type": kind}


@pytest.mark.parametrize("make", [tuple, list, iter, lambda pairs: [list(pair) for pair in pairs]])
def test_headers_may_be_any_iterable(dg_env: dict[str, str], make: Callable[[Any], Any]) -> None:
    start = {**START, "headers": make([(b"Content-Type", b"text/html"), (b"content-length", str(len(BODY)).encode())])}
    sent = run(middleware(dg_env, start, body()))
    assert (b"content-length", str(len(joined_body(sent))).encode()) in [tuple(pair) for pair in sent[0]["headers"]]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bodies_may_be_any_bytes_like_object(dg_env: dict[str, str], kind: Any) -> None:
    sent = run(middleware(dg_env, START, body(kind(BODY[:20]), True), body(kind(BODY[20:]))))
    page = joined_body(sent)
    assert b"data-widgetmw" in page[: HEAD_END + 50]
    assert page.endswith(BODY[HEAD_END:])


def test_headers_body_and_more_body_may_be_missing(dg_env: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    bare = {"type": "http.response.start", "status": 200}
    assert run(middleware(dg_env, bare, {"type": "http.response.body"})) == [bare, {"type": "http.response.body"}]
    empty = run(middleware(dg_env, START, {"type": "http.response.body"}))
    assert empty == [START, {"type": "http.response.body"}]
    assert caplog.text == ""


def test_objects_of_the_app_are_never_modified(dg_env: dict[str, str]) -> None:
    headers = [(b"content-type", b"text/html"), (b"etag", b"x"), (b"content-length", str(len(BODY)).encode())]
    start, data = {**START, "headers": headers}, body()
    kept = (list(headers), dict(start), dict(data))
    run(middleware(dg_env, start, data))
    assert (headers, start, data) == (kept[0], kept[1], kept[2])
    assert start["headers"] is headers


def test_a_skipped_page_forwards_the_same_message_objects(dg_env: dict[str, str]) -> None:
    messages = [{**START, "headers": [(b"content-type", b"text/plain")]}, body(b"a", True), body(b"b")]
    for sent, message in zip(run(middleware(dg_env, *messages)), messages, strict=True):
        assert sent is message


def test_messages_after_the_decision_are_forwarded_unchanged(dg_env: dict[str, str]) -> None:
    tail = [body(b"<p>", True), {"type": "http.response.trailers", "headers": []}, body(b"</p>")]
    sent = run(middleware(dg_env, START, body(BODY, True), *tail))
    assert all(forwarded is message for forwarded, message in zip(sent[2:], tail, strict=True))


def test_the_app_receives_the_scope_of_the_server(dg_env: dict[str, str]) -> None:
    inner: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        inner.append(scope)
        scope["user"] = "set by the app"

    request = scope(headers=[(b"accept", b"text/html"), (b"cookie", b"a=1"), (b"if-none-match", b"x")])
    server_headers = request["headers"]
    asyncio.run(WidgetMiddleware(app, Settings.from_env(dg_env))(request, None, None))  # type: ignore[arg-type]
    assert inner[0] is request
    assert request["user"] == "set by the app"
    assert len(server_headers) == 3, "the header list of the server was modified"


def test_early_hints_and_other_messages_pass_in_order(dg_env: dict[str, str]) -> None:
    hints = {"type": "http.response.early_hint", "links": [b"</a.css>"]}
    debug = {"type": "http.response.debug", "info": {}}
    push = {"type": "http.response.push", "path": "/a.css", "headers": []}
    new = {"type": "http.response.something_new"}
    sent = run(middleware(dg_env, hints, debug, START, push, body(b"", True), new, body()))
    assert [m["type"].rpartition(".")[2] for m in sent] == [
        "early_hint",
        "debug",
        "start",
        "push",
        "something_new",
        "body",
    ]
    assert b"data-widgetmw" in joined_body(sent)


@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend"])
def test_a_file_sent_by_the_server_is_counted_as_skipped(dg_env: dict[str, str], kind: str) -> None:
    app = middleware(dg_env, START, {"type": kind, "path": "/a.html"})
    sent = run(app)
    assert [m["type"] for m in sent] == ["http.response.start", kind]
    assert app.engine is not None
    assert app.engine.events.counts["page:file_sent"] == 1


def test_buffered_messages_are_sent_when_the_app_returns_without_a_final_body(dg_env: dict[str, str]) -> None:
    start, chunk = START, body(b"<!doctype html><htm", True)
    assert run(middleware(dg_env, start, chunk)) == [start, chunk]


def test_an_error_of_the_app_propagates(dg_env: dict[str, str]) -> None:
    for messages in ((KeyError("x"),), (START, KeyError("x")), (START, body(BODY, True), KeyError("x"))):
        with pytest.raises(KeyError):
            run(middleware(dg_env, *messages))


def test_an_error_of_send_propagates(dg_env: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    async def failing_send(message: Any) -> None:
        raise OSError("client disconnected")

    with pytest.raises(OSError, match="client disconnected"):
        asyncio.run(middleware(dg_env, START, body())(scope(), None, failing_send))  # type: ignore[arg-type]
    assert caplog.records == []


def test_a_cancelled_request_is_cancelled(dg_env: dict[str, str]) -> None:
    async def slow_user(_: Any) -> User:
        await asyncio.sleep(60)
        return User("ada")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await sent_by(middleware(dg_env, START, body(), user=slow_user))

    asyncio.run(main())


def test_nothing_is_buffered_after_the_decision(dg_env: dict[str, str]) -> None:
    order: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for i, chunk in enumerate((BODY[:40], BODY[40:], b"<p>", b"</p>")):
            order.append(f"app {i}")
            await send(body(chunk, i < 3))

    async def send(message: Any) -> None:
        order.append(message["type"].rpartition(".")[2])

    wrapped = WidgetMiddleware(app, Settings.from_env(dg_env), user=lambda scope: User("ada"))
    asyncio.run(wrapped(scope(), None, send))  # type: ignore[arg-type]
    assert order == ["app 0", "start", "body", "app 1", "body", "app 2", "body", "app 3", "body"]


def test_a_slow_client_slows_the_app_down(dg_env: dict[str, str]) -> None:
    client_is_ready = asyncio.Event()
    produced: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for i in range(10):
            await send(body(BODY if i == 0 else b"<p>", i < 9))
            produced.append(i)

    async def main() -> None:
        async def send(message: Any) -> None:
            await client_is_ready.wait()

        wrapped = WidgetMiddleware(app, Settings.from_env(dg_env), user=lambda scope: User("ada"))
        task = asyncio.create_task(wrapped(scope(), None, send))  # type: ignore[arg-type]
        await asyncio.sleep(0.02)
        assert produced == []
        client_is_ready.set()
        await task

    asyncio.run(main())


def test_interleaved_requests_of_many_users_get_their_own_tokens(dg_env: dict[str, str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        await send(START)
        for i in range(0, len(BODY), 25):
            await asyncio.sleep(0)
            await send(body(BODY[i : i + 25], i + 25 < len(BODY)))

    async def user(scope: Any) -> User:
        await asyncio.sleep(0)
        return User(scope["path"])

    wrapped = WidgetMiddleware(app, Settings.from_env({**dg_env, "WIDGETMW_CACHE_SIZE": "5"}), user=user)

    async def has_own_token(i: int) -> bool:
        path = f"/user{i % 17}"
        page = joined_body(await sent_by(wrapped, scope(path=path)))
        assert wrapped.engine is not None
        return wrapped.engine.tokens.get(User(path)).user_hash.encode() in page

    async def main() -> list[bool]:
        return await asyncio.gather(*(has_own_token(i) for i in range(2000)))

    assert all(asyncio.run(main()))


def test_a_resolver_that_is_not_callable_is_rejected_at_startup(dg_env: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="function of the scope"):
        WidgetMiddleware(middleware(dg_env).app, Settings.from_env(dg_env), user=User("ada"))  # type: ignore[arg-type]


def test_invalid_settings_are_rejected_at_startup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DG_API_KEY", "x")
    with pytest.raises(ValueError, match="DG_API_SECRET"):
        WidgetMiddleware(middleware({"WIDGETMW_ENABLED": "no"}).app)


def test_scope_user_is_the_default_user(dg_env: dict[str, str]) -> None:
    class AuthenticatedUser:
        is_authenticated = True
        identity = "by-convention"

    app = WidgetMiddleware(middleware(dg_env, START, body()).app, Settings.from_env(dg_env))
    assert app.engine is not None
    page = joined_body(
        run(
            WidgetMiddleware(middleware({"WIDGETMW_ENABLED": "0"}, START, body()).app, app.settings),
            scope(user=AuthenticatedUser()),
        )
    )
    assert app.engine.tokens.get(User("by-convention")).user_hash.encode() in page


def test_a_wrong_type_in_the_response_breaks_nothing(dg_env: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    invalid = {"type": "http.response.start", "status": 200, "headers": [(None, 3)]}
    with caplog.at_level(logging.WARNING):
        assert run(middleware(dg_env, invalid, body())) == [invalid, body()]
    assert "internal_error" in caplog.text


def test_a_user_object_that_raises_does_not_break_the_app(dg_env: dict[str, str]) -> None:
    class LazyUser:
        @property
        def is_authenticated(self) -> bool:
            raise RuntimeError("the database is unavailable")

    headers = [(b"accept", b"text/html"), (b"if-none-match", b"x")]
    sent = run(middleware(dg_env, START, body()), scope(user=LazyUser(), headers=headers))
    assert b"data-widgetmw" in joined_body(sent)


def test_an_identity_in_the_scope_hides_conditional_headers(dg_env: dict[str, str]) -> None:
    class AuthenticatedUser:
        is_authenticated = True

    for request in (scope(user=AuthenticatedUser()), scope()):
        request["headers"] = [(b"accept", b"text/html"), (b"if-none-match", b"x")]
        if "user" not in request:
            identify(request, User("ada"))
        run(middleware(dg_env, START, body()), request)
        assert request["headers"] == [(b"accept", b"text/html")]


def test_a_scope_may_be_served_twice(dg_env: dict[str, str]) -> None:
    app, request = middleware(dg_env, START, body()), scope()
    assert all(b"data-widgetmw" in joined_body(run(app, request)) for _ in range(2))


def test_request_headers_may_be_a_one_shot_iterator(dg_env: dict[str, str]) -> None:
    request = scope(headers=iter([(b"cookie", MARK.encode()), (b"accept", b"text/html")]))
    page = joined_body(run(middleware(dg_env, START, body(), user=lambda scope: None), request))
    assert b'"user":null' in page
    assert len(request["headers"]) == 2


def test_a_repeated_sec_fetch_site_header_is_cross_site(dg_env: dict[str, str]) -> None:
    headers = [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-site", b"same-origin")]
    sent = run(middleware(dg_env, START, body()), scope(path="/_widgetmw/token", headers=headers))
    assert sent[0]["status"] == 403


@pytest.mark.parametrize("root_path", ["/shop", "/shop/", None, ""])
def test_unusual_root_paths_are_normalized(dg_env: dict[str, str], root_path: str | None) -> None:
    prefix = (root_path or "").rstrip("/")
    app = middleware(dg_env, START, body())
    page = joined_body(run(app, scope(root_path=root_path, path=f"{prefix}/")))
    assert f'"url":"{prefix}/_widgetmw/token"'.encode() in page
    assert run(app, scope(root_path=root_path, path=f"{prefix}/_widgetmw/token"))[0]["status"] == 200


def test_empty_chunks_are_not_buffered(dg_env: dict[str, str]) -> None:
    empty = body(b"", True)
    sent = run(middleware(dg_env, START, *[empty] * 1000, body()))
    assert len(sent) == 2
    assert b"data-widgetmw" in joined_body(sent)


def test_an_incomplete_response_has_a_skip_reason(dg_env: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    app = middleware({**dg_env, "WIDGETMW_DEBUG": "1"}, START, body(b"<!doctype html><htm", True))
    assert (b"x-widgetmw", b"skipped; reason=incomplete") in run(app)[0]["headers"]
    assert caplog.text == "", "frameworks return like this when the client leaves"


@pytest.mark.parametrize("path", ["/", "/_widgetmw/token"])
@pytest.mark.parametrize("name", ["host", "origin", "cookie", "accept", "sec-fetch-site", "sec-purpose", "range"])
def test_a_request_header_that_is_repeated_endlessly_takes_linear_time(
    dg_env: dict[str, str], name: str, path: str
) -> None:
    app = middleware(dg_env, START, body(), user=lambda scope: None)

    async def sink(message: Any) -> None:
        pass

    def request(headers: list[tuple[bytes, bytes]]) -> None:
        with pytest.raises(StopIteration):  # nothing in it waits
            app(scope(path=path, headers=list(headers)), sink, sink).send(None)

    assert_linear(request, lambda count: [(name.encode(), b"a")] * count, 200_000)


@pytest.mark.parametrize(("name", "value"), [("sec-fetch-site", b"cross-site"), ("accept", b"text/html" * 10)])
def test_a_request_header_that_is_looked_into_may_be_repeated_endlessly(
    dg_env: dict[str, str], name: str, value: bytes
) -> None:
    app = middleware(dg_env, START, body(), user=lambda scope: None)

    async def sink(message: Any) -> None:
        pass

    def request(headers: list[Any]) -> None:
        brotli = (b"accept-encoding", b"br")  # makes the middleware read what else is accepted
        with pytest.raises(StopIteration):  # nothing in it waits
            app(scope(headers=[brotli, *headers]), sink, sink).send(None)

    assert_linear(request, lambda count: [(name.encode(), value)] * count, 16_000)
