"""A file that holds a secret, which never prints and may change while the process runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

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
    path: Path = field(repr=False)
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
            if again and not self.path.is_file():
                raise ValueError("is no regular file, and cannot be read again")
            with self.path.open("rb") as file:
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
