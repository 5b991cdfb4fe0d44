"""A contract site behind a real server: built there as the order says, and asked over a socket."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpcore

from tests.contract.site import AsgiSite, Page, Reply, Seen, Site, WsgiSite, names
from tests.servers.canned import ORDER, SEEN, Order

_NUMBERS = count()


@dataclass(frozen=True)
class Line:
    """The way to a server that runs ``canned.py``: one connection, kept as long as the server keeps it.

    Attributes:
        pool: of one connection.
        protocol: version of HTTP.
        url: of the server.
        orders: the folder that the server reads its orders from.
    """

    pool: httpcore.ConnectionPool
    protocol: str
    url: str
    orders: Path

    def ask(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> Reply:
        """Sends a request and reads its answer to the end."""
        base = httpcore.URL(self.url)
        url = httpcore.URL(scheme=base.scheme, host=base.host, port=base.port, target=target.encode())
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        if not any(name == "Host" for name, _ in headers):
            pairs.insert(0, (b"Host", b"site.example"))
        if method in ("POST", "PUT", "PATCH") and self.protocol == "1.1":
            pairs.append((b"Content-Length", b"0"))
        with self.pool.stream(method, url, headers=pairs) as response:
            body = b"".join(response.iter_stream())
        return Reply(response.status, [(n.decode(), v.decode("latin-1")) for n, v in response.headers], [body])


class Remote(Site):
    """The part of a site that goes over the socket in place of the driver in process."""

    line: Line
    number: str

    def posted(self, kind: type[Site], line: Line, environ: dict[str, str]) -> Site:
        """Leaves the order for the same site on the server's side; returns itself."""
        self.line, self.number = line, str(next(_NUMBERS))
        self.page = legal(self.page)
        (line.orders / self.number).write_bytes(pickle.dumps(Order(kind, environ, self.user, self.page)))
        return self

    def over(self, path: str, method: str, root_path: str, headers: dict[str, str]) -> Reply:
        """Asks the site on the server's side, and takes over what it has seen and counted."""
        assert not root_path, "the server says where it mounts the app: name this case in cases.LOCAL"
        reply = self.line.ask(method, path, [(ORDER, self.number), *names(headers)])
        told = json.loads(reply.header(SEEN) or "null")
        assert told, (reply.status, reply.body[:500])
        self.seen = Seen(**told["seen"])
        for name, number in told["counts"].items():
            for _ in range(number - self.engine.events.counts[name]):
                self.engine.events.count(*name.split(":"))
        return Reply(reply.status, arrived(reply, told["given"]), reply.chunks)


class RemoteAsgi(Remote, AsgiSite):
    async def _request(self, path: str, method: str, root_path: str, headers: dict[str, str]) -> Reply:
        return self.over(path, method, root_path, headers)


class RemoteWsgi(Remote, WsgiSite):
    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        return self.over(path, method, root_path, headers)


@cache
def remote(kind: type[Site]) -> Any:
    """The same kind of site behind a socket: all that it does around a request of its own it does there too."""
    over = RemoteAsgi if issubclass(kind, AsgiSite) else RemoteWsgi
    return over if issubclass(over, kind) else type(kind.__name__, (kind, over), {})


def legal(page: Page) -> Page:
    """A page whose headers may go over a wire: no server sends white space around a value."""
    return replace(page, headers=[(name, value.strip()) for name, value in page.headers])


def arrived(reply: Reply, given: list[list[str]]) -> list[tuple[str, str]]:
    """The headers that the server was given, if they have arrived; what it adds of its own is its own.

    A server may write names in its own case and bring headers of different names into another order.
    """
    for name in {name.lower() for name, _ in given}:
        assert reply.all(name) == [value.strip() for key, value in given if key.lower() == name], name
    return [(name, value.strip()) for name, value in given]
