"""A contract site on a real server: the server builds it from an order, and requests go over a socket."""

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
class Connection:
    """A connection to a server that runs ``canned.py``, kept as long as the server keeps it.

    Attributes:
        pool: a pool with one connection.
        protocol: the HTTP version.
        url: the server's URL.
        orders: the folder from which the server reads its orders.
    """

    pool: httpcore.ConnectionPool
    protocol: str
    url: str
    orders: Path

    def ask(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> Reply:
        """Sends a request and reads the whole response."""
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
    """The part of a site that sends requests over the socket instead of calling the driver in process."""

    line: Connection
    number: str

    def register(self, kind: type[Site], line: Connection, environ: dict[str, str]) -> Site:
        """Writes the order from which the server builds the same site; returns itself."""
        self.line, self.number = line, str(next(_NUMBERS))
        self.page = strip_values(self.page)
        (line.orders / self.number).write_bytes(pickle.dumps(Order(kind, environ, self.user, self.page)))
        return self

    def send(self, path: str, method: str, root_path: str, headers: dict[str, str]) -> Reply:
        """Sends a request to the site on the server, and copies what that site has seen and counted."""
        assert not root_path, "the server chooses the root path: add this case to cases.LOCAL"
        reply = self.line.ask(method, path, [(ORDER, self.number), *names(headers)])
        report = json.loads(reply.header(SEEN) or "null")
        assert report, (reply.status, reply.body[:500])
        self.seen = Seen(**report["seen"])
        for name, number in report["counts"].items():
            for _ in range(number - self.engine.events.counts[name]):
                self.engine.events.count(*name.split(":"))
        return Reply(reply.status, app_headers(reply, report["given"]), reply.chunks)


class RemoteAsgi(Remote, AsgiSite):
    async def _request(self, path: str, method: str, root_path: str, headers: dict[str, str]) -> Reply:
        return self.send(path, method, root_path, headers)


class RemoteWsgi(Remote, WsgiSite):
    def request(self, path: str = "/", method: str = "GET", root_path: str = "", **headers: str) -> Reply:
        return self.send(path, method, root_path, headers)


@cache
def remote(kind: type[Site]) -> Any:
    """Returns a subclass of the site that sends its requests over a socket and is otherwise unchanged."""
    base = RemoteAsgi if issubclass(kind, AsgiSite) else RemoteWsgi
    return base if issubclass(base, kind) else type(kind.__name__, (kind, base), {})


def strip_values(page: Page) -> Page:
    """Returns the page without white space around header values, which no server sends."""
    return replace(page, headers=[(name, value.strip()) for name, value in page.headers])


def app_headers(reply: Reply, given: list[list[str]]) -> list[tuple[str, str]]:
    """Returns the headers that were passed to the server, after asserting that they arrived; ignores the server's own.

    A server may change the case of names and the order of headers with different names.
    """
    for name in {name.lower() for name, _ in given}:
        assert reply.all(name) == [value.strip() for key, value in given if key.lower() == name], name
    return [(name, value.strip()) for name, value in given]
