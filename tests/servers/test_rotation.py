"""Keys that change under load: clients request pages and tokens without a pause while the key files are replaced.

The servers run by a clock that the test moves, and each of its seconds lasts until every client has been served. So
nothing here depends on how fast the machine is.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from threading import Event

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.combinations import ALL
from tests.contract.site import Reply
from tests.servers.conftest import ENV
from tests.servers.matrix import SERVERS, Place
from tests.servers.processes import PATIENCE, Deployment, deployed, free_port
from tests.servers.rotation_app import SharedClock
from tests.servers.wire import request
from widgetmw.core.env.secret_file import MAX_DELAY, WATCH_PERIOD
from widgetmw.providers.orlo import Orlo
from widgetmw.testing import read_tokens

PATHS = ("/", "/_widgetmw/token")
CLIENTS = ("ada", "ada", "grace", "grace")
LOOKS = int(2 * WATCH_PERIOD)  # seconds in which every file is looked at twice

Keys = Mapping[str, str]
Way = Callable[[Path, Keys, "Load"], None]


@cache
def keys(generation: int) -> Keys:
    """Returns a generation of keys by variable: a pair that must not be mixed, and an RSA key."""
    pair = {"DG_API_KEY": f"id-{generation}", "DG_API_SECRET": f"secret-{generation}-" * 4}
    return {**pair, **Orlo.example_variables()}


@cache
def generation_of(provider: str, token: str) -> int:
    """Returns the generation of keys that signed a token; fails if the key's id is of another one."""
    if provider == "orlo":
        (signer,) = (generation for generation in range(1 + len(WAYS)) if verifies(token, public_key(generation)))
        return signer
    kid = jwt.get_unverified_header(token)["kid"]
    (generation,) = (generation for generation in range(1 + len(WAYS)) if keys(generation)["DG_API_KEY"] == kid)
    assert verifies(token, keys(generation)["DG_API_SECRET"]), "the key's id is not of the key that signed"
    return generation


def verifies(token: str, key: str | RSAPublicKey) -> bool:
    try:
        jwt.decode(token, key, algorithms=["HS256" if isinstance(key, str) else "RS256"], options={"verify_exp": False})
    except jwt.InvalidSignatureError:
        return False
    return True


