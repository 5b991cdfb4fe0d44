"""Over real sockets: pages, endpoints, streams, clients that leave."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import jwt

from tests.servers.apps import PAGE, PIECE

TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+")


def whose(body: bytes) -> set[str]:
    options = {"verify_signature": False}
    return {jwt.decode(token.decode(), options=options)["external_id"] for token in TOKEN.findall(body)}  # type: ignore[arg-type]


def test_a_signed_in_page_and_its_length(server: str) -> None:
    reply = httpx.get(server, headers={"Cookie": "user=ada"})
    assert whose(reply.content) == {"ada"}
    assert reply.headers["content-length"] == str(len(reply.content))
    assert reply.headers["cache-control"] == "private, no-store"
    assert reply.headers["vary"] == "Cookie"


def test_an_anonymous_page_is_the_apps_byte_for_byte(server: str) -> None:
    reply = httpx.get(server)
    assert reply.content == PAGE
    assert "cache-control" not in reply.headers


def test_the_endpoint_and_the_runtime(server: str) -> None:
    with httpx.Client(base_url=server, headers={"Cookie": "user=ada"}) as client:
        token = client.get("/_widgetmw/token/digitalgenius").json()["token"]
        assert whose(token.encode()) == {"ada"}
        assert client.post("/_widgetmw/token", content=b"x" * 1000).status_code == 200
        src = re.search(r'src="([^"]+)"', client.get("/").text)
        assert src
        assert "immutable" in client.get(src[1]).headers["cache-control"]
    assert httpx.get(f"{server}/_widgetmw/token").status_code == 401


def test_head_has_no_body_and_the_connection_stays_usable(server: str) -> None:
    with httpx.Client(base_url=server, headers={"Cookie": "user=ada"}) as client:
        for path in ("/", "/_widgetmw/token", "/json"):
            assert client.head(path).content == b""
            assert client.get(path).status_code == 200


def test_what_is_no_page_is_left_alone(server: str) -> None:
    assert httpx.get(f"{server}/json", headers={"Cookie": "user=ada"}).content == PAGE


def test_a_100_mb_page_streams_in_constant_memory(server: str) -> None:
    total, first, last = 0, b"", b""
    with httpx.stream("GET", f"{server}/long", headers={"Cookie": "user=ada"}, timeout=60) as reply:
        for chunk in reply.iter_raw():
            first = first or chunk
            total += len(chunk)
            last = (last + chunk)[-64:]
    assert total > 6400 * len(PIECE) > 100_000_000
    assert b"data-widgetmw" in first
    before, after = (int(size) for size in re.findall(rb"<i>(\d+)</i>", last))
    assert after - before < 1024, "KiB that the process grew by"


def test_users_never_get_each_others_page(server: str) -> None:
    def ask(i: int) -> bool:
        who = f"user{i % 7}"
        reply = httpx.get(server, headers={"Cookie": f"user={who}"})
        return whose(reply.content) == {who}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(120)))


def test_a_client_that_leaves_in_the_middle_does_no_harm(server: str) -> None:
    address = urlsplit(server)
    for _ in range(3):
        with socket.create_connection((address.hostname, address.port), timeout=10) as client:
            client.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\nCookie: user=ada\r\n\r\n")
            assert b"200" in client.recv(1000)
    assert httpx.get(server, headers={"Cookie": "user=ada"}, timeout=30).status_code == 200


def test_http_1_0(server: str) -> None:
    address = urlsplit(server)
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.0\r\nCookie: user=ada\r\n\r\n")
        received = b""
        while data := client.recv(65536):
            received += data
    assert whose(received.partition(b"\r\n\r\n")[2]) == {"ada"}
