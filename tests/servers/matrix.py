"""Every server that the tests run on: how it is started, which features it has, and why it lacks the others."""

from __future__ import annotations

import signal
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.combinations import ALL

Protocol = Literal["1.1", "2"]
Feature = Literal["HTTP/2", "keep-alive", "pipelining", "mount", "unix socket", "workers", "reload", "graceful stop"]


@dataclass(frozen=True)
class Place:
    """What to run on a server, and where it listens.

    Attributes:
        app: ``module:name``.
        port: loopback port, if there is no socket.
        socket: path of a unix socket.
        workers: number of processes.
        mount: path that the app is mounted under.
        folder: for files that the server needs, such as certificates.
    """

    app: str
    port: int = 0
    socket: Path | None = None
    workers: int = 1
    mount: str = ""
    folder: Path = Path()

    @property
    def address(self) -> str:
        return f"unix:{self.socket}" if self.socket else f"127.0.0.1:{self.port}"

    def options(self, port: str, socket: str = "", workers: str = "", mount: str = "") -> list[str]:
        """Returns the command-line options; the arguments are the server's names for them."""
        bind = [socket, str(self.socket)] if self.socket else [port, str(self.port)]
        many = [workers, str(self.workers)] if workers else []
        return [*bind, *many, *([mount, self.mount] if mount and self.mount else [])]


