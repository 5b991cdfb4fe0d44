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
_MAX_ATTEMPTS = 20
_MAX_PORT = 65_535


class PortError(OSError):
    """The demo cannot listen on the requested address. The message is one line for the user."""


class _QuietHandler(WSGIRequestHandler):
    """Logs no requests: URLs may contain tokens, and the demo's output is meant for people."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def bind(host: str, port: int) -> socket.socket:
    """Returns a listening socket on ``port``, or on the next free one after it.

    Raises:
        PortError: the host is not local, the port is invalid or not permitted, or it and the next ports are all in use.
    """
    if not 0 <= port <= _MAX_PORT:
        raise PortError(f"the port must be between 0 and {_MAX_PORT}, not {port}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    last = port if port == 0 else min(port + _MAX_ATTEMPTS - 1, _MAX_PORT)
    for candidate in range(port, last + 1):
        try:
            return socket.create_server((host, candidate), family=family)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortError(f"cannot listen on {host} port {candidate}: {error.strerror}") from error
    raise PortError(f"ports {port} to {last} on {host} are all in use; choose another port")


def create_server(host: str = "127.0.0.1", port: int = PORT, *, ttl: int = TTL) -> tuple[BaseWSGIServer, str]:
    """Returns the server, bound but not yet serving, and the URL of the site.

    Raises:
        PortError: as :func:`bind`.
        ValueError: ``ttl`` is not positive.
    """
    if ttl < 1:
        raise ValueError("ttl must be a positive number of seconds")
    with bind(host, port) as listener:
        url = _url(host, listener.getsockname()[1])
        app = create_app(ttl=ttl, base_url=url)
        fd = listener.fileno()
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
        host: local address to listen on.
        port: TCP port. If it is in use, the next free one is used; 0 means any free port.
        ttl: lifetime of every token in seconds.
        open_browser: also open the site in the default browser.
        out: called with each line of output.

    Raises:
        PortError: no port is available.
        ValueError: ``ttl`` is not positive.
    """
    server, url = create_server(host, port, ttl=ttl)
    if port not in (0, server.port):
        out(f"Port {port} is in use; using port {server.port} instead.")
    try:
        out(f"The widgetmw demo is running at {url}/ (press Ctrl-C to stop)")
        sys.stdout.flush()
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(f"{url}/",), daemon=True).start()
        server.serve_forever()
    except KeyboardInterrupt:
        # Interrupted before serve_forever, which would have closed the server itself.
        server.server_close()
    out("The demo has stopped.")


def _url(host: str, port: int) -> str:
    # Wildcard addresses are for listening only; a browser needs an address it can connect to.
    address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104
    return f"http://{address or (f'[{host}]' if ':' in host else host)}:{port}"
