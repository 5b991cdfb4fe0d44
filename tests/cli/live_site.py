"""A site on a loopback port: an ASGI app in a thread, with a place for what stands in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import SSLContext, SSLError
from threading import Thread
from typing import Any


@dataclass
class Request:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    method: str = "GET"
    root_path: str = ""


@dataclass
class Answer:
    """What goes back. An incomplete one breaks off after its body. Early hints come ahead of it."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    is_complete: bool = True
    early_hints: int = 0

    def set(self, name: str, value: str) -> None:
        """Replaces a header."""
        self.headers = [header for header in self.headers if header[0].lower() != name.lower()] + [(name, value)]


Respond = Callable[[Request], Answer]
Front = Callable[[Request, Respond], Answer]


def pass_on(request: Request, respond: Respond) -> Answer:
    """Nothing is in front."""
    return respond(request)


@dataclass
class LiveSite:
    """The running site.

    Attributes:
        url: its origin.
        requests: everything that arrived.
    """

    app: Any
    front: Front
    url: str = ""
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        """Calls the app."""
        return asyncio.run(self._respond(request))

    async def _respond(self, request: Request) -> Answer:
        path, _, query = request.path.partition("?")
        answer, messages = Answer(is_complete=False), [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
            elif message["type"] == "http.response.pathsend":
                answer.body, answer.is_complete = Path(message["path"]).read_bytes(), True
            else:
                answer.body += bytes(message.get("body", b""))
                answer.is_complete = not message.get("more_body")

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": request.root_path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.items()],
            "extensions": {"http.response.pathsend": {}},
            "server": ("127.0.0.1", 80),
        }
        await self.app(scope, receive, send)
        return answer


@contextmanager
def serve(app: Any = None, front: Front = pass_on, tls: SSLContext | None = None) -> Iterator[LiveSite]:
    """Runs a site while the block runs."""
    site = LiveSite(app, front)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = Request(self.path, dict(self.headers.items()))
            site.requests.append(request)
            answer = site.front(request, site.respond)
            for _ in range(answer.early_hints):
                self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
            self.send_response_only(answer.status)
            headers = [header for header in answer.headers if header[0].lower() != "content-length"]
            missing = 0 if answer.is_complete else 1
            for name, value in (*headers, ("Content-Length", str(len(answer.body) + missing))):
                self.send_header(name, value)
            self.end_headers()
            if answer.status != 204:
                self.wfile.write(answer.body)

        def handle(self) -> None:
            try:
                super().handle()
            except (SSLError, ConnectionError):
                pass  # the client has refused our certificate

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