@dataclass(frozen=True)
class Server:
    """A server.

    Attributes:
        gateway: ``asgi`` or ``wsgi``.
        words: a Python module and its options; with a leading ``!``, a program of the virtual environment.
        lacks: features that the server does not have, and why.
        stop: the signal for a graceful stop.
        reload: the signal that restarts its workers.
        tls: whether it serves https.
        environ: variables that it needs for a place.
    """

    gateway: Literal["asgi", "wsgi"]
    words: Callable[[Place], list[str]]
    lacks: Mapping[Feature, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM
    reload: signal.Signals = signal.SIGHUP
    tls: bool = False
    environ: Callable[[Place], dict[str, str]] = lambda place: {}

    def command(self, place: Place) -> list[str]:
        words = self.words(place)
        if words[0].startswith("!"):
            return [str(Path(sys.executable).parent / words[0][1:]), *words[1:]]
        return [sys.executable, "-m", *words]


def _uvicorn(*options: str) -> Callable[[Place], list[str]]:
    def words(place: Place) -> list[str]:
        where = place.options("--port", "--uds", "--workers", "--root-path")
        # By default, uvicorn gives up a reload if a new worker needs more than five seconds to start.
        patient = ["--timeout-keep-alive", "60", "--timeout-worker-healthcheck", "90"]
        return ["uvicorn", place.app, *where, "--log-level", "warning", *patient, *options]

    return words


def _hypercorn(*options: str) -> Callable[[Place], list[str]]:
    def words(place: Place) -> list[str]:
        mount = ["--root-path", place.mount] if place.mount else []
        many = ["--workers", str(place.workers)]
        return ["hypercorn", place.app, "--bind", place.address, *many, *mount, "--keep-alive", "60", *options]

    return words


def _granian(interface: str) -> Callable[[Place], list[str]]:
    def words(place: Place) -> list[str]:
        where = place.options("--port", "--uds", "--workers", "--url-path-prefix")
        own = ["--interface", interface, "--respawn-interval", "0.2", "--log-level", "warning", "--no-ws"]
        return ["granian", place.app, *own, *where]

    return words


def _daphne(place: Place) -> list[str]:
    where = place.options("--port", "--unix-socket", "", "--root-path")
    return ["daphne", *where, "--verbosity", "0", place.app]


def _daphne_tls(place: Place) -> list[str]:
    files = f"privateKey={place.folder / 'key.pem'}:certKey={place.folder / 'certificate.pem'}"
    return ["daphne", "--endpoint", f"ssl:{place.port}:interface=127.0.0.1:{files}", "--verbosity", "0", place.app]


def certificate(folder: Path) -> None:
    """Writes a key and a self-signed certificate."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "certificate.pem").write_bytes(made.public_bytes(Encoding.PEM))


def _gunicorn(*options: str) -> Callable[[Place], list[str]]:
    def words(place: Place) -> list[str]:
        many = ["--workers", str(place.workers), "--keep-alive", "60", "--no-control-socket"]
        mount = ["--root-path", place.mount] if place.mount and "asgi" in options else []
        return ["gunicorn", place.app, "--bind", place.address, *many, *mount, *options]

    return words


def _script_name(place: Place) -> dict[str, str]:
    return {"SCRIPT_NAME": place.mount} if place.mount else {}


def _waitress(place: Place) -> list[str]:
    where = f"--unix-socket={place.socket}" if place.socket else f"--listen={place.address}"
    return ["waitress", where, *([f"--url-prefix={place.mount}"] if place.mount else []), place.app]


def _cheroot(place: Place) -> list[str]:
    return ["cheroot", place.app, "--bind", str(place.socket) if place.socket else place.address, "--timeout", "60"]


def _uwsgi(place: Place) -> list[str]:
    app = [f"--mount={place.mount}={place.app}", "--manage-script-name"] if place.mount else [f"--module={place.app}"]
    where = ["--http-socket", str(place.socket)] if place.socket else ["--http", place.address]
    router = ["--http-keepalive=60", "--http-manage-expect"]
    graceful = "--hook-master-start=unix_signal:15 gracefully_kill_them_all"
    own = ["--master", f"--processes={place.workers}", "--need-app", "--disable-logging", "--buffer-size=65535"]
    return ["!uwsgi", *where, *router, *own, graceful, *app]


_H2C = ("--http-protocols", "h2,h1", "--http2-cleartext", "both")
Lacks = dict[Feature, str]
_NO_HTTP2: Lacks = {"HTTP/2": "not supported by the server"}
_ONE_BY_ONE: Lacks = dict.fromkeys(("keep-alive", "pipelining"), "the sync worker closes each connection")
_ONE_PROCESS: Lacks = {
    "workers": "the server runs as a single process",
    "reload": "not supported by the server: start a new process and stop the old one",
}
_KILLS: Lacks = {"graceful stop": "with several workers, it kills the busy ones once the first has exited"}
_SINGLE: Lacks = {"workers": "tested with one process, which stops gracefully"}
_AS_DAPHNE: Lacks = dict.fromkeys(
    ("keep-alive", "pipelining", "mount", "unix socket", "workers", "reload", "graceful stop"), "same as `daphne`"
)
_PRELOADED: Lacks = {"reload": "tested with `--preload`, which does not load the app again"}

SERVERS: dict[str, Server] = {
    "uvicorn": Server("asgi", _uvicorn("--http", "httptools"), _NO_HTTP2),
    "uvicorn-h11": Server("asgi", _uvicorn("--http", "h11"), _NO_HTTP2),
    "uvicorn-zttp": Server("asgi", _uvicorn("--http", "zttp", "--http2")),
    "hypercorn": Server("asgi", _hypercorn(), _KILLS),
    "hypercorn-trio": Server("asgi", _hypercorn("--worker-class", "trio"), _SINGLE),
    "granian": Server("asgi", _granian("asgi")),
    "daphne": Server(
        "asgi",
        _daphne,
        _ONE_PROCESS | {"HTTP/2": "over TLS only: `daphne-tls`", "graceful stop": "the server stops at once"},
    ),
    "daphne-tls": Server("asgi", _daphne_tls, _AS_DAPHNE, tls=True),
    "gunicorn-asgi": Server("asgi", _gunicorn("--worker-class", "asgi", *_H2C)),
    "gunicorn": Server("wsgi", _gunicorn(), _NO_HTTP2 | _ONE_BY_ONE, environ=_script_name),
    "gunicorn-threads": Server(
        "wsgi", _gunicorn("--threads", "4", "--preload", *_H2C), _PRELOADED, environ=_script_name
    ),
    "waitress": Server("wsgi", _waitress, _NO_HTTP2 | _ONE_PROCESS, stop=signal.SIGINT),
    "cheroot": Server(
        "wsgi",
        _cheroot,
        _NO_HTTP2 | _ONE_PROCESS | {"mount": "not with its command line; use a dispatcher in the app"},
        stop=signal.SIGINT,
    ),
    "uwsgi": Server(
        "wsgi",
        _uwsgi,
        _NO_HTTP2 | {"pipelining": "its HTTP router handles one request at a time"},
        environ=lambda place: {"PYTHONPATH": sysconfig.get_path("purelib")},  # its reload forgets the environment
    ),
    "granian-wsgi": Server("wsgi", _granian("wsgi")),
}


@dataclass(frozen=True)
class Pair:
    """One run of the contract cases.

    Attributes:
        server: of ``SERVERS``.
        protocol: version of HTTP.
        adapter: driver or plugin, by the name that its contract site has.
    """

    server: str
    protocol: Protocol
    adapter: str

    def __str__(self) -> str:
        return f"{self.server}-http{self.protocol}-{self.adapter}"


# each plugin on another server, so that none of them costs much
FRAMEWORKS = (
    ("uvicorn", "fastapi"),
    ("hypercorn-trio", "starlette"),
    ("daphne", "django-async"),
    ("gunicorn", "django"),
    ("gunicorn-threads", "django-stream"),
    ("waitress", "flask-stream"),
    ("cheroot", "wsgi-generator"),
    ("uwsgi", "flask"),
    ("granian-wsgi", "falcon"),
    ("hypercorn", "quart"),
    ("granian", "litestar"),
    ("gunicorn-asgi", "falcon-async"),
    ("waitress", "pyramid"),
    ("cheroot", "bottle"),
)
UNSERVED = {
    "aiohttp": "is itself a server; its cases exchange raw HTTP with it, without a socket",
    "aiohttp-stream": "the same",
    **dict.fromkeys(
        ("wsgi-in-asgiref", "wsgi-in-a2wsgi", "asgi-around-a2wsgi", "asgi-around-asgiref"),
        "runs a WSGI app on an ASGI server through a bridge: tested in process; both ends are in this table",
    ),
    **dict.fromkeys(
        ("asgi-in-a2wsgi", "wsgi-around-a2wsgi"),
        "runs an ASGI app on a WSGI server through a bridge: tested in process; both ends are in this table",
    ),
}
"""Adapters of the contract that run on no server here, and why."""
# The drivers without a plugin, on servers that no plugin runs on, and over HTTP/2.
_BARE: tuple[tuple[str, Protocol], ...] = (
    ("uvicorn-h11", "1.1"),
    ("uvicorn-zttp", "2"),
    ("daphne-tls", "2"),
    ("gunicorn-threads", "2"),
)
USUAL_PAIRS = [
    *(Pair(server, protocol, SERVERS[server].gateway) for server, protocol in _BARE),
    *(Pair(server, "1.1", adapter) for server, adapter in FRAMEWORKS),
]
"""What ``make test`` runs: each adapter on one server, and each server with an adapter."""
IMPOSSIBLE = {
    ("hypercorn-trio", "quart"): "Quart supports asyncio only",
    ("hypercorn-trio", "django-async"): "Django's async support is built on asgiref, which supports asyncio only",
    **{
        (
            server,
            adapter,
        ): "not over a kept-alive connection: the server sends the body that Django returns for HEAD, with "
        "or without this middleware, so the next response is out of step; all cases but those after a HEAD pass"
        for server in ("waitress", "cheroot", "uwsgi")
        for adapter in ("django", "django-stream")
    },
}
"""Pairs with the same gateway interface that do not work, and why."""
ADAPTERS: dict[str, list[str]] = {
    gateway: [gateway, *(adapter for server, adapter in FRAMEWORKS if SERVERS[server].gateway == gateway)]
    for gateway in ("asgi", "wsgi")
}
HTTP2_PAIRS = [Pair(name, "2", server.gateway) for name, server in SERVERS.items() if "HTTP/2" not in server.lacks]
ALL_PAIRS = [
    *HTTP2_PAIRS,
    *(
        Pair(name, "1.1", adapter)
        for name, server in SERVERS.items()
        for adapter in ADAPTERS[server.gateway]
        if (name, adapter) not in IMPOSSIBLE
    ),
]
"""What ``make servers`` runs: every adapter on every server of its gateway, and its driver over HTTP/2."""
PAIRS = sorted(ALL_PAIRS if ALL else USUAL_PAIRS, key=lambda pair: [*SERVERS].index(pair.server))


PLAIN = [name for name, server in SERVERS.items() if not server.tls]


def usual(names: list[str]) -> list[str]:
    """Returns the first ASGI and the first WSGI server of them; all with ``make servers``."""
    first = {SERVERS[name].gateway: name for name in reversed(names)}
    return [name for name in names if ALL or name in first.values()]


def able(feature: Feature) -> pytest.MarkDecorator:
    """Runs a test on the usual servers that have a feature; the table in docs/servers.md says why the others do not."""
    names = [name for name in PLAIN if feature not in SERVERS[name].lacks]
    return pytest.mark.parametrize("deployment", usual(names), indirect=True, scope="module")