@cache
def public_key(generation: int) -> RSAPublicKey:
    key = load_pem_private_key(keys(generation)["ORLO_PRIVATE_KEY"].encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key.public_key()


@dataclass(frozen=True)
class Visit:
    """A request that was answered.

    Attributes:
        sent_at: the time on the shared clock.
        user: the id in the request's cookie.
        reply: the response.
    """

    sent_at: float
    user: str
    reply: Reply

    def generations(self) -> set[int]:
        """Returns which keys signed the tokens; fails unless there is one of each vendor, for this user."""
        assert self.reply.status == 200
        tokens = read_tokens(self.reply.body)
        assert tokens.keys() == {"digitalgenius", "orlo"}
        assert (tokens["digitalgenius"].claims["external_id"], tokens["orlo"].claims["name"]) == (self.user, self.user)
        return {generation_of(name, token.value) for name, token in tokens.items()}


class Load:
    """Clients that send one request after the other, and the clock of the server."""

    def __init__(self, deployment: Deployment, clock: SharedClock) -> None:
        self.visits: list[Visit] = []
        self._deployment = deployment
        self._clock = clock
        self._rounds = [0] * len(CLIENTS)
        self._over = Event()
        self._clients: list[Future[None]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs the clients; a request that fails makes the block fail."""
        with ThreadPoolExecutor(len(CLIENTS)) as threads:
            self._clients = [threads.submit(self._visit, client) for client in range(len(CLIENTS))]
            try:
                yield
            finally:
                self._over.set()
        for client in self._clients:
            client.result()

    def run(self, seconds: int) -> float:
        """Lets that many seconds of the shared clock pass, each with requests in it; returns the time then."""
        self._serve_all()
        for _ in range(seconds):
            self._clock.move()
            self._serve_all()
        return self._clock()

    def run_until(self, since_look: int) -> None:
        """Lets time pass until the server's last look at its files, which began with the clock, is so long ago."""
        while (self._clock() - self._clock.START) % WATCH_PERIOD != since_look:
            self.run(1)

    def _serve_all(self) -> None:
        """Waits until each client has gone two rounds, of which one has begun by now."""
        before, end = list(self._rounds), time.monotonic() + PATIENCE
        while any(now < past + 2 for now, past in zip(self._rounds, before, strict=True)):
            if any(client.done() for client in self._clients):
                pytest.fail("a request failed")  # and the block says why
            assert time.monotonic() < end, "the clients get no response"
            time.sleep(0.002)

    def _visit(self, client: int) -> None:
        with self._deployment.connect() as wire:
            for turn in count():
                # one user whose tokens are cached, and one of whom the server has never heard
                users = CLIENTS[client], f"{client}-{turn}"
                for user, path in zip(users, PATHS if turn % 2 else reversed(PATHS), strict=True):
                    sent_at = self._clock()
                    wire.send(request(path, Cookie=f"user={user}"))
                    self.visits.append(Visit(sent_at, user, wire.answer()))
                self._rounds[client] += 1
                if self._over.is_set():
                    return


# --- the ways in which platforms replace the files of a folder ------------------------------------------------------


def swap_link(folder: Path, contents: Keys, load: Load | None = None) -> None:
    """As Kubernetes does: each file is a link through ``..data``, itself a link that is replaced in one step."""
    data = folder / "..data"
    old = data.resolve() if data.exists() else None
    version = folder / f"..version-{'second' if old else 'first'}"
    version.mkdir()
    for name, content in contents.items():
        (version / name).write_text(content)
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").replace(data)
    if old:
        shutil.rmtree(old)
    for name in contents:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


def rename(folder: Path, contents: Keys, load: Load) -> None:
    """As Docker and Vault's agent do: each file by itself, so for a moment only a part of a pair is new."""
    for name, content in contents.items():
        (folder / f".{name}.tmp").write_text(content)
        (folder / f".{name}.tmp").replace(folder / name)
        if name == "DG_API_KEY":
            load.run(int(WATCH_PERIOD) - 1)


def truncate(folder: Path, contents: Keys, load: Load) -> None:
    """As a shell's redirection does: the files are empty for a while, here for longer than a look takes."""
    for name in contents:
        (folder / name).write_text("")
    load.run(LOOKS)
    for name, content in contents.items():
        (folder / name).write_text(content)


# each with the seconds since a look that make it hardest: the change is seen late, or half of it is seen in between
WAYS: tuple[tuple[Way, int], ...] = ((swap_link, 0), (rename, 1), (truncate, 0))


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn-threads"] if ALL else ["gunicorn-threads"])
def test_keys_rotate_under_load_without_a_failed_request_a_mixed_token_or_an_old_one(name: str, tmp_path: Path) -> None:
    folder, clock = tmp_path / "keys", SharedClock(tmp_path / "clock")
    folder.mkdir()
    swap_link(folder, keys(0))
    environ = {f"{variable}_FILE": str(folder / variable) for variable in keys(0)}
    environ |= {"DG_WIDGET_ID": ENV["DG_WIDGET_ID"], "TEST_CLOCK": str(tmp_path / "clock")}
    place = Place(f"tests.servers.rotation_app:{SERVERS[name].gateway}", free_port(), folder=tmp_path)
    with deployed(name, place, environ, tmp_path / "log") as deployment:
        load = Load(deployment, clock)
        with load.running():
            only = [(clock.START, load.run(2))]
            for generation, (way, since_look) in enumerate(WAYS, 1):
                load.run_until(since_look)
                way(folder, keys(generation), load)
                only.append((load.run(int(MAX_DELAY)), load.run(2)))
    found = [(visit.sent_at, visit.generations()) for visit in load.visits]
    for generation, (since, until) in enumerate(only):
        signed_with = [generations for sent_at, generations in found if since <= sent_at < until]
        assert signed_with == [{generation}] * len(signed_with) != []
