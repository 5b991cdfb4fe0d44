"""The canned app in aiohttp's own server, spoken to in the bytes of HTTP, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import pytest
from aiohttp import web

from tests.contract.site import Reply, Site, names
from widgetmw import User
from widgetmw.aiohttp import INSTALLED, install

LOOP = asyncio.new_event_loop()  # an aiohttp app lives in one loop
ADDED = {"connection", "date", "server", "transfer-encoding"}

getattr(web.BaseRequest, "_seen_str_keys", set()).add("who")  # a key that some cases leave in the request


class Wire(asyncio.Transport):
    """The client's end: reads what the server writes, as an answer."""

    def __init__(self, method: str) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.reader = h11.Connection(h11.CLIENT)
        self.reader.send(h11.Request(method=method, target="/", headers=[("Host", "a.example")]))
        self.reader.send(h11.EndOfMessage())
        self.ended = LOOP.create_future()
        self.answer: Any = None
        self.chunks: list[bytes] = []

    def write(self, data: Any) -> None:
        self.reader.receive_data(bytes(data))
        self.read()

    def read(self) -> None:
        while True:
            event = self.reader.next_event()
            if isinstance(event, h11.Response):
                self.answer = event
            elif isinstance(event, h11.Data):
                self.chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and not self.ended.done():
                self.ended.set_result(None)
            else:
                return

    def close(self) -> None:
        if not self.ended.done():
            self.reader.receive_data(b"")
            self.read()

    def is_closing(self) -> bool:
        return False


class AiohttpSite(Site):
    driver = "aiohttp"
    gateway = "aiohttp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = self.make()
        self.servers: dict[str, Any] = {"": self.app}

    def make(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.view)
        install(app, settings=self.settings, user=self.resolve)
        return app

    async def view(self, request: web.Request) -> web.StreamResponse:
        self.seen.requests.append({name.lower(): value for name, value in request.headers.items()})
        self.on_request(request)
        return await self.answer(request)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not isinstance(self.page.body, bytes):
            return await self.streamed(request)
        response = web.Response(status=self.page.status, body=self.page.body)
        response.headers.extend(self.page.headers)
        return response

    async def streamed(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=self.page.status)
        response.headers.extend(self.page.headers)
        await response.prepare(request)
        for chunk in self.page.chunks if request.method != "HEAD" else ():
            await response.write(chunk)
        await response.write_eof()
        return response

    @property
    def engine(self) -> Any:
        return self.middleware.engine

    @property
    def middleware(self) -> Any:
        return self.servers[""][INSTALLED]

    def double(self, user: User) -> None:
        """Puts an app around it that has its own."""
        outer = web.Application()
        install(outer, settings=self.settings, user=lambda request: user)
        outer.add_domain("*.example", self.make())
        self.servers[""] = outer

    def request(self, path: str = "/", method: str = "GET", mount: str = "", **headers: str) -> Reply:
        if mount not in self.servers:
            self.servers[mount] = self.mounted(mount)
        return LOOP.run_until_complete(self._request(self.servers[mount], mount + path, method, headers))

    def mounted(self, mount: str) -> web.Application:
        if set(mount) & set('<"') or mount.startswith("//"):
            pytest.skip("in aiohttp the prefix stands in the app's own code, and not in the request")
        if not mount.isascii():
            pytest.skip("aiohttp does not find the parts of an app under a prefix that is not ASCII")
        outer = web.Application()
        outer.add_subapp(mount, self.make())
        return outer

    async def _request(self, app: web.Application, path: str, method: str, headers: dict[str, str]) -> Reply:
        runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await runner.setup()
        assert runner.server is not None
        protocol, wire = runner.server(), Wire(method)
        protocol.connection_made(wire)
        sent = {"Host": "a.example", **dict(names(headers))}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items() if value), "", ""]
        protocol.data_received("\r\n".join(lines).encode())
        await wire.ended
        protocol.connection_lost(None)
        return self.reply(wire, path, method)

    def reply(self, wire: Wire, path: str, method: str) -> Reply:
        """Leaves out what aiohttp adds to each answer."""
        body = b"".join(wire.chunks)
        pairs = [(name.decode(), value.decode("latin-1")) for name, value in wire.answer.headers.raw_items()]
        own = [pair for pair in pairs if pair[0].lower() not in ADDED]
        if "/_widgetmw" not in path and "Content-Length" not in dict(self.page.headers):
            assert method == "HEAD" or dict(own).get("Content-Length") in (None, str(len(body)))
            own = [pair for pair in own if pair[0] != "Content-Length"]
        return Reply(wire.answer.status_code, own, wire.chunks)


class StreamingAiohttpSite(AiohttpSite):
    """The same pages as streams."""

    driver = "aiohttp-stream"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return await self.streamed(request)
