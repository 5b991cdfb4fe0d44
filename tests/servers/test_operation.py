"""What operators do: mount, unix sockets, several workers, a new key and a reload, a stop while a page streams."""

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
from tests.servers.test_servers import TOKEN, whose
from tests.servers.wire import Wire, request

KEYS = ("old-" * 10, "new-" * 10)
NAMES = [name for name, server in SERVERS.items() if not server.tls]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a test and the servers share."""
    return tmp_path_factory.mktemp("operation")


@pytest.fixture(scope="module", params=NAMES)
def deployment(request: pytest.FixtureRequest, folder: Path) -> Iterator[Deployment]:
    """Each server as it is put to work: on a unix socket, below a mount, with two workers, as far as it can."""
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


def ask(deployment: Deployment, path: str = "/") -> Reply:
    """Asks for a path below the mount, on a connection of its own.

    As proxies do: once more where the server hangs up before a byte of its answer, and never after one.
    """
    for _ in range(2):
        with deployment.connect() as wire:
            if begun(wire, request(outside(deployment) + path, Cookie="user=ada", Connection="close")):
                return wire.answer()
    raise AssertionError("no answer")


def begun(wire: Wire, data: bytes) -> bool:
    """Sends a request; returns whether an answer to it begins."""
    try:
        wire.send(data)
        return bool(wire.file.peek(1))
    except (BrokenPipeError, ConnectionResetError):
        return False


def outside(deployment: Deployment) -> str:
    """What stands before the app's own paths in a request: uvicorn expects that a proxy has taken the mount away."""
    return "" if deployment.name.startswith("uvicorn") else deployment.place.mount


def many(deployment: Deployment, path: str, count: int = 24) -> list[Reply]:
    """Asks often, and many at once, so that every worker has to answer."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda _: ask(deployment, path), range(count)))


def workers(deployment: Deployment) -> set[bytes]:
    """The process ids of all workers, once each has answered."""
    seen, end = set[bytes](), time.monotonic() + PATIENCE
    while len(seen) < deployment.place.workers:
        assert time.monotonic() < end, "one worker answers everything"
        seen |= {reply.body for reply in many(deployment, "/pid")}
    return seen


def alive(process: bytes) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    return True


def test_urls_carry_the_mount_and_lead_back(deployment: Deployment) -> None:
    mount, page = deployment.place.mount, ask(deployment)
    assert whose(page.body) == {"ada"}
    assert b'"url":"%s/_widgetmw/token"' % mount.encode() in page.body
    (runtime,) = re.findall(rb'src="%s(/_widgetmw/runtime\.js\?v=\w+)"' % mount.encode(), page.body)
    assert "immutable" in (ask(deployment, runtime.decode()).header("Cache-Control") or "")
    assert whose(ask(deployment, "/_widgetmw/token").body) == {"ada"}


@able("workers")
def test_what_one_worker_hands_out_another_one_takes(deployment: Deployment) -> None:
    assert len(workers(deployment)) == 2
    pages = {
        re.sub(rb'"(now|expires_at|refresh_at)":[\d.]+', b"", TOKEN.sub(b"", page.body))
        for page in many(deployment, "/")
    }
    assert len(pages) == 1, "version, mark and all else is the same whoever answers"
    version = re.search(rb"/_widgetmw/runtime\.js\?v=(\w+)", pages.pop())
    assert version
    found = many(deployment, f"/_widgetmw/runtime.js?v={version[1].decode()}")
    assert {reply.header("Cache-Control") for reply in found} == {"public, max-age=31536000, immutable"}
    other = many(deployment, "/_widgetmw/runtime.js?v=0123456789abcdef", 10)
    assert {(reply.status, reply.header("Cache-Control"), reply.body) for reply in other} == {
        (200, "no-store", found[0].body)
    }
    for reply in many(deployment, "/_widgetmw/token/digitalgenius"):
        jwt.decode(reply.json["token"], KEYS[0], algorithms=["HS256"])


@able("reload")
def test_a_reload_takes_the_new_key_and_drops_no_answer(deployment: Deployment, folder: Path) -> None:
    before, over, answers = workers(deployment), threading.Event(), list[Reply]()

    def visit() -> None:
        while not over.is_set():
            answers.append(ask(deployment))

    (folder / "key").write_text(KEYS[1])
    with ThreadPoolExecutor(2) as threads:
        visits = [threads.submit(visit) for _ in range(2)]
        try:
            os.kill(deployment.process.pid, SERVERS[deployment.name].reload)
            end = time.monotonic() + PATIENCE
            while any(map(alive, before)):
                assert time.monotonic() < end, "the old workers go on"
                time.sleep(0.1)
        finally:
            over.set()
        for each in visits:
            each.result()
    assert all(whose(reply.body) == {"ada"} and reply.body.endswith(PAGE[-20:]) for reply in answers)
    for reply in many(deployment, "/_widgetmw/token/digitalgenius", 10):
        jwt.decode(reply.json["token"], KEYS[1], algorithms=["HS256"])


@able("graceful stop")
def test_a_page_that_streams_while_the_server_stops_ends_whole(deployment: Deployment, folder: Path) -> None:
    with deployment.connect() as wire:
        wire.send(request(f"{outside(deployment)}/held", Cookie="user=ada", Connection="close"))
        reply = wire.head()
        assert wire.file.peek(1)
        os.kill(deployment.process.pid, SERVERS[deployment.name].stop)
        time.sleep(0.3)  # there is no sign by which a server shows that it has heard
        (folder / "go").touch()
        body = b"".join(wire.body(reply))
    assert whose(body) == {"ada"}
    assert body.endswith(END)
