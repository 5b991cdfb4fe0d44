"""Pages, endpoints, streams and disconnecting clients over real sockets."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from tests.servers.apps import PAGE, PIECE
from tests.servers.processes import NO_AUTHORITIES

web = httpx.Client(timeout=30)
"""Shared: creating a client builds a TLS context, which costs more than a request. No test sets cookies."""


@pytest.fixture(scope="module", autouse=True)
def _hang_up() -> Iterator[None]:
    yield
    web.close()


TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def token_users(body: bytes) -> set[str]:
    options = {"verify_signature": False}
    return {jwt.decode(token.decode(), options=options)["external_id"] for token in TOKEN.findall(body)}  # type: ignore[arg-type]


def test_a_signed_in_page_and_its_length(server: str) -> None:
    reply = web.get(server, headers={"Cookie": "user=ada"})
    assert token_users(reply.content) == {"ada"}
    assert reply.headers["content-length"] == str(len(reply.content))
    assert reply.headers["cache-control"] == "private, no-store"
    assert reply.headers["vary"] == "Cookie"


def test_an_anonymous_page_is_unmodified(server: str) -> None:
    reply = web.get(server)
    assert reply.content == PAGE
    assert "cache-control" not in reply.headers


def test_the_endpoint_and_the_runtime(server: str) -> None:
    with httpx.Client(base_url=server, headers={"Cookie": "user=ada"}, verify=NO_AUTHORITIES) as client:
        token = client.get("/_widgetmw/token/digitalgenius").json()["token"]
        assert token_users(token.encode()) == {"ada"}
        assert client.post("/_widgetmw/token", content=b"x" * 1000).status_code == 200
        src = re.search(r'src="([^"]+)"', client.get("/").text)
        assert src
        assert "immutable" in client.get(src[1]).headers["cache-control"]
    assert web.get(f"{server}/_widgetmw/token").status_code == 401


def growth_over_100_mb(server: str) -> int:
    """Returns by how many KiB the server's process grows from the first to the last piece of a long page."""
    total, first, last = 0, b"", b""
    with web.stream("GET", f"{server}/long", headers={"Cookie": "user=ada"}) as reply:
        for chunk in reply.iter_raw():
            first = first or chunk
            total += len(chunk)
            last = (last + chunk)[-64:]
    assert total > 6400 * len(PIECE) > 100_000_000
    assert b"data-widgetmw" in first
    before, after = (int(size) for size in re.findall(rb"<i>(\d+)</i>", last))
    return after - before


def test_a_100_mb_page_streams_in_constant_memory(server: str) -> None:
    total = 0
    with web.stream("GET", f"{server}/long") as reply:  # lets the server allocate its own buffers first
        for chunk in reply.iter_raw():
            total += len(chunk)
            if total > 10_000_000:
                break
    # The allocator occasionally takes a new arena. A process that kept the page would grow each time.
    grown = []
    while not grown or (grown[-1] >= 1024 and len(grown) < 3):
        grown.append(growth_over_100_mb(server))
    assert grown[-1] < 1024, f"the process grew by {grown} KiB"


def test_users_never_get_each_others_page(server: str) -> None:
    def ask(i: int) -> bool:
        who = f"user{i % 7}"
        reply = web.get(server, headers={"Cookie": f"user={who}"})
        return token_users(reply.content) == {who}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(120)))


def test_a_client_that_disconnects_during_a_stream_does_no_harm(server: str) -> None:
    address = urlsplit(server)
    for _ in range(3):
        with socket.create_connection((address.hostname, address.port), timeout=10) as client:
            client.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\nCookie: user=ada\r\n\r\n")
            assert b"200" in client.recv(1000)
    assert web.get(server, headers={"Cookie": "user=ada"}).status_code == 200


def memory(server: str) -> int:
    """Returns the peak memory of the server's process in KiB; of the largest worker if there are several."""
    return max(int(re.sub(rb"\D", b"", web.get(f"{server}/memory").content)) for _ in range(6))


def test_a_body_of_100_mb_sent_to_the_endpoint_is_not_stored(server: str) -> None:
    before, address, size = memory(server), urlsplit(server), 100_000_000
    head = f"POST /_widgetmw/token HTTP/1.1\r\nHost: x\r\nCookie: user=ada\r\nContent-Length: {size}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall(head.encode())
        try:
            for _ in range(100):
                client.sendall(b"x" * (size // 100))
            status = client.recv(12)
        except OSError:  # the server responded first and closed the connection
            status = b""
    assert status in (b"", b"HTTP/1.1 200", b"HTTP/1.1 413")
    assert memory(server) - before < 20_000
    assert web.get(f"{server}/_widgetmw/token", headers={"Cookie": "user=ada"}).status_code == 200


def test_a_client_that_floods_gets_responses_and_no_other_users_token(server: str) -> None:
    before = memory(server)

    def ask(i: int) -> bool:
        who = f"flood{i}" if i % 3 else ""
        reply = web.get(f"{server}/_widgetmw/token", headers={"Cookie": f"user={who}"} if who else {})
        return token_users(reply.content) == ({who} if who else set()) and reply.status_code == (200 if who else 401)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(300)))
    assert memory(server) - before < 20_000


ABSURD = [
    {"Cookie": "user=" + "a" * 4000},
    {"Cookie": "; ;;=;user=ada;=;widgetmw_=1;widgetmw_0=1"},
    {"Origin": "x" * 4000},
    {"Sec-Fetch-Site": "cross-site, same-origin"},
    {"Accept": "text/html;q=" + "9" * 3000},
    {"Host": "a" * 200 + ":99999"},
    {"X-Forwarded-Prefix": "//evil.example"},
    {"Range": "bytes=" + ",".join(f"{i}-{i}" for i in range(500))},
]


def test_absurd_headers_cause_no_server_error(server: str) -> None:
    for headers in ABSURD:
        for path in ("/", "/_widgetmw/token", "/_widgetmw/runtime.js"):
            assert web.get(server + path, headers=headers).status_code < 500, (headers, path)


TRICKS = [
    "//_widgetmw/token",
    "/_widgetmw//token",
    "/_widgetmw/token;x",
    "/_widgetmw/%2e%2e/token",
    "/_widgetmw/./token",
    "/_widgetmw/token%00",
    "/_widgetmw/token/digitalgenius%2f",
    "/%5fwidgetmw/token",
]


def test_no_spelling_of_the_path_gives_another_site_a_token(server: str) -> None:
    address = urlsplit(server)
    for path in TRICKS:
        with socket.create_connection((address.hostname, address.port), timeout=10) as client:
            # httpx would normalize the path.
            lines = [
                f"GET {path} HTTP/1.1",
                "Host: x",
                "Cookie: user=ada",
                "Sec-Fetch-Site: cross-site",
                "Connection: close",
            ]
            client.sendall("\r\n".join([*lines, "", ""]).encode())
            received = b""
            while data := client.recv(65536):
                received += data
        head, _, body = received.partition(b"\r\n\r\n")
        assert int(head.split()[1]) < 500, path
        assert not (b"application/json" in head.lower() and TOKEN.search(body)), path
