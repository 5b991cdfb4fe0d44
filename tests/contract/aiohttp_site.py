"""The canned app on aiohttp's own server, driven with raw HTTP bytes instead of a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import pytest
from aiohttp import web

from tests.contract.site import Reply, Site, names
from widgetmw import User
from widgetmw.aiohttp import INSTALLED, install

LOOP = asyncio.new_event_loop()  # an aiohttp app is bound to one loop
ADDED = {"connection", "date", "server", "transfer-encoding"}

getattr(web.BaseRequest, "_seen_str_keys", set()).add("user_id")  # a request key that some cases set


class ClientTransport(asyncio.Transport):
    """The client's end of the connection: parses what the server writes as a response."""

    def __init__(self, method: str) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.parser = h11.Connection(h11.CLIENT)
        self.parser.send(h11.Request(method=method, target="/", headers=[("Host", "a.example")]))
        self.parser.send(h11.EndOfMessage())
        self.completed = LOOP.create_future()
        self.response: Any = None
        self.chunks: list[bytes] = []

    def write(self, data: Any) -> None:
        self.parser.receive_data(bytes(data))
        self.parse()

    def parse(self) -> None:
        while True:
            event = self.parser.next_event()
            if isinstance(event, h11.Response):
                self.response = event
            elif isinstance(event, h11.Data):
                self.chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and not self.completed.done():
                self.completed.set_result(None)
            else:
                return

    def close(self) -> None:
        if not self.completed.done():
            self.parser.receive_data(b"")
            self.parse()

    def is_closing(self) -> bool:
        return False


class AiohttpSite(Site):
    driver = "aiohttp"
    gateway = "aiohttp"
    resolves_user_before_body = True

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
        return await self.respond(request)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        if not isinstance(self.page.body, bytes):
            return await self.stream(request)
        response = web.Response(status=self.page.status, body=self.page.body)
        response.headers.extend(self.page.headers)
        return response

    async def stream(self, request: web.Request) -> web.StreamResponse:
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

    def wrap_again(self, user: User) -> None:
        """Nests the app in another one that has the middleware too."""
        outer = web.Application()
        install(outer, settings=self.settings, user=lambda request: user)
        outer.add_domain("*.example", self.make())
        self.servers[""] = outer

    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        if root_path not in self.servers:
            self.servers[root_path] = self.mounted_at(root_path)
        return LOOP.run_until_complete(self._request(self.servers[root_path], root_path + path, method, headers))

    def mounted_at(self, root_path: str) -> web.Application:
        if set(root_path) & set('<"') or root_path.startswith("//"):
            pytest.skip("in aiohttp the app's own code sets the prefix, not the request")
        if not root_path.isascii():
            pytest.skip("aiohttp does not route to a sub-application under a non-ASCII prefix")
        outer = web.Application()
        outer.add_subapp(root_path, self.make())
        return outer

    async def _request(self, app: web.Application, path: str, method: str, headers: dict[str, str]) -> Reply:
        runner = web.AppRunner(app, handle_signals=False, access_log=None)
        await runner.setup()
        assert runner.server is not None
        protocol, transport = runner.server(), ClientTransport(method)
        protocol.connection_made(transport)
        fields = {"Host": "a.example", **dict(names(headers))}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value), "", ""]
        protocol.data_received("\r\n".join(lines).encode())
        await transport.completed
        protocol.connection_lost(None)
        return self.reply(transport, path, method)

    def reply(self, transport: ClientTransport, path: str, method: str) -> Reply:
        """Builds the reply without the headers that aiohttp adds to every response."""
        body = b"".join(transport.chunks)
        pairs = [(name.decode(), value.decode("latin-1")) for name, value in transport.response.headers.raw_items()]
        own = [pair for pair in pairs if pair[0].lower() not in ADDED]
        if "/_widgetmw" not in path and "Content-Length" not in dict(self.page.headers):
            assert method == "HEAD" or dict(own).get("Content-Length") in (None, str(len(body)))
            own = [pair for pair in own if pair[0] != "Content-Length"]
        return Reply(transport.response.status_code, own, transport.chunks)


class StreamingAiohttpSite(AiohttpSite):
    """The same pages as streamed responses."""

    driver = "aiohttp-stream"
    resolves_user_before_body = False

    async def respond(self, request: web.Request) -> web.StreamResponse:
        return await self.stream(request)
