"""Runs the sample site until it is interrupted."""

from __future__ import annotations

import errno
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from widgetmw.demo.app import create_app
from widgetmw.demo.site import TTL

PORT = 8765
_TRIES = 20
_LAST = 65_535


class PortError(OSError):
    """The demo cannot listen where it was told to; the message says why in one line."""


class _QuietHandler(WSGIRequestHandler):
    """Leaves out the line per request: addresses may hold tokens, and the demo's output is for people."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def bind(host: str, port: int) -> socket.socket:
    """Returns a listening socket on ``port``, or on the next free one after it.

    Raises:
        PortError: the host is not this machine's, the port is none or not allowed, or many in a row are in use.
    """
    if not 0 <= port <= _LAST:
        raise PortError(f"a port is a number from 0 to {_LAST}, not {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    last = port if port == 0 else min(port + _TRIES - 1, _LAST)
    for candidate in range(port, last + 1):
        try:
            return socket.create_server((host, candidate), family=family)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortError(f"cannot listen on {host} port {candidate}: {error.strerror}") from error
    raise PortError(f"ports {port} to {last} of {host} are all in use; choose another one")


def make(host: str = "127.0.0.1", port: int = PORT, *, ttl: int = TTL) -> tuple[BaseWSGIServer, str]:
    """Returns the server, listening but not yet answering, and the address of the site.

    Raises:
        PortError: as :func:`bind`.
        ValueError: ``ttl`` is not positive.
    """
    if ttl < 1:
        raise ValueError("ttl must be a positive number of seconds")
    with bind(host, port) as listening:
        url = _url(host, listening.getsockname()[1])
        app = create_app(ttl=ttl, base_url=url)
        fd = listening.fileno()
        return make_server(host, 0, app, threaded=True, request_handler=_QuietHandler, fd=fd), url


def serve(
    host: str = "127.0.0.1",
    port: int = PORT,
    ttl: int = TTL,
    open_browser: bool = False,
    out: Callable[[str], Any] = print,
) -> None:
    """Serves the sample site until Ctrl-C.

    Args:
        host: address of this machine to listen on.
        port: TCP port; the next free one is taken where it is in use, any free one for 0.
        ttl: lifetime of every token in seconds.
        open_browser: also show it in the default browser.
        out: takes each line for the terminal.

    Raises:
        PortError: no port could be had; the message is one line for the user.
        ValueError: ``ttl`` is not positive.
    """
    server, url = make(host, port, ttl=ttl)
    if port not in (0, server.port):
        out(f"Port {port} is in use, so this is port {server.port}.")
    try:
        out(f"The widgetmw demo is at {url}/ (press Ctrl-C to stop it)")
        sys.stdout.flush()
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(f"{url}/",), daemon=True).start()
        server.serve_forever()
    except KeyboardInterrupt:
        # Before the loop, which ends by itself: somebody was quick.
        server.server_close()
    out("The demo has stopped.")


def _url(host: str, port: int) -> str:
    # The wildcard addresses are for listening; a browser needs a name.
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104
    return f"http://{name or (f'[{host}]' if ':' in host else host)}:{port}"
