"""What stands in for the writer of a request, and shows the core what goes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from widgetmw.asgi import responder as asgi_responder
from widgetmw.asgi.responder import Message, Scope, Send
from widgetmw.core.endpoint import Answer
from widgetmw.core.engine import Widget
from widgetmw.core.identity.resolvers import AsyncResolver

_OF_THE_CONNECTION: Final = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


class Responder(asgi_responder.Responder):
    """As the ASGI driver's, for what aiohttp does to a body behind us.

    Attributes:
        compresses: whether the body will be compressed behind us, so that it is plain here whatever the headers say.
        chunks: whether a body may go out without its length, for which HTTP/1.0 would have to close the connection.
    """

    compresses = False
    chunks = True

    def __init__(
        self, widget: Widget, scope: Scope, root_path: str, path: str, send: Send, user: AsyncResolver
    ) -> None:
        self.begin(widget, scope, root_path, path, send, user)
        self.read_request()

    def send(self, message: Message) -> Awaitable[None]:
        sent = super().send(message)
        if message["type"] == "http.response.start" and self.held_start is not None and self._page.coding:
            if self.compresses:
                self._page.coding = ""
            elif not self.chunks:
                sent.close()  # nothing has gone out
                return self._pass_through("coded")
        return sent


class Writer:
    """Stands in for the writer of one request, and shows the core what goes out.

    Attributes:
        file: the answer, where it is a file.
        length: of the body as the app has it; aiohttp sets it before the headers.
    """

    file: web.FileResponse | None = None
    length: int | None = None

    def __init__(self, request: web.Request, responder: Callable[..., Responder]) -> None:
        self._real: Any = request.writer
        self._bodiless = request.method == "HEAD"
        self._old = request.version < (1, 1)
        # both know the request, which knows us: they are let go of as soon as there is nothing left to decide
        self._make: Callable[..., Responder] | None = responder
        self._responder: Responder | None = None
        self._setup: list[Callable[[], None]] = []
        self._compresses = False
        self._line = ""
        self._size: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    # what aiohttp calls; all of it twice where an error page takes the place of an answer that is still held

    def enable_chunking(self) -> None:
        self._setup.append(self._real.enable_chunking)

    def enable_compression(self, *args: Any, **kwargs: Any) -> None:
        self._compresses = True
        self._setup.append(partial(self._real.enable_compression, *args, **kwargs))

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        setup, self._setup = self._setup, []
        self._line, self._size = status_line, headers.get("Content-Length")
        if self._make is None:
            await self._begin(setup, headers)
            return
        responder = self._responder = self._make(partial(self._send, setup))
        responder.compresses, self._compresses = self._compresses, False
        responder.chunks = not self._old
        pairs = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers.items()]
        status = int(status_line.split()[1])
        await responder.send({"type": "http.response.start", "status": status, "headers": pairs})
        if responder.held_start is None:
            self._make = self._responder = None
        elif self.file is not None and not self.file.compression:
            # too late to change the headers, and in time to have the file come through here
            self.file.enable_compression(web.ContentCoding.identity)

    def send_headers(self) -> None:
        if self._responder is None or self._responder.held_start is None:
            self._real.send_headers()  # else they go out with the first piece

    async def write(self, chunk: Any, **_: Any) -> None:
        await self._body(chunk, True)

    async def write_eof(self, chunk: Any = b"") -> None:
        await self._body(chunk, False)
        self._make = self._responder = None

    async def _body(self, chunk: Any, more: bool) -> None:
        message = {"type": "http.response.body", "body": chunk, "more_body": more}
        await (self._send([], message) if self._responder is None else self._responder.send(message))

    # what the core makes of it

    async def _send(self, setup: list[Callable[[], None]], message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._open(setup, message["headers"])
        elif message["more_body"]:
            await self._real.write(message["body"])
        else:
            await self._real.write_eof(message["body"])

    async def _open(self, setup: list[Callable[[], None]], pairs: list[tuple[bytes, bytes]]) -> None:
        headers = CIMultiDict((name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in pairs)
        size = headers.get("Content-Length")
        if size != self._size:
            self.length = None if size is None else int(size)
            if size is None and not self._bodiless:
                setup = [*setup, self._real.enable_chunking]
                headers["Transfer-Encoding"] = "chunked"
        await self._begin(setup, headers)

    async def _begin(self, setup: list[Callable[[], None]], headers: CIMultiDict[str]) -> None:
        self._real.length = self.length
        for each in setup:
            each()
        await self._real.write_headers(self._line, headers)


class Exact:
    """Keeps what signals add to an answer of the endpoint's out of it."""

    def __init__(self, real: Any, answer: Answer) -> None:
        self.__dict__.update(_real=real, _answer=answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        kept = [pair for pair in headers.items() if pair[0].lower() in _OF_THE_CONNECTION]
        await self._real.write_headers(status_line, CIMultiDict([*self._answer.headers, *kept]))


class Nowhere(AbstractStreamWriter):
    """The writer of a request whose answer nobody is to get."""

    async def write(self, chunk: Any) -> None: ...
    async def write_eof(self, chunk: bytes = b"") -> None: ...
    async def drain(self) -> None: ...
    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None: ...
    def enable_chunking(self) -> None: ...
    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None: ...


async def name_file(request: web.Request, answer: web.StreamResponse) -> None:
    """Tells our writer of a file, which aiohttp would have the kernel send behind its back."""
    if isinstance(request.writer, Writer) and isinstance(answer, web.FileResponse):
        request.writer.file = answer
