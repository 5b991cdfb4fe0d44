"""The app of ``apps.py`` with keys from files, and with a clock that the test moves from another process."""

from __future__ import annotations

import mmap
import os
from dataclasses import replace
from pathlib import Path

from tests.servers.apps import asgi_app, async_user, wsgi_app, wsgi_user
from widgetmw import Settings
from widgetmw.asgi import WidgetMiddleware as AsgiMiddleware
from widgetmw.wsgi import WidgetMiddleware as WsgiMiddleware


class SharedClock:
    """Unix seconds that stand still until a process moves them, for all processes that share the file.

    It starts in the past, so that by this clock no key file has been unchanged for long.
    """

    START = 1_700_000_000

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(b"\0")
        with path.open("r+b") as file:
            self._seconds = mmap.mmap(file.fileno(), 1)  # one byte: nobody reads a half-written one

    def __call__(self) -> float:
        return self.START + self._seconds[0]

    def move(self) -> None:
        """Moves the clock one second forward."""
        self._seconds[0] += 1


if "TEST_CLOCK" in os.environ:
    settings = replace(Settings.from_env(), clock=SharedClock(Path(os.environ["TEST_CLOCK"])))
    asgi = AsgiMiddleware(asgi_app, settings, user=async_user)
    wsgi = WsgiMiddleware(wsgi_app, settings, user=wsgi_user)
