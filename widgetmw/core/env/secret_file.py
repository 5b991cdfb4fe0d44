"""Files that hold secrets: they never print, and may change while the process runs."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

from widgetmw.core.events import Events

MAX_BYTES = 65_536
# A key file is read every 4 s, and a user's tokens are checked 4 s later: a change takes effect within 10 s.
WATCH_PERIOD = 4.0

Configured = TypeVar("Configured")


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds the value of a variable, as container platforms mount them, and the content last read."""

    variable: str
    path: str = field(repr=False)  # not a Path: pathlib takes 3 ms to import
    content: str = field(default="", repr=False, compare=False)

    def read(self, again: bool = False) -> str:
        """Reads the value, without its trailing newline. A pipe can be read once, and would block when read again.

        Raises:
            ValueError: the file cannot be read, is empty, too large or not UTF-8; the message shows neither path nor
                content.
        """
        try:
            if again and os.path.exists(self.path) and not os.path.isfile(self.path):
                raise ValueError("is not a regular file, and cannot be read again")
            with open(self.path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                raise ValueError(f"is larger than {MAX_BYTES} bytes")
            text = data.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            raise ValueError(f"cannot be read ({error.strerror or type(error).__name__})") from None
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8 text") from None
        if not text:
            raise ValueError("is empty")
        return text


class SecretFileWatcher:
    """Polls the files that configure one vendor or proxy; logs problems as events of a kind. Not thread-safe.

    The contents are compared to find a change: a platform that swaps a symbolic link may keep size and times, and
    the files are so small that reading one costs no more than asking for its times.
    """

    def __init__(self, files: Sequence[SecretFile], events: Events, kind: str) -> None:
        self._files = files
        self._events = events
        self._kind = kind
        self._contents = {file.variable: file.content for file in files}
        self._next = -inf

    def is_due(self, now: float) -> bool:
        """Whether it is time to read the files again; also after the clock was set back."""
        return bool(self._files) and not self._next - WATCH_PERIOD <= now < self._next

    def reload(self, now: float, configure: Callable[[Mapping[str, str]], Configured]) -> Configured | None:
        """Reads the files if it is time to, and configures the vendor or proxy anew if a content has changed.

        ``configure`` takes the contents of all files by variable, since a pair of key and secret changes together; it
        raises ``ValueError`` if they are malformed. Returns its result; ``None`` if nothing has changed, or the new
        contents cannot be used.
        """
        if not self.is_due(now):
            return None
        self._next = now + WATCH_PERIOD
        contents = {}
        for file in self._files:
            try:
                contents[file.variable] = file.read(again=True)
            except ValueError as error:
                # between two versions a file may be missing; the current keys are still valid
                self._events.warn_once(self._kind, "key_file_unreadable", f"{file.variable}_FILE {error}")
                return None
        if contents == self._contents:
            return None
        self._contents = contents  # also if they are malformed: that is logged once
        try:
            return configure(contents)
        except ValueError as error:
            names = ", ".join(f"{name}_FILE" for name in contents)
            message = f"{names}: the new content cannot be used: {error}"
            self._events.count_and_warn(self._kind, "key_file_malformed", message)
            return None
