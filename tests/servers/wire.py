"""HTTP/1 as raw bytes: requests are not normalized as in a client library, and responses are parsed strictly."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.contract.site import Reply


def request(target: str = "/", method: str = "GET", version: str = "1.1", body: bytes = b"", **headers: str) -> bytes:
    """Returns the bytes of a request; ``_`` in the name of a header becomes ``-``."""
    host = {"Host": "site.example"} if version == "1.1" else {}
    length = {"Content-Length": str(len(body))} if body else {}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**host, **length, **headers}.items()]
    return "\r\n".join([f"{method} {target} HTTP/{version}", *lines, "", ""]).encode("latin-1") + body


class Wire:
    """An HTTP/1 connection.

    Args:
        address: a loopback port or the path of a Unix socket.
    """

    def __init__(self, address: int | Path) -> None:
        self.socket = socket.socket(socket.AF_INET if isinstance(address, int) else socket.AF_UNIX)
        self.socket.settimeout(60)
        try:
            self.socket.connect(("127.0.0.1", address) if isinstance(address, int) else str(address))
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self.file.close()
        self.socket.close()

    def send(self, *requests: bytes) -> None:
        """Sends all requests at once."""
        self.socket.sendall(b"".join(requests))

    def head(self) -> Reply:
        """Reads status and headers; skips interim responses."""
        version, _, rest = self._line().partition(" ")
        assert version in ("HTTP/1.0", "HTTP/1.1"), version
        headers = []
        while line := self._line():
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        reply = Reply(int(rest[:3]), headers, [])
        return self.head() if reply.status == 100 else reply

    def answer(self, method: str = "GET") -> Reply:
        """Reads one response, up to the end that its headers declare."""
        reply = self.head()
        reply.chunks = self.body(reply, method)
        return reply

    def body(self, reply: Reply, method: str = "GET") -> list[bytes]:
        """Reads the body of a response after its head."""
        if method == "HEAD" or reply.status in (204, 304):
            return []
        if (reply.header("Transfer-Encoding") or "").lower() == "chunked":
            return self._chunks()
        length = reply.header("Content-Length")
        data = self.file.read() if length is None else self.file.read(int(length))
        assert length is None or len(data) == int(length), "the connection ended within the body"
        return [data]

    def ends(self) -> bool:
        """Whether the server closes the connection without sending anything else."""
        return self.file.read() == b""

    def _line(self) -> str:
        line = self.file.readline()
        assert line.endswith(b"\r\n"), line
        return line[:-2].decode("latin-1")

    def _chunks(self) -> list[bytes]:
        chunks = []
        while size := int(self._line(), 16):
            chunks.append(self.file.read(size))
            assert self.file.read(2) == b"\r\n"
        assert self._line() == ""
        return chunks
