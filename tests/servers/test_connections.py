"""Many responses on one connection: a wrong length or an unexpected body would break the sequence."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.site import Reply
from tests.servers.apps import END, PAGE
from tests.servers.matrix import SERVERS, able
from tests.servers.processes import PATIENCE, Deployment
from tests.servers.test_servers import token_users
from tests.servers.wire import request

ADA = {"Cookie": "user=ada"}
TOKEN = "/_widgetmw/token/digitalgenius"


def page(reply: Reply, who: str | None = "ada") -> bool:
    """Whether a response is that user's complete page, with the right length."""
    length = reply.header("Content-Length")
    return (
        token_users(reply.body) == ({who} if who else set())
        and reply.body.endswith(PAGE.partition(b"<head>")[2])
        and length in (None, str(len(reply.body)))
    )


def empty(status: int) -> Callable[[Reply], bool]:
    return lambda reply: reply.status == status and not reply.body


VISIT: list[tuple[str, str, dict[str, str], Callable[[Reply], bool]]] = [
    ("GET", "/", ADA, page),
    ("HEAD", "/", ADA, empty(200)),
    ("GET", "/", {}, lambda reply: reply.body == PAGE),
    ("HEAD", "/", {}, lambda reply: reply.header("Content-Length") == str(len(PAGE))),
    ("GET", "/same", ADA, empty(304)),
    ("GET", "/empty", ADA, empty(204)),
    ("GET", "/missing", ADA, lambda reply: reply.status == 404 and page(reply)),
    ("HEAD", TOKEN, ADA, lambda reply: int(reply.header("Content-Length") or 0) > 100),
    ("GET", TOKEN, {"Cookie": "user=bob"}, lambda reply: token_users(reply.body) == {"bob"}),
    ("HEAD", TOKEN, {}, empty(401)),
    ("OPTIONS", TOKEN, ADA, lambda reply: reply.status == 405),
    ("GET", "/_widgetmw/runtime.js", {}, lambda reply: len(reply.body) > 1000),
    ("HEAD", "/_widgetmw/runtime.js", {}, empty(200)),
    ("POST", "/", ADA, page),
    ("GET", "/json", ADA, lambda reply: reply.body == PAGE),
    ("GET", "/", {"Cookie": "user=bob"}, lambda reply: page(reply, "bob")),
]


LENGTHLESS = {("HEAD", "/", "user=ada"), ("GET", "/same", "user=ada"), ("GET", "/empty", "user=ada")}
"""After a response without a length, the WSGI servers close the connection, whatever the request was."""


@able("keep-alive")
def test_a_persistent_connection_stays_in_sync(deployment: Deployment) -> None:
    wires = [deployment.connect()]
    for method, path, headers, right in VISIT * 2:
        wires[-1].send(request(path, method, **headers))
        reply = wires[-1].answer(method)
        assert right(reply), (method, path, reply)
        if (method, path, headers.get("Cookie")) in LENGTHLESS and SERVERS[deployment.name].gateway == "wsgi":
            wires.append(deployment.connect())
    for wire in wires:
        wire.close()


@able("pipelining")
def test_pipelined_requests_get_complete_responses_in_order(deployment: Deployment) -> None:
    lengthless = set() if SERVERS[deployment.name].gateway == "asgi" else LENGTHLESS
    visit = [each for each in VISIT if (each[0], each[1], each[2].get("Cookie")) not in lengthless]
    with deployment.connect() as wire:
        wire.send(*[request(path, method, **headers) for method, path, headers, _ in visit])
        for method, path, _, right in visit:
            reply = wire.answer(method)
            assert right(reply), (method, path, reply)


@pytest.mark.parametrize("kept", [False, True], ids=["closed", "kept"])
@pytest.mark.parametrize("path", ["/", TOKEN, "/missing"])
def test_http_1_0(deployment: Deployment, path: str, kept: bool) -> None:
    with deployment.connect() as wire:
        for _ in range(2):
            wire.send(request(path, version="1.0", **ADA, **({"Connection": "keep-alive"} if kept else {})))
            reply = wire.answer()
            assert reply.header("Transfer-Encoding") is None
            assert token_users(reply.body) == {"ada"}
            if not kept:
                assert wire.ends()
                break
            if (reply.header("Connection") or "").lower() != "keep-alive":
                break


def test_a_stream_to_an_http_1_0_client_ends_with_the_connection(deployment: Deployment) -> None:
    (Path(deployment.place.folder) / "go").touch()
    try:
        with deployment.connect() as wire:
            wire.send(request("/held", version="1.0", Connection="keep-alive", **ADA))
            reply = wire.answer()
            assert reply.header("Transfer-Encoding") is None
            assert token_users(reply.body) == {"ada"}
            assert reply.body.endswith(END)
            assert wire.ends()
    finally:
        (Path(deployment.place.folder) / "go").unlink()


@pytest.mark.parametrize(("path", "status"), [("/size", 200), (TOKEN, 200), ("/_widgetmw/nothing", 404)])
def test_a_request_with_expect_100_continue_gets_a_response(deployment: Deployment, path: str, status: int) -> None:
    with deployment.connect() as wire:
        head, body = request(path, "POST", body=b"x" * 300, Expect="100-continue", **ADA).split(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        line = wire.file.readline()
        if line.startswith(b"HTTP/1.1 100"):
            while wire.file.readline() != b"\r\n":
                pass
            wire.send(body)
            assert wire.answer("POST").status == status
        else:
            assert line.startswith(b"HTTP/1.1 %d" % status)


def test_slow_bodies_of_token_requests_do_not_stop_the_server(deployment: Deployment) -> None:
    with ExitStack() as stack:
        for _ in range(5):  # more than a server here has threads
            wire = stack.enter_context(deployment.connect())
            wire.send(request(TOKEN, "POST", Content_Length="6", **ADA), b"x")
        wire = stack.enter_context(deployment.connect())
        wire.send(request("/", **ADA))
        assert page(wire.answer())


def test_an_app_notices_that_the_client_disconnects_during_a_stream(deployment: Deployment) -> None:
    closed = Path(deployment.place.folder) / "closed"
    closed.unlink(missing_ok=True)
    with deployment.connect() as wire:
        wire.send(request("/held", **ADA))
        assert wire.head().status == 200
        assert wire.file.read(20)
    end = time.monotonic() + PATIENCE
    while not closed.exists():
        if time.monotonic() > end:
            raise TimeoutError("the stream was never closed")
        time.sleep(0.02)


BROWSER = {**ADA, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_a_page_that_is_a_file_gets_its_token(deployment: Deployment) -> None:
    (deployment.place.folder / "file").write_bytes(PAGE + b"<p>" * 50_000)
    with deployment.connect() as wire:
        wire.send(request("/file", **BROWSER))
        reply = wire.answer()
    assert token_users(reply.body) == {"ada"}
    assert reply.body.endswith(PAGE[27:] + b"<p>" * 50_000)
    assert reply.header("Content-Length") == str(len(reply.body))


def test_a_download_is_the_unmodified_file(deployment: Deployment) -> None:
    data = bytes(range(256)) * 1000
    (deployment.place.folder / "file").write_bytes(data)
    with deployment.connect() as wire:
        for headers in (BROWSER, ADA):
            wire.send(request("/download", **headers))
            reply = wire.answer()
            assert reply.body == data
            if SERVERS[deployment.name].lacks.get("keep-alive"):
                break
