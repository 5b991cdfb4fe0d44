"""Operations: mounts, Unix sockets, several workers, a reload with a new key, a stop while a page is streaming."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from tests.contract.site import Reply
from tests.servers.apps import END, PAGE
from tests.servers.conftest import ENV
from tests.servers.matrix import SERVERS, Place, able
from tests.servers.processes import PATIENCE, Deployment, deployed
from tests.servers.test_servers import TOKEN, token_users
from tests.servers.wire import Wire, request

KEYS = ("old-" * 10, "new-" * 10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a test and the servers share."""
    return tmp_path_factory.mktemp("operation")


@pytest.fixture(scope="module")
def deployment(request: pytest.FixtureRequest, folder: Path) -> Iterator[Deployment]:
    """Each server with everything it supports of: a Unix socket, a mount prefix, two workers."""
    name = request.param
    lacks = SERVERS[name].lacks
    for old in folder.iterdir():
        old.unlink()
    (folder / "key").write_text(KEYS[0])
    place = Place(
        f"tests.servers.apps:{SERVERS[name].gateway}",
        socket=folder / "socket",
        workers=1 if "workers" in lacks else 2,
        mount="" if "mount" in lacks else "/shop",
    )
    environ = {key: value for key, value in ENV.items() if key != "DG_API_SECRET"}
    environ |= {"DG_API_SECRET_FILE": str(folder / "key"), "TEST_FOLDER": str(folder)}
    with deployed(name, place, environ, folder / "log") as deployment:
        yield deployment


def get(deployment: Deployment, path: str = "/") -> Reply:
    """Requests a path under the mount, on a new connection.

    Retries as proxies do: once, and only if the server closes the connection before the first byte of the response.
    """
    for _ in range(2):
        with deployment.connect() as wire:
            if send_and_peek(wire, request(request_prefix(deployment) + path, Cookie="user=ada", Connection="close")):
                return wire.answer()
    raise AssertionError("no response")


def send_and_peek(wire: Wire, data: bytes) -> bool:
    """Sends a request; returns whether a response begins."""
    try:
        wire.send(data)
        return bool(wire.file.peek(1))
    except (BrokenPipeError, ConnectionResetError):
        return False


def request_prefix(deployment: Deployment) -> str:
    """Returns the prefix of request paths: uvicorn expects that a proxy has removed the mount prefix."""
    return "" if deployment.name.startswith("uvicorn") else deployment.place.mount


def request_many(deployment: Deployment, path: str, count: int = 24) -> list[Reply]:
    """Sends many concurrent requests, so that every worker has to respond."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda _: get(deployment, path), range(count)))


def worker_ids(deployment: Deployment) -> set[bytes]:
    """Returns the process ids of all workers, once each has responded."""
    seen, end = set[bytes](), time.monotonic() + PATIENCE
    while len(seen) < deployment.place.workers:
        assert time.monotonic() < end, "a worker never responds"
        seen |= {reply.body for reply in request_many(deployment, "/pid")}
    return seen


def is_alive(process: bytes) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    return True


@able("mount")
def test_urls_carry_the_mount_prefix_and_work(deployment: Deployment) -> None:
    mount, page = deployment.place.mount, get(deployment)
    assert token_users(page.body) == {"ada"}
    assert b'"url":"%s/_widgetmw/token"' % mount.encode() in page.body
    (runtime,) = re.findall(rb'src="%s(/_widgetmw/runtime\.js\?v=\w+)"' % mount.encode(), page.body)
    assert "immutable" in (get(deployment, runtime.decode()).header("Cache-Control") or "")
    assert token_users(get(deployment, "/_widgetmw/token").body) == {"ada"}


@able("workers")
def test_workers_are_interchangeable(deployment: Deployment) -> None:
    assert len(worker_ids(deployment)) == 2
    pages = {
        re.sub(rb'"(now|expires_at|refresh_at)":[\d.]+', b"", TOKEN.sub(b"", page.body))
        for page in request_many(deployment, "/")
    }
    assert len(pages) == 1, "the workers' pages differ"
    version = re.search(rb"/_widgetmw/runtime\.js\?v=(\w+)", pages.pop())
    assert version
    found = request_many(deployment, f"/_widgetmw/runtime.js?v={version[1].decode()}")
    assert {reply.header("Cache-Control") for reply in found} == {"public, max-age=31536000, immutable"}
    other = request_many(deployment, "/_widgetmw/runtime.js?v=0123456789abcdef", 10)
    assert {(reply.status, reply.header("Cache-Control"), reply.body) for reply in other} == {
        (200, "no-store", found[0].body)
    }
    for reply in request_many(deployment, "/_widgetmw/token/digitalgenius"):
        jwt.decode(reply.json["token"], KEYS[0], algorithms=["HS256"])


@able("reload")
def test_a_reload_uses_the_new_key_and_loses_no_response(deployment: Deployment, folder: Path) -> None:
    before, over, answers = worker_ids(deployment), threading.Event(), list[Reply]()

    def visit() -> None:
        while not over.is_set():
            answers.append(get(deployment))
            time.sleep(0.02)  # leaves the processor to the workers that start

    (folder / "key").write_text(KEYS[1])
    with ThreadPoolExecutor(2) as threads:
        visits = [threads.submit(visit) for _ in range(2)]
        try:
            os.kill(deployment.process.pid, SERVERS[deployment.name].reload)
            end = time.monotonic() + PATIENCE
            while any(map(is_alive, before)):
                assert time.monotonic() < end, "the old workers are still running"
                time.sleep(0.1)
        finally:
            over.set()
        for each in visits:
            each.result()
    assert all(token_users(reply.body) == {"ada"} and reply.body.endswith(PAGE[-20:]) for reply in answers)
    for reply in request_many(deployment, "/_widgetmw/token/digitalgenius", 10):
        jwt.decode(reply.json["token"], KEYS[1], algorithms=["HS256"])


@able("graceful stop")
def test_a_page_that_streams_while_the_server_stops_is_complete(deployment: Deployment, folder: Path) -> None:
    with deployment.connect() as wire:
        wire.send(request(f"{request_prefix(deployment)}/held", Cookie="user=ada", Connection="close"))
        reply = wire.head()
        assert wire.file.peek(1)
        os.kill(deployment.process.pid, SERVERS[deployment.name].stop)
        time.sleep(0.3)  # servers do not show that they have received the signal
        (folder / "go").touch()
        body = b"".join(wire.body(reply))
    assert token_users(body) == {"ada"}
    assert body.endswith(END)
