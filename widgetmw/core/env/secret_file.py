"""A file that holds a secret, which never prints and may change while the process runs."""

from __future__ import annotations

import os.path
from dataclasses import dataclass, field
from math import inf

_MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds one value, as container platforms mount them.

    Attributes:
        variable: the variable whose value it holds, without ``_FILE``.
        path: where it is.
        content: what was read last.
    """

    variable: str
    path: str = field(repr=False)  # no Path: pathlib takes 3 ms to import
    content: str = field(default="", repr=False, compare=False)

    def read(self, again: bool = False) -> str:
        """Reads the value, without its trailing newline.

        Args:
            again: while the process runs. A pipe is good for the first reading, and would block another.

        It is the content that is compared to find a change: a platform that swaps a link may keep size and
        times, and the file is too small for reading it to cost more than asking for those.

        Raises:
            ValueError: it cannot be read, is empty, too large or not UTF-8; the message holds neither the
                path nor any of the content.
        """
        try:
            if again and not os.path.isfile(self.path):
                raise ValueError("is no regular file, and cannot be read again")
            with open(self.path, "rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise ValueError(f"cannot be read ({error.strerror or type(error).__name__})") from None
        if len(data) > _MOST_BYTES:
            raise ValueError(f"is larger than {_MOST_BYTES} bytes")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8 text") from None
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise ValueError("is empty")
        return text


class Watch:
    """Looks after one file while the process runs. The caller keeps threads apart.

    Args:
        file: with the content that is in use.
        period: seconds between two looks.
    """

    __slots__ = ("_content", "_file", "_next", "_period")

    def __init__(self, file: SecretFile, period: float) -> None:
        self._file = file
        self._period = period
        self._content = file.content
        self._next = -inf

    def due(self, now: float) -> bool:
        """Whether it is time to look again; also after the clock was set back."""
        return not self._next - self._period <= now < self._next

    def changed(self, now: float) -> str | None:
        """Returns the content where it is another than at the last look, else ``None``.

        Raises:
            ValueError: it cannot be read, as :meth:`SecretFile.read` says it.
        """
        self._next = now + self._period
        content = self._file.read(again=True)
        if content == self._content:
            return None
        self._content = content
        return content
