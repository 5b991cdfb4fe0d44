"""Secret files: their content never appears in a repr or message, and may change while the process runs."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, TypeVar

from widgetmw.core.events import Events

MAX_BYTES: Final = 65_536
# Key files are read every 3 s. A change is used once two looks have seen the same contents, and a user's tokens are
# checked 3 s later. So it takes effect within 10 s.
WATCH_PERIOD: Final = 3.0
MAX_DELAY: Final = 10.0
PIPE_TIMEOUT: Final = 3.0  # seconds

Configured = TypeVar("Configured")


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds the value of a variable, as container platforms mount them, and the content last read."""

    variable: str
    path: str = field(repr=False)  # not a Path: pathlib takes 3 ms to import
    content: str = field(default="", repr=False, compare=False)

    def read(self, again: bool = False) -> str:
        """Reads the value, without its trailing newline. ``again`` refuses anything but a regular file.

        Raises:
            ValueError: the file cannot be read, or its content cannot be meant; the message shows neither path nor
                content.
        """
        try:
            text = self._read_bytes(again).decode()
        except OSError as error:
            where = "" if os.path.isabs(self.path) else "; the path is relative to the directory the process runs in"
            raise ValueError(f"cannot be read ({error.strerror or type(error).__name__}){where}") from None
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8 text") from None
        return _value(text)

    def is_older_than(self, timestamp: float) -> bool:
        """Whether the file, and a link in its place, were last written or moved before a time in Unix seconds."""
        try:
            states = os.stat(self.path), os.lstat(self.path)
        except OSError:
            return False
        return all(max(state.st_mtime, state.st_ctime) < timestamp for state in states)

    def _read_bytes(self, again: bool) -> bytes:
        if again and not stat.S_ISREG(os.stat(self.path).st_mode):
            raise ValueError("is not a regular file, and cannot be read again")  # opening a pipe would cost its writer
        with open(self.path, "rb", opener=_open_without_waiting) as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISFIFO(mode):
                data = _read_pipe(file.fileno())
            elif stat.S_ISREG(mode):
                data = file.read(MAX_BYTES + 1)
            else:
                raise ValueError("is neither a file nor a pipe")
        if len(data) > MAX_BYTES:
            raise ValueError(f"is larger than {MAX_BYTES} bytes")
        return data


def _open_without_waiting(path: str, flags: int) -> int:
    # otherwise a named pipe would wait here for a writer
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_pipe(descriptor: int) -> bytes:
    """Reads a pipe to its end. Waits for its writer, but not for ever."""
    from select import select  # imported late: few values come from a pipe

    data, end = b"", time.monotonic() + PIPE_TIMEOUT
    while len(data) <= MAX_BYTES:
        if not select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
            raise ValueError(f"is a pipe that nobody wrote to the end within {PIPE_TIMEOUT:g} seconds")
        if not (chunk := os.read(descriptor, MAX_BYTES + 1 - len(data))):
            break
        data += chunk
    return data


def _value(text: str) -> str:
    """Returns the value in a file's text, without the trailing newline."""
    if text.startswith("\ufeff"):
        raise ValueError("begins with a byte-order mark; save it without one")
    if "\0" in text:
        raise ValueError("holds a NUL, so it is not complete or not UTF-8 text")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip("\r\n"):
        raise ValueError("is empty")
    is_one_line = "\n" not in text.strip()
    if is_one_line and text != text.strip("\r\n"):
        raise ValueError("has a blank line before or after the value")
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
        # Attributes, not local variables: error reporters record those.
        self._contents = {file.variable: file.content for file in files}  # in use, or rejected
        self._seen = self._contents  # at the last look
        self._seen_before = self._contents
        self._next = -inf
        self._outage = ""

    def is_due(self, now: float) -> bool:
        """Whether it is time to read the files again; also after the clock was set back."""
        return bool(self._files) and not self._next - WATCH_PERIOD <= now < self._next

    def reload(self, now: float, configure: Callable[[Mapping[str, str]], Configured]) -> Configured | None:
        """Reads the files if it is time to, and configures the vendor or proxy anew if a content has changed.

        ``configure`` takes the contents of all files by variable, since a pair of key and secret changes together; it
        raises ``ValueError`` if they are malformed. Returns its result; ``None`` if nothing has changed, the change is
        not complete yet, or the new contents cannot be used.
        """
        if not self.is_due(now):
            return None
        self._next = now + WATCH_PERIOD
        if not self._look() or self._seen == self._contents or not self._is_settled(now):
            return None
        changed = [f"{name}_FILE" for name, content in self._seen.items() if content != self._contents[name]]
        self._contents = self._seen  # also if they are malformed: that is logged once
        try:
            configured = configure(self._contents)
        except ValueError as error:
            names = ", ".join(f"{name}_FILE" for name in self._contents)
            message = f"{names}: the new content cannot be used: {error}; the current one stays in use"
            self._events.count(self._kind, "key_file_malformed")
            self._events.warn_always(self._kind, "key_file_malformed", message)
            return None
        except BaseException as error:  # such as a worker's timeout: the frames further in hold keys
            raise error.with_traceback(None) from None
        self._events.inform(self._kind, "key_changed", f"{', '.join(changed)}: the new content is in use")
        return configured

    def _look(self) -> bool:
        """Reads all files; returns whether all of them can be used."""
        self._seen_before, self._seen = self._seen, {}
        try:
            for file in self._files:
                self._seen[file.variable] = file.read(again=True)
        except ValueError as error:
            # between two versions a file may be missing; the current keys are still valid
            message = f"{file.variable}_FILE {error}; the current content stays in use"
            self._events.count(self._kind, "key_file_unreadable")
            if message != self._outage:
                self._events.warn_always(self._kind, "key_file_unreadable", message)
            self._outage = message
            return False
        self._outage = ""
        return True

    def _is_settled(self, now: float) -> bool:
        """Whether no file is being written, nor its pair still to be replaced, as far as that can be seen.

        The last look saw the same. Or there was none for a while, and the change must have taken effect by now.
        """
        return self._seen == self._seen_before or all(file.is_older_than(now - MAX_DELAY) for file in self._files)
