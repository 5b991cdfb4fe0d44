"""Unusual apps: replaced responses, late writes, unawaited sends; and no references left after an error."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from widgetmw import Settings, User, asgi, wsgi
from widgetmw.core.errors import ResolverError

PAGE = b"<!doctype html><html><head><title>a</title></head><body></body></html>"
HTML = ("Content-Type", "text/html; charset=utf-8")
TEXT = ("Content-Type", "text/plain")
SCRIPT = b"<script data-widgetmw>"
SECRETS = {"cookie": "session=SECRET", "authorization": "Bearer SECRET"}


@pytest.fixture
def settings(dg_env: dict[str, str]) -> Settings:
    return Settings.from_env(dg_env)


def ada(request: Any) -> User:
    return User("ada")


def environ(**changes: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "wsgi.url_scheme": "http", **changes}


class Server:
    """A server that enforces PEP 3333 as strictly as it allows."""

    def __init__(self) -> None:
        self.out = b""
        self.starts: list[str] = []

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        if self.starts and (exc_info is None or self.out):
            raise AssertionError("Headers already set!")
        self.starts.append(status)
        return self.write

    def write(self, data: bytes) -> None:
        self.out += data

    def serve(self, app: Any, request: Any = None) -> bytes:
        chunks = app(environ() if request is None else request, self.start_response)
        try:
            for data in chunks:
                self.out += data
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return self.out


def wrapped(app: Any, settings: Settings, user: Any = ada) -> Any:
    """The app in a middleware, after others have filled the caches for its headers and page prefix."""
    middleware = wsgi.WidgetMiddleware(app, settings, user=user)
    for kind in (HTML, TEXT):
        other = wsgi.WidgetMiddleware(lambda request, start, kind=kind: start("200 OK", [kind]) and [PAGE], settings)
        Server().serve(other)
    return middleware


@pytest.mark.parametrize("kind", [HTML, TEXT])
@pytest.mark.parametrize("first", [HTML, TEXT])
def test_an_error_page_replaces_a_page_that_has_not_started(settings: Settings, kind: Any, first: Any) -> None:
    def app(request: Any, start_response: Any) -> Any:
        start_response("200 OK", [first])

        def body() -> Iterator[bytes]:
            try:
                raise ValueError
            except ValueError:
                start_response("500 Oops", [kind], sys.exc_info())
            yield PAGE

        return body()

    server = Server()
    served = server.serve(wrapped(app, settings))
    assert server.starts[-1] == "500 Oops"
    # once a response is skipped it stays skipped: the server already has the app's iterable
    assert served.count(SCRIPT) == (kind is HTML and first is HTML)
    assert served.endswith(PAGE[-20:])


def test_an_error_page_replaces_a_plain_response_before_the_app_returns(settings: Settings) -> None:
    def app(request: Any, start_response: Any) -> Any:
        start_response("200 OK", [TEXT])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [HTML], sys.exc_info())
        return [PAGE]

    assert SCRIPT in Server().serve(wrapped(app, settings))


@pytest.mark.parametrize("kind", [HTML, TEXT])
def test_a_second_start_response_without_exc_info_is_rejected(settings: Settings, kind: Any) -> None:
    def app(request: Any, start_response: Any) -> Any:
        start_response("200 OK", [kind])
        start_response("200 OK", [kind])
        return [PAGE]

    with pytest.raises(AssertionError, match="without exc_info"):
        wrapped(app, settings)(environ(), lambda *_: None)


def test_a_page_inside_a_page_gets_no_second_script(settings: Settings) -> None:
    inner = wrapped(lambda request, start: start("200 OK", [HTML]) and [PAGE], settings)

    def app(request: Any, start_response: Any) -> Any:
        start_response("200 OK", [HTML])

        def body() -> Iterator[bytes]:
            yield PAGE
            yield from inner(request, lambda *_: lambda data: None)

        return body()

    request = environ()
    for _ in range(2):  # the same environ may be served again
        served = Server().serve(wrapped(app, settings), request)
        assert (served.count(SCRIPT), served.count(b"<title>")) == (1, 2)


@pytest.mark.parametrize("user", [ada, lambda request: None])
def test_a_late_write_goes_to_the_server(settings: Settings, user: Any) -> None:
    def app(request: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [HTML])

        def body() -> Iterator[bytes]:
            yield PAGE
            write(b"late")
            yield b"end"

        return body()

    server = Server()
    middleware = wrapped(app, settings, user)
    assert b"late" in server.serve(middleware)
    assert server.starts == ["200 OK"]
    assert sum(count for name, count in middleware.engine.events.counts.items() if name.startswith("page:")) == 1


def test_the_iterable_is_closed_only_once(settings: Settings) -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([PAGE, b"more"])

        def close(self) -> None:
            closed.append(1)

    chunks = wrapped(lambda request, start: start("200 OK", [HTML]) and Body(), settings)(
        environ(), lambda *_: lambda data: None
    )
    chunks.close()
    chunks.close()
    assert closed == [1]


# --- ASGI

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html; charset=utf-8")]}


def scope(**changes: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], **changes}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sent(app: Any, request: Any = None) -> list[Any]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(app(scope() if request is None else request, None, send))
    return messages


def test_messages_sent_at_once_and_awaited_later_stay_in_order(settings: Settings) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        pending = [send(START), send(body(b"<!doctype html>", True)), send(body(b"<html><head></head>x"))]
        for send_call in pending:
            await send_call

    for _ in range(2):
        messages = sent(asgi.WidgetMiddleware(app, settings, user=ada))
        assert messages[0]["type"] == "http.response.start"
        assert b"".join(message.get("body", b"") for message in messages).count(SCRIPT) == 1


@pytest.mark.parametrize("installed", [False, True])
def test_a_page_survives_a_cancelled_send(settings: Settings, installed: bool) -> None:
    async def slow_user(request: Any) -> User:
        await asyncio.sleep(0.05)
        return User("ada")

    async def impatient(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            await asyncio.wait_for(send(body(PAGE, True)), 0.01)
        except TimeoutError:
            pass
        await send(body(b"end"))

    app: Any = asgi.WidgetMiddleware(impatient, settings, user=slow_user)
    if installed:
        from starlette.applications import Starlette
        from starlette.routing import Mount

        from widgetmw.starlette import install

        app = Starlette(routes=[Mount("/", impatient)])
        install(app, settings=settings, user=slow_user)
    messages = sent(app)
    assert messages[0]["type"] == "http.response.start"
    served = b"".join(message["body"] for message in messages[1:])
    assert served.startswith(PAGE[:20])
    assert served.endswith(PAGE[-30:] + b"end")
    assert served.count(SCRIPT) == installed  # an inner layer resolves the user again; an outer one skips the page


# --- references and reprs


class Request(dict[str, Any]):
    """A request that supports weak references."""


def failing(request: Any) -> User:
    raise ResolverError("no session")


@pytest.mark.parametrize("driver", ["asgi", "wsgi"])
def test_a_failing_resolver_leaves_no_reference_cycle_with_the_request(settings: Settings, driver: str) -> None:
    async def simple(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(PAGE))

    gc.disable()
    try:
        for _ in range(2):
            if driver == "asgi":
                request = Request(scope())
                page = sent(asgi.WidgetMiddleware(simple, settings, user=failing), request)[1]["body"]
            else:
                request = Request(environ())
                app = wrapped(lambda given, start: start("200 OK", [HTML]) and [PAGE], settings, failing)
                page = Server().serve(app, request)
            reference = weakref.ref(request)
            del request
            assert page == PAGE
            assert reference() is None
    finally:
        gc.enable()


def test_the_callables_passed_to_the_app_do_not_show_the_request_in_their_repr(settings: Settings) -> None:
    reprs: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reprs.append(repr(send))
        await send(START)
        reprs.append(repr(send))
        await send(body(PAGE, True))
        reprs.append(repr(send))
        await send(body(b"SECRET"))

    def wsgi_app(request: Any, start_response: Any) -> Any:
        reprs.append(repr(start_response))
        reprs.append(repr(start_response("200 OK", [HTML])))
        reprs.append(repr(start_response))
        return [PAGE]

    headers = [(name.encode(), value.encode()) for name, value in SECRETS.items()]
    secret_environ = {f"HTTP_{name.upper()}": value for name, value in SECRETS.items()}
    for user in (ada, lambda request: None):
        assert sent(asgi.WidgetMiddleware(app, settings, user=user), scope(headers=headers))
        assert Server().serve(wrapped(wsgi_app, settings, user), environ(**secret_environ))
    assert len(reprs) == 12
    assert not [text for text in reprs if "SECRET" in text]
