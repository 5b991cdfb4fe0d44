"""Drives an installed Firefox through its own remote protocol, Marionette; Playwright needs its own build."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

PREFERENCES = {
    "marionette.port": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
}
START_SECONDS = 60.0


class Firefox:
    """A headless Firefox with a fresh profile."""

    def __init__(self, path: str, profile: Path) -> None:
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        (profile / "user.js").write_text("".join(lines))
        command = [path, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._count = 0
        self._open = ExitStack()
        try:
            self._stream = self._open.enter_context(self._connect(profile / "MarionetteActivePort"))
            self.call("WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        except BaseException:
            self.close()
            raise

    def _connect(self, port: Path) -> Any:
        deadline = time.monotonic() + START_SECONDS
        while not (port.exists() and port.read_text()):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("Firefox did not start")
            time.sleep(0.1)
        address = ("127.0.0.1", int(port.read_text()))
        stream = self._open.enter_context(socket.create_connection(address, timeout=START_SECONDS)).makefile("rwb")
        self._read(stream)
        return stream

    @staticmethod
    def _read(stream: Any) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += stream.read(1)
        return json.loads(stream.read(int(length[:-1])))

    def call(self, name: str, **parameters: Any) -> Any:
        """Runs a command and returns its result; raises its error."""
        self._count += 1
        message = json.dumps([0, self._count, name, parameters]).encode()
        self._stream.write(b"%d:%s" % (len(message), message))
        self._stream.flush()
        _, _, error, result = self._read(self._stream)
        if error:
            raise RuntimeError(f"{name}: {error['message']}")
        return result

    def goto(self, url: str) -> None:
        self.call("WebDriver:Navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression in the page."""
        return self.call("WebDriver:ExecuteScript", script=f"return ({expression});", args=[])["value"]

    def wait_for(self, expression: str, seconds: float = 15) -> None:
        """Waits until an expression is true in the page."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(expression)
            time.sleep(0.05)

    def new_tab(self) -> str:
        handle: str = self.call("WebDriver:NewWindow", type="tab")["handle"]
        return handle

    def switch(self, handle: str) -> None:
        self.call("WebDriver:SwitchToWindow", handle=handle)

    def cookie(self, name: str, value: str) -> None:
        self.call("WebDriver:AddCookie", cookie={"name": name, "value": value})

    def close(self) -> None:
        self._open.close()
        self._process.terminate()
        self._process.wait(20)
