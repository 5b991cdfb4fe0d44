"""No frame of a plugin that an error of the app or the server passes through holds a token; see tests/contract."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.contract.site import BODY
from widgetmw import User
from widgetmw import testing as widgetmw_testing
from widgetmw.aiohttp.writer import RewritingWriter
from widgetmw.asgi.responder import Responder as AsgiResponder
from widgetmw.core.engine import Engine
from widgetmw.core.identity.request_identity import acquire
from widgetmw.django.responder import _stream, _stream_async

SETTINGS = widgetmw_testing.settings("hissuno")
HTML = "text/html; charset=utf-8"


def our_variables(error: BaseException) -> str:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame.f_locals for frame in frames if frame.f_globals["__name__"].startswith("widgetmw")]
    assert ours
    return repr(ours)


def test_an_aiohttp_connection_that_breaks() -> None:
    class Broken:
        """A writer whose client is gone when the body is written."""

        length = None

        async def write_headers(self, *_: Any) -> None: ...

        async def write(self, chunk: bytes) -> None:
            assert b"widgetmw" in chunk
            raise ConnectionResetError

        write_eof = write

    engine = Engine(SETTINGS)
    request = make_mocked_request("GET", "/")
    request._payload_writer = Broken()  # type: ignore[assignment]

    def make_responder(_: Any, send: Any) -> AsgiResponder:
        responder = AsgiResponder()
        scope: dict[str, Any] = {"method": "GET", "headers": []}
        acquire(scope, responder)
        responder.begin(engine, scope, "", "/", send, lambda scope: User("ada"))
        responder.read_request_headers()
        return responder

    async def respond() -> None:
        writer = RewritingWriter(request, make_responder)
        await writer.write_headers("HTTP/1.1 200 OK", {"Content-Type": HTML})  # type: ignore[arg-type]
        await writer.write_eof(BODY)

    with pytest.raises(ConnectionResetError) as caught:
        asyncio.run(respond())
    assert engine.tokens.get(User("ada")).tokens[0].value not in our_variables(caught.value)


class Broken(Exception):
    """What the app's stream raises."""


def test_a_django_stream_that_fails_after_its_start() -> None:
    def rest() -> Iterator[bytes]:
        yield b"more"
        raise Broken

    stream = _stream([b"the-token"], rest(), None)
    with pytest.raises(Broken) as caught:
        list(stream)
    assert "the-token" not in our_variables(caught.value)


def test_an_async_django_stream_that_fails_after_its_start() -> None:
    async def rest() -> AsyncIterator[bytes]:
        yield b"more"
        raise Broken

    async def read() -> None:
        async for _ in _stream_async([b"the-token"], rest(), None):
            pass

    with pytest.raises(Broken) as caught:
        asyncio.run(read())
    assert "the-token" not in our_variables(caught.value)
