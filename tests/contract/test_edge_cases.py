"""What an app does after its first words: other answers, writes, sends out of time, and errors that hold nothing."""

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
SPAN = b"<script data-widgetmw>"
SECRETS = {"cookie": "session=SECRET", "authorization": "Bearer SECRET"}


@pytest.fixture
def settings(dg_env: dict[str, str]) -> Settings:
    return Settings.from_env(dg_env)


def ada(request: Any) -> User:
    return User("ada")


def environ(**more: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "wsgi.url_scheme": "http", **more}


class Server:
    """A server as strict as PEP 3333 lets it be."""

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
    """The app in a middleware that knows its types and the start of its pages by now."""
    middleware = wsgi.WidgetMiddleware(app, settings, user=user)
    for kind in (HTML, TEXT):
        known = wsgi.WidgetMiddleware(lambda request, start, kind=kind: start("200 OK", [kind]) and [PAGE], settings)
        Server().serve(known)
    return middleware


@pytest.mark.parametrize("kind", [HTML, TEXT])
@pytest.mark.parametrize("first", [HTML, TEXT])
def test_an_error_page_takes_the_place_of_a_page_that_has_not_begun(settings: Settings, kind: Any, first: Any) -> None:
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
    # what was passed on as it is, stays passed on: the app's iterable has gone to the server
    assert served.count(SPAN) == (kind is HTML and first is HTML)
    assert served.endswith(PAGE[-20:])


def test_an_error_page_takes_the_place_of_what_is_no_page_while_the_app_runs(settings: Settings) -> None:
    def app(request: Any, start_response: Any) -> Any:
        start_response("200 OK", [TEXT])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [HTML], sys.exc_info())
        return [PAGE]

    assert SPAN in Server().serve(wrapped(app, settings))


@pytest.mark.parametrize("kind", [HTML, TEXT])
def test_a_second_start_without_an_error_is_refused(settings: Settings, kind: Any) -> None:
    def app(request: Any, start_response: Any) -> Any:
        start_response("200 OK", [kind])
        start_response("200 OK", [kind])
        return [PAGE]

    with pytest.raises(AssertionError, match="without exc_info"):
        wrapped(app, settings)(environ(), lambda *_: None)


def test_a_page_within_a_page_gets_no_span_of_its_own(settings: Settings) -> None:
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
        assert (served.count(SPAN), served.count(b"<title>")) == (1, 2)


@pytest.mark.parametrize("user", [ada, lambda request: None])
def test_what_is_written_late_goes_to_the_server(settings: Settings, user: Any) -> None:
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


def test_an_iterable_is_closed_once_however_often_ours_is(settings: Settings) -> None:
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


def scope(**more: Any) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], **more}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sent(app: Any, request: Any = None) -> list[Any]:
    found: list[Any] = []

    async def send(message: Any) -> None:
        found.append(message)

    asyncio.run(app(scope() if request is None else request, None, send))
    return found


def test_messages_handed_over_at_once_and_waited_for_later_stay_in_order(settings: Settings) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        waiting = [send(START), send(body(b"<!doctype html>", True)), send(body(b"<html><head></head>x"))]
        for each in waiting:
            await each

    for _ in range(2):
        found = sent(asgi.WidgetMiddleware(app, settings, user=ada))
        assert found[0]["type"] == "http.response.start"
        assert b"".join(message.get("body", b"") for message in found).count(SPAN) == 1


@pytest.mark.parametrize("installed", [False, True])
def test_a_page_survives_that_its_app_waits_no_longer(settings: Settings, installed: bool) -> None:
    async def slowly(request: Any) -> User:
        await asyncio.sleep(0.05)
        return User("ada")

    async def impatient(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            await asyncio.wait_for(send(body(PAGE, True)), 0.01)
        except TimeoutError:
            pass
        await send(body(b"end"))

    app: Any = asgi.WidgetMiddleware(impatient, settings, user=slowly)
    if installed:
        from starlette.applications import Starlette
        from starlette.routing import Mount

        from widgetmw.starlette import install

        app = Starlette(routes=[Mount("/", impatient)])
        install(app, settings=settings, user=slowly)
    found = sent(app)
    assert found[0]["type"] == "http.response.start"
    served = b"".join(message["body"] for message in found[1:])
    assert served.startswith(PAGE[:20])
    assert served.endswith(PAGE[-30:] + b"end")
    assert served.count(SPAN) == installed  # inside the user is asked for again; outside, the page goes without


# --- what stays behind


class Request(dict[str, Any]):
    """A request that can be watched."""


def failing(request: Any) -> User:
    raise ResolverError("no session")


@pytest.mark.parametrize("driver", ["asgi", "wsgi"])
def test_a_resolver_that_fails_leaves_no_cycle_that_holds_the_request(settings: Settings, driver: str) -> None:
    async def simple(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(PAGE))

    gc.disable()
    try:
        for _ in range(2):
            if driver == "asgi":
                request = Request(scope())
                found = sent(asgi.WidgetMiddleware(simple, settings, user=failing), request)[1]["body"]
            else:
                request = Request(environ())
                app = wrapped(lambda given, start: start("200 OK", [HTML]) and [PAGE], settings, failing)
                found = Server().serve(app, request)
            watched = weakref.ref(request)
            del request
            assert found == PAGE
            assert watched() is None
    finally:
        gc.enable()


def test_what_an_app_is_given_shows_nobody_the_request(settings: Settings) -> None:
    shown: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        shown.append(repr(send))
        await send(START)
        shown.append(repr(send))
        await send(body(PAGE, True))
        shown.append(repr(send))
        await send(body(b"SECRET"))

    def called(request: Any, start_response: Any) -> Any:
        shown.append(repr(start_response))
        shown.append(repr(start_response("200 OK", [HTML])))
        shown.append(repr(start_response))
        return [PAGE]

    headers = [(name.encode(), value.encode()) for name, value in SECRETS.items()]
    requested = {f"HTTP_{name.upper()}": value for name, value in SECRETS.items()}
    for user in (ada, lambda request: None):
        assert sent(asgi.WidgetMiddleware(app, settings, user=user), scope(headers=headers))
        assert Server().serve(wrapped(called, settings, user), environ(**requested))
    assert len(shown) == 12
    assert not [text for text in shown if "SECRET" in text]
