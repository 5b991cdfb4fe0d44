"""The WSGI protocol (PEP 3333)."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

from tests.contract.site import BODY, HEAD_END, HTML
from widgetmw import Settings, User
from widgetmw.wsgi import WidgetMiddleware


def environ(**changes: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", **changes}
    setup_testing_defaults(result)
    return result


class Server:
    """A WSGI server that records what it receives, in order."""

    def __init__(self, app: Any, settings: dict[str, str], user: Any = lambda environ: User("ada")) -> None:
        self.middleware = WidgetMiddleware(app, Settings.from_env(settings), user=user)
        self.log: list[Any] = []
        self.status = ""
        self.headers: list[tuple[str, str]] = []

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        if exc_info is not None and any(isinstance(entry, bytes) for entry in self.log):
            raise exc_info[1]
        self.status, self.headers = status, headers
        self.log.append("start")
        return self.log.append

    def run(self, **changes: Any) -> bytes:
        chunks = self.middleware(environ(**changes), self.start_response)
        try:
            for chunk in chunks:
                assert "start" in self.log, "yielded before start_response was called"
                self.log.append(chunk)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return b"".join(entry for entry in self.log if isinstance(entry, bytes))


def has_script_and_whole_body(page: bytes, body: bytes = BODY) -> bool:
    added = len(page) - len(body)
    return b"data-widgetmw" in page and page[:HEAD_END] + page[HEAD_END + added :] == body


class CloseCounter:
    """An iterable that counts calls to ``close``."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("chunks", [(BODY,), (BODY[:10], BODY[10:]), (b"", BODY, b"")])
def test_close_is_called_exactly_once(dg_env: dict[str, str], chunks: tuple[bytes, ...]) -> None:
    source = CloseCounter(*chunks)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [HTML])
        return source

    assert has_script_and_whole_body(Server(app, dg_env).run())
    assert source.closed == 1


def test_close_is_called_when_the_client_disconnects_early(dg_env: dict[str, str]) -> None:
    source = CloseCounter(BODY, *[b"x"] * 100)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [HTML])
        return source

    server = Server(app, dg_env)
    chunks = server.middleware(environ(), server.start_response)
    next(iter(chunks))
    chunks.close()  # type: ignore[attr-defined]
    assert source.closed == 1


def test_an_error_while_iterating_propagates_and_closes_the_iterable(dg_env: dict[str, str]) -> None:
    closed = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            start_response("200 OK", [HTML])
            yield BODY[:10]
            raise KeyError("x")
        finally:
            closed.append(1)

    with pytest.raises(KeyError):
        Server(app, dg_env).run()
    assert closed == [1]


def test_start_response_may_come_with_the_first_item(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield from (BODY[i : i + 5] for i in range(0, len(BODY), 5))

    assert has_script_and_whole_body(Server(app, dg_env).run())


def test_a_page_started_with_write_is_injected(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [HTML])
        write(BODY[:10])
        write(BODY[10:50])
        return [BODY[50:]]

    assert has_script_and_whole_body(Server(app, dg_env).run())


def test_a_page_sent_only_with_write_is_injected(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML])(BODY)
        return []

    assert has_script_and_whole_body(Server(app, dg_env).run())


def test_write_of_other_content_goes_directly_to_the_server(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])(b"a")
        return [b"b"]

    server = Server(app, dg_env)
    assert server.run() == b"ab"
    assert server.log == ["start", b"a", b"b"]


def raised_exc_info() -> Any:
    try:
        raise ValueError("broken")
    except ValueError:
        return sys.exc_info()


def test_an_error_page_replaces_a_page_that_is_still_buffered(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html"), ("X-First", "1")])
        start_response("500 Oops", [HTML], raised_exc_info())
        return [BODY]

    server = Server(app, dg_env)
    assert has_script_and_whole_body(server.run())
    assert server.status == "500 Oops"
    assert "X-First" not in dict(server.headers)


def test_an_error_after_the_first_byte_is_raised_by_the_server(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield BODY
        start_response("500 Oops", [HTML], raised_exc_info())
        yield b"never"

    with pytest.raises(ValueError, match="broken"):
        Server(app, dg_env).run()


def test_a_second_start_response_without_exc_info_is_rejected(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML])
        start_response("200 OK", [HTML])
        return [BODY]

    with pytest.raises(AssertionError, match="second time"):
        Server(app, dg_env).run()


def test_the_file_wrapper_of_a_skipped_response_is_returned_unchanged(dg_env: dict[str, str]) -> None:
    wrapped = FileWrapper(BytesIO(b"data"))

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return wrapped

    middleware = WidgetMiddleware(app, Settings.from_env(dg_env), user=lambda environ: User("ada"))
    assert middleware(environ(), lambda *_: lambda data: None) is wrapped  # type: ignore[arg-type, return-value]


def test_a_page_in_a_file_wrapper_is_injected(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [HTML])
        return environ["wsgi.file_wrapper"](BytesIO(BODY), 16)

    assert has_script_and_whole_body(Server(app, dg_env).run(**{"wsgi.file_wrapper": FileWrapper}))


def test_an_async_resolver_is_rejected_at_startup(dg_env: dict[str, str]) -> None:
    async def user(environ: Any) -> User:
        return User("ada")

    class AsyncCallable:
        async def __call__(self, environ: Any) -> User:
            return User("ada")

    for resolver in (user, AsyncCallable()):
        with pytest.raises(TypeError, match="must not be async"):
            WidgetMiddleware(lambda e, s: [], Settings.from_env(dg_env), user=resolver)  # type: ignore[arg-type]


def test_a_resolver_that_returns_a_coroutine_is_a_failure_without_a_warning(dg_env: dict[str, str]) -> None:
    async def user(environ: Any) -> User:
        return User("ada")

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML])
        return [BODY]

    server = Server(app, dg_env, user=lambda environ: user(environ))
    assert server.run() == BODY
    assert server.middleware.engine is not None
    assert server.middleware.engine.events.counts["page:resolver_failed"] == 1


