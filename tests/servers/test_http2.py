"""HTTP/2: concurrent requests on one connection, split cookie headers, streams that are reset."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from math import inf
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpcore
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, StreamEnded

from tests.servers.apps import PAGE
from tests.servers.conftest import ENV, Fleet, insecure_tls
from tests.servers.matrix import SERVERS, usual
from tests.servers.processes import PATIENCE, Deployment
from tests.servers.test_servers import token_users
from widgetmw.core.http.mark import mark_name

TOKEN = "/_widgetmw/token/digitalgenius"


@pytest.fixture(scope="module", params=usual([n for n, server in SERVERS.items() if "HTTP/2" not in server.lacks]))
def deployment(request: pytest.FixtureRequest, fleet: Fleet) -> Deployment:
    """One ASGI and one WSGI server with HTTP/2 support, or all with `make servers`, running ``apps.py``."""
    return fleet.serving(request.param, "apps", **ENV, TEST_FOLDER=str(fleet.folder))


@pytest.fixture
def pool(deployment: Deployment) -> Iterator[httpcore.ConnectionPool]:
    """A pool with one connection."""
    with httpcore.ConnectionPool(insecure_tls(), max_connections=1, http1=False, http2=True) as pool:
        yield pool


class Frames:
    """A connection at the level of frames: client libraries drop a stream without resetting it."""

    def __init__(self, deployment: Deployment) -> None:
        plain = socket.create_connection(("127.0.0.1", deployment.place.port), timeout=15)
        context = insecure_tls()
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(plain) if SERVERS[deployment.name].tls else plain
        self.state = H2Connection(H2Configuration(header_encoding=None))
        self.state.initiate_connection()
        self.bodies: dict[int, bytes] = defaultdict(bytes)
        self.over: set[int] = set()
        self.scheme = deployment.url.partition(":")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def ask(self, path: str, cookie: str) -> int:
        """Sends a request and returns its stream id."""
        stream = self.state.get_next_available_stream_id()
        head = [(":method", "GET"), (":path", path), (":scheme", self.scheme), (":authority", "site.example")]
        self.state.send_headers(stream, [*head, ("cookie", cookie)], end_stream=True)
        self._flush()
        return stream

    def data(self, stream: int, enough: float = inf) -> bytes:
        """Reads until a stream has ended or has delivered enough bytes; keeps the data of other streams."""
        while stream not in self.over and len(self.bodies[stream]) < enough:
            received = self.socket.recv(65_536)
            assert received, "the server closed the connection"
            for event in self.state.receive_data(received):
                self._take(event)
            self._flush()
        return self.bodies[stream]

    def _take(self, event: Event) -> None:
        assert not isinstance(event, ConnectionTerminated), event
        if isinstance(event, DataReceived):
            self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.bodies[event.stream_id] += event.data
        elif isinstance(event, StreamEnded):
            self.over.add(event.stream_id)

    def reset(self, stream: int) -> None:
        """Resets a stream, as a browser does when the user navigates away."""
        self.state.reset_stream(stream, ErrorCodes.CANCEL)
        self._flush()

    def _flush(self) -> None:
        self.socket.sendall(self.state.data_to_send())


def ask(pool: httpcore.ConnectionPool, url: str, *cookies: str, method: str = "GET", body: bytes = b"") -> bytes:
    headers = [("Cookie", cookie) for cookie in cookies]
    response = pool.request(method, url, headers=headers, content=body or None)
    assert response.extensions["http_version"] == b"HTTP/2"
    assert response.status == 200
    return response.content


def test_each_user_on_a_shared_connection_gets_their_own_token(deployment: Deployment) -> None:
    with Frames(deployment) as frames:
        asked = {frames.ask((TOKEN, "/")[i % 2], f"user=user{i % 7}"): f"user{i % 7}" for i in range(80)}
        assert [who for stream, who in asked.items() if token_users(frames.data(stream)) != {who}] == []


def test_a_split_cookie_header_is_read_completely(deployment: Deployment, pool: httpcore.ConnectionPool) -> None:
    assert token_users(ask(pool, deployment.url, "theme=dark", "user=ada")) == {"ada"}
    mark = mark_name("/_widgetmw", urlsplit(deployment.url).netloc)
    assert b'"user":null' in ask(pool, deployment.url, "theme=dark", f"{mark}=1", "lang=en")
    assert ask(pool, deployment.url, "theme=dark", "lang=en") == PAGE


def test_a_stream_reset_by_the_client_is_closed_and_others_continue(deployment: Deployment) -> None:
    closed = deployment.place.folder / "closed"
    closed.unlink(missing_ok=True)
    with Frames(deployment) as frames:
        left = frames.ask("/held", "user=ada")
        assert token_users(frames.data(left, enough=3000)) == {"ada"}
        frames.reset(left)
        assert token_users(frames.data(frames.ask("/", "user=bob"))) == {"bob"}
        end = time.monotonic() + PATIENCE
        while not closed.exists():
            assert time.monotonic() < end, "the stream was never closed"
            time.sleep(0.02)
        assert token_users(frames.data(frames.ask("/", "user=bob"))) == {"bob"}


def test_a_body_that_the_endpoint_does_not_read_leaves_the_connection_usable(
    deployment: Deployment, pool: httpcore.ConnectionPool
) -> None:
    for size in (1, 1000, 60_000):
        assert token_users(ask(pool, deployment.url + TOKEN, "user=ada", method="POST", body=b"x" * size)) == {"ada"}
        assert token_users(ask(pool, deployment.url, "user=bob")) == {"bob"}
