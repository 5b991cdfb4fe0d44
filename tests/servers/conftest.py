"""Fixtures: real servers, each started once per test file."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpcore
import pytest

from tests.combinations import parameter, take_turns
from tests.contract.conftest import Make
from tests.contract.frameworks import FRAMEWORKS
from tests.contract.site import ADA, SITES, Site
from tests.servers.canned import FOLDER
from tests.servers.cases import differs
from tests.servers.matrix import PLAIN, SERVERS, Pair, Place, usual
from tests.servers.processes import Deployment, answers, deployed, free_port, start, stop
from tests.servers.socket_site import Connection, remote

__all__ = ["answers", "free_port", "start", "stop"]  # for the tests of other folders

KINDS: dict[str, type[Site]] = {kind.driver: kind for kind in (*SITES, *FRAMEWORKS)}
ENV = {"DG_API_KEY": "key", "DG_API_SECRET": "s" * 40, "DG_WIDGET_ID": "widget"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Removes tests that fail because of a server's quirk (``cases.py`` lists them), and combinations.

    In process, an adapter passes a case with all parameters; on a server, it shows that bytes and headers arrive.
    """
    items[:] = take_turns([item for item in items if not differs(item)], lambda item: parameter(item, "pair"))


class Fleet:
    """Runs one server at a time. The server keeps running until another one is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()
        self.last: tuple[str, str] | None = None

    def serving(self, name: str, app: str, **environ: str) -> Deployment:
        """Returns a server that runs an app of this folder, ``canned`` or ``apps``."""
        if self.last != (name, app):
            self.stack.close()
            place = Place(f"tests.servers.{app}:{SERVERS[name].gateway}", free_port(), folder=self.folder)
            self.deployment = self.stack.enter_context(
                deployed(name, place, environ, self.folder / f"{name}-{app}.log")
            )
            self.last = (name, app)
        return self.deployment


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Starts servers on demand."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    with fleet.stack:
        yield fleet


@pytest.fixture(scope="module", params=usual(PLAIN))
def deployment(request: pytest.FixtureRequest, fleet: Fleet) -> Deployment:
    """One ASGI and one WSGI server in turn, or all with `make servers`, running ``apps.py``."""
    return fleet.serving(request.param, "apps", **ENV, TEST_PIECES="6400", TEST_FOLDER=str(fleet.folder))


@pytest.fixture(scope="module")
def server(deployment: Deployment) -> str:
    """The server's URL."""
    return deployment.url


def insecure_tls() -> ssl.SSLContext:
    """Returns a TLS context that accepts the self-signed certificates of the servers under test."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which reads no certificate authorities
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def line(pair: Pair, fleet: Fleet) -> Iterator[Connection]:
    """A connection to the pair's server."""
    deployment = fleet.serving(pair.server, "canned", **{FOLDER: str(fleet.folder)})
    modern = pair.protocol == "2"
    with httpcore.ConnectionPool(insecure_tls(), max_connections=1, http1=not modern, http2=modern) as pool:
        yield Connection(pool, pair.protocol, deployment.url, fleet.folder)


@pytest.fixture
def make(pair: Pair, line: Connection, dg_env: dict[str, str]) -> Make:
    """The contract cases' ``make``, for sites on a real server."""
    kind = KINDS[pair.adapter]

    def made(user: Any = ADA, page: Any = None, env: dict[str, str] | None = None, **variables: str) -> Site:
        environ = {**(dg_env if env is None else env), **variables}
        site: Site = remote(kind)(environ, user=user, page=page).register(kind, line, environ)
        return site

    return made