def test_remote_user_is_the_default_user(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML])
        return [BODY]

    server = Server(app, dg_env, user=None)
    page = server.run(REMOTE_USER="ada")
    assert server.middleware.engine is not None
    assert server.middleware.engine.tokens.get(User("ada")).user_hash.encode() in page


def test_each_item_is_forwarded_before_the_next_is_read(dg_env: dict[str, str]) -> None:
    produced: list[int] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        for i in range(10):
            produced.append(i)
            yield BODY if i == 0 else b"<p>"

    server = Server(app, dg_env)
    for i, _ in enumerate(server.middleware(environ(), server.start_response)):
        assert produced == list(range(i + 1))


def test_the_app_receives_the_environ_of_the_server(dg_env: dict[str, str]) -> None:
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ)
        start_response("200 OK", [HTML])
        return [BODY]

    request = environ()
    WidgetMiddleware(app, Settings.from_env(dg_env))(request, lambda *_: lambda data: None)  # type: ignore[arg-type, return-value]
    assert seen[0] is request


class ClosableList(list[bytes]):
    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_list_with_a_close_method_is_closed(dg_env: dict[str, str]) -> None:
    chunks = ClosableList([BODY])

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [HTML])
        return chunks

    assert has_script_and_whole_body(Server(app, dg_env).run())
    assert chunks.closed == 1


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_an_error_of_the_servers_start_response_propagates(dg_env: dict[str, str], coding: str | None) -> None:
    headers = [HTML] if coding is None else [HTML, ("Content-Encoding", coding)]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", headers)
        return [BODY[:5], BODY[5:]] if coding is None else [gzip.compress(BODY)]

    class Refusing(Server):
        def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
            super().start_response(status, headers, exc_info)
            raise ValueError("a header is too long")

    server = Refusing(app, dg_env)
    with pytest.raises(ValueError, match="too long"):
        server.run()
    assert server.log == ["start"]


def test_an_error_page_that_replaces_another_response_is_injected(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        start_response("500 Oops", [HTML], raised_exc_info())
        yield BODY

    server = Server(app, dg_env)
    assert has_script_and_whole_body(server.run())
    assert server.status == "500 Oops"


def test_an_environ_may_be_served_twice(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [HTML])
        return [BODY[:9], BODY[9:]] if environ["PATH_INFO"] == "/two" else [BODY]

    for path in ("/one", "/two"):
        request = environ(PATH_INFO=path)
        middleware = WidgetMiddleware(app, Settings.from_env(dg_env), user=lambda environ: User("ada"))
        for _ in range(2):
            chunks = middleware(request, lambda *_: lambda data: None)  # type: ignore[arg-type, return-value]
            assert has_script_and_whole_body(b"".join(chunks))
            if hasattr(chunks, "close"):
                chunks.close()


def test_interleaved_requests_of_many_users_on_threads_get_their_own_tokens(dg_env: dict[str, str]) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield from (BODY[i : i + 25] for i in range(0, len(BODY), 25))

    settings = Settings.from_env({**dg_env, "WIDGETMW_CACHE_SIZE": "5"})
    middleware = WidgetMiddleware(app, settings, user=lambda environ: User(environ["PATH_INFO"]))
    widget = middleware.engine
    assert widget is not None

    def has_own_token(i: int) -> bool:
        path = f"/user{i % 17}"
        page = b"".join(middleware(environ(PATH_INFO=path), lambda *_: lambda data: None))  # type: ignore[arg-type, return-value]
        return widget.tokens.get(User(path)).user_hash.encode() in page

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(has_own_token, range(3000)))
