"""Replacements for the writer of an aiohttp request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from widgetmw.asgi.request import Headers, Message, Send
from widgetmw.asgi.responder import Responder
from widgetmw.core.endpoint import TokenResponse
from widgetmw.core.reasons import SkipReason

_CONNECTION_HEADERS: Final = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


class RewritingWriter:
    """Replaces the writer of one request, and shows the core what is sent.

    Attributes:
        file: the response, if it is a file.
        length: of the body as the app has it; aiohttp sets it before the headers.
    """

    file: web.FileResponse | None = None
    length: int | None = None

    def __init__(self, request: web.Request, make_responder: Callable[[web.Request, Send], Responder]) -> None:
        self._writer: Any = request.writer
        self._is_head = request.method == "HEAD"
        self._can_chunk = request.version >= (1, 1)
        self._make_responder = make_responder
        # Reference cycle: cleared once the decision is made.
        self._request: web.Request | None = request
        self._responder: Responder | None = None
        self._setup: list[Callable[[], None]] = []
        self._compresses = False
        self._status_line = ""
        self._content_length: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def follow(self, request: web.Request) -> None:
        """Resolves the user of the page with this request, which may be a clone."""
        if self._request is not None:
            self._request = request

    # what aiohttp calls; all of it twice if an error page replaces a response that is still held

    def enable_chunking(self) -> None:
        self._setup.append(self._writer.enable_chunking)

    def enable_compression(self, *args: Any, **kwargs: Any) -> None:
        self._compresses = True
        self._setup.append(partial(self._writer.enable_compression, *args, **kwargs))

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        setup, self._setup = self._setup, []
        compresses, self._compresses = self._compresses, False
        self._status_line, self._content_length = status_line, headers.get("Content-Length")
        if self._request is None:
            await self._write_headers(setup, headers)
            return
        responder = self._responder = self._make_responder(self._request, partial(self._send, setup))
        status = int(status_line.split()[1])
        await responder.send({"type": "http.response.start", "status": status, "headers": encode_headers(headers)})
        if responder.is_undecided and responder._page.coding:
            if compresses:
                responder._page.coding = ""  # aiohttp will compress the body after us, whatever the headers say
            elif not self._can_chunk:
                # the new length is not known in time, and without one HTTP/1.0 would have to close the connection
                await responder._pass_through(SkipReason.CONTENT_ENCODING)
        if not responder.is_undecided:
            self._request = self._responder = None
        elif self.file is not None and not self.file.compression:
            # too late to change the headers, but in time to make the file pass through here
            self.file.enable_compression(web.ContentCoding.identity)

    def send_headers(self) -> None:
        if self._responder is None or not self._responder.is_undecided:
            self._writer.send_headers()  # otherwise they are sent with the first chunk

    async def write_eof(self, chunk: Any = b"") -> None:
        await self.write(chunk, more_body=False)
        self._request = self._responder = None

    async def write(self, chunk: Any, *, more_body: bool = True, **_: Any) -> None:
        message = {"type": "http.response.body", "body": chunk, "more_body": more_body}
        await (self._send([], message) if self._responder is None else self._responder.send(message))

    # what the responder sends

    async def _send(self, setup: list[Callable[[], None]], message: Message) -> None:
        if message["type"] == "http.response.body":
            write = self._writer.write if message["more_body"] else self._writer.write_eof
            await write(message.pop("body"))  # leaves no token here for error reporters, which record local variables
            return
        pairs = message["headers"]
        headers = CIMultiDict((name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in pairs)
        content_length = headers.get("Content-Length")
        if content_length != self._content_length:
            self.length = None if content_length is None else int(content_length)
            if content_length is None and not self._is_head:
                setup = [*setup, self._writer.enable_chunking]
                headers["Transfer-Encoding"] = "chunked"
        await self._write_headers(setup, headers)

    async def _write_headers(self, setup: list[Callable[[], None]], headers: CIMultiDict[str]) -> None:
        self._writer.length = self.length
        for call in setup:
            call()
        await self._writer.write_headers(self._status_line, headers)


class EndpointWriter:
    """Removes what signals add to a response of the endpoint."""

    def __init__(self, writer: Any, response: TokenResponse) -> None:
        self.__dict__.update(_writer=writer, _response=response)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._writer, name, value)

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        kept = [header for header in headers.items() if header[0].lower() in _CONNECTION_HEADERS]
        await self._writer.write_headers(status_line, CIMultiDict([*self._response.headers, *kept]))


class NullWriter(AbstractStreamWriter):
    """The writer of an inner request, whose response is dropped."""

    async def write(self, chunk: Any) -> None: ...
    async def write_eof(self, chunk: bytes = b"") -> None: ...
    async def drain(self) -> None: ...
    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None: ...
    def enable_chunking(self) -> None: ...
    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None: ...


def encode_headers(headers: CIMultiDict[str]) -> Headers:
    """Returns the headers of a response as in ASGI."""
    return [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers.items()]


async def announce_file(request: web.Request, response: web.StreamResponse) -> None:
    """Tells our writer about a file, which aiohttp would otherwise send past it."""
    if isinstance(request.writer, RewritingWriter) and isinstance(response, web.FileResponse):
        request.writer.file = response
